"""The task of `selmcast bench accuracy`, the same for every contender: Fashion-MNIST, a perceptron, SGD with momentum.

The network is that of `selmcast-train` (mlp: 784-320-64-10, 272,394 values, 1.09 MB). Its parameters lie in one buffer
of float32 of which the tensors are views, gradients likewise: what is sent is that buffer, without copies, on both
sides.
"""
import gzip
import os

import numpy
import torch

FOLDER = "/usr/share/datasets/fashion-mnist"  # Debian package dataset-fashion-mnist
SHAPES = [("fc1.weight", (320, 784)), ("fc1.bias", (320,)), ("fc2.weight", (64, 320)), ("fc2.bias", (64,)),
          ("fc3.weight", (10, 64)), ("fc3.bias", (10,))]
VALUES = sum(int(numpy.prod(shape)) for _, shape in SHAPES)
MOMENTUM = 0.9


def _read(path, skip):
    with gzip.open(path) as file:
        return numpy.frombuffer(file.read(), numpy.uint8, offset=skip)


def load(part, folder=FOLDER):
    """Pixels, uint8 [count, 784], and classes, int64. `part`: "train" or "t10k"."""
    images = _read(os.path.join(folder, f"{part}-images-idx3-ubyte.gz"), 16).reshape(-1, 784)
    labels = _read(os.path.join(folder, f"{part}-labels-idx1-ubyte.gz"), 8)
    return torch.from_numpy(images.copy()), torch.from_numpy(labels.astype(numpy.int64))


def pixels(images):
    return images.float().sub_(73.0).div_(90.0)


def views(flat):
    """The tensors of SHAPES in a flat buffer."""
    parts, at = [], 0
    for _, shape in SHAPES:
        count = int(numpy.prod(shape))
        parts.append(flat[at:at + count].view(shape))
        at += count
    return parts


def forward(weights, images):
    w1, b1, w2, b2, w3, b3 = weights
    x = torch.relu(torch.addmm(b1, images, w1.t()))
    x = torch.relu(torch.addmm(b2, x, w2.t()))
    return torch.addmm(b3, x, w3.t())


class Training:
    """One worker's model, optimiser and shard. Every worker starts with the same model; shards are a deck shuffled by
    the seed and dealt out, and each worker draws its batches in an order of its own."""

    def __init__(self, data, seed, rank, workers, batch, learning_rate):
        self.images, self.labels = data
        self.flat, self.gradient = torch.zeros(VALUES), torch.zeros(VALUES)
        self.weights = views(self.flat)
        generator = torch.Generator().manual_seed(seed)
        for weight in self.weights:
            if weight.dim() == 2:
                bound = (3.0 / weight.shape[1]) ** 0.5
                weight.copy_(torch.empty(weight.shape).uniform_(-bound, bound, generator=generator))
        for weight, gradient in zip(self.weights, views(self.gradient)):
            weight.requires_grad_(True)
            weight.grad = gradient
        self.momentum = torch.zeros(VALUES)
        self.shard = torch.randperm(len(self.labels), generator=generator)[rank::workers]
        self.own = torch.Generator().manual_seed(1000 * seed + rank)
        self.batch, self.learning_rate = batch, learning_rate
        self.deck, self.at = self.shard[:0], 0

    def next_batch(self):
        if self.at + self.batch > len(self.deck):
            self.deck = self.shard[torch.randperm(len(self.shard), generator=self.own)]
            self.at = 0
        chosen = self.deck[self.at:self.at + self.batch]
        self.at += self.batch
        return pixels(self.images[chosen]), self.labels[chosen]

    def compute_gradient(self):
        images, labels = self.next_batch()
        self.gradient.zero_()
        torch.nn.functional.cross_entropy(forward(self.weights, images), labels).backward()

    @torch.no_grad()
    def apply(self):
        self.momentum.mul_(MOMENTUM).add_(self.gradient)
        self.flat.sub_(self.momentum, alpha=self.learning_rate)


@torch.no_grad()
def accuracy(flat, test):
    """Share of the test images that are classified right."""
    images, labels = test
    return (forward(views(flat), images).argmax(1) == labels).double().mean().item()
