"""Softmax regression on Fashion-MNIST in plain numpy: selmcast.Worker needs no framework.

    selmcast run -n 4 -- /usr/bin/python3 numpy_regression.py
"""

import gzip
import sys

import numpy
import selmcast

FOLDER = "/usr/share/datasets/fashion-mnist"  # Debian package dataset-fashion-mnist


def read(name, skip):
    with gzip.open(f"{FOLDER}/{name}-ubyte.gz") as file:
        return numpy.frombuffer(file.read(), numpy.uint8, offset=skip)


rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
session = selmcast.init()
rank, ranks = selmcast.rank(), selmcast.world_size()
images = (read("train-images-idx3", 16).reshape(-1, 784) / 255).astype(numpy.float32)[rank::ranks]  # this rank's share
labels = numpy.eye(10, dtype=numpy.float32)[read("train-labels-idx1", 8)[rank::ranks]]

model = selmcast.Parameters({"weight": (784, 10), "bias": (10,)})  # named views of one block, model.flat
with selmcast.Worker(session.manager_for({}), f"w{rank}", model.tensors) as worker:
    for round in range(rounds):
        for step in range(20):
            pick = numpy.random.default_rng([rank, round, step]).integers(len(images), size=100)
            scores = numpy.exp(images[pick] @ model["weight"] + model["bias"])
            error = scores / scores.sum(1, keepdims=True) - labels[pick]
            model["weight"] -= 0.005 * images[pick].T @ error
            model["bias"] -= 0.005 * error.sum(0)
        report = worker.synchronize(model.flat)  # in place: the model is now mixed
    print(f"rank {rank}: last mixed with {list(report.mixed_with)}")

if rank == 0:
    test = (read("t10k-images-idx3", 16).reshape(-1, 784) / 255).astype(numpy.float32)
    right = (test @ model["weight"] + model["bias"]).argmax(1) == read("t10k-labels-idx1", 8)
    print(f"accuracy {100 * right.mean():.2f} %")
