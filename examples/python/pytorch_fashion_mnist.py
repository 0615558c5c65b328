"""Fashion-MNIST with SelMcast. Against pytorch_fashion_mnist_ddp.py three lines of the training have changed.

    selmcast run -n 4 -- /usr/bin/python3 pytorch_fashion_mnist.py --epochs 3
    torchrun --nproc_per_node 4 pytorch_fashion_mnist.py --sync ssp --every 5    (or mpirun -n 4 /usr/bin/python3 ...)
"""

import fashion_mnist as task
import selmcast.torch
import torch

args = task.flags(
    sync={"help": "bsp, ssp or asp"}, planner={"help": "auto, paper, random, broadcast, ..."},
    min_receivers={"type": float}, staleness={"type": int}, every={"type": int, "default": 1},
    payload={"help": "float32, float16, bfloat16 or int8"},
)
session = selmcast.init()
rank, ranks = selmcast.rank(), selmcast.world_size()

images, labels = task.load(args.data, "train")
model = task.make_model(args.seed)
selmcast.torch.broadcast_parameters(model)
optimizer = torch.optim.SGD(model.parameters(), lr=args.rate, momentum=0.9)
optimizer = selmcast.torch.DistributedOptimizer(
    optimizer, model=model, sync=args.sync, planner=args.planner, min_receivers=args.min_receivers,
    staleness=args.staleness, every=args.every, payload=args.payload,
)
loss_of = torch.nn.CrossEntropyLoss()

for epoch in range(args.epochs):
    for batch in task.batches(args, rank, ranks, epoch):
        optimizer.zero_grad()
        loss = loss_of(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
    print(f"rank {rank} epoch {epoch}: loss {loss.item():.3f}", flush=True)

found = selmcast.torch.consensus(model)
if rank == 0:
    print(f"average of {found.workers} models, consensus distance {found.distance:.4f}")
    print(f"accuracy {task.accuracy(model, *task.load(args.data, 't10k')):.2f} %", flush=True)
