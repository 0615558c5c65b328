"""Fashion-MNIST with DistributedDataParallel: what pytorch_fashion_mnist.py is to be compared with (diff the two).

    torchrun --nproc_per_node 4 pytorch_fashion_mnist_ddp.py --epochs 3
"""

import fashion_mnist as task
import torch
import torch.distributed as dist

args = task.flags()
dist.init_process_group("gloo")
rank, ranks = dist.get_rank(), dist.get_world_size()

images, labels = task.load(args.data, "train")
model = task.make_model(args.seed)
model = torch.nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=args.rate, momentum=0.9)
loss_of = torch.nn.CrossEntropyLoss()

for epoch in range(args.epochs):
    for batch in task.batches(args, rank, ranks, epoch):
        optimizer.zero_grad()
        loss = loss_of(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
    print(f"rank {rank} epoch {epoch}: loss {loss.item():.3f}", flush=True)

if rank == 0:
    print(f"accuracy {task.accuracy(model.module, *task.load(args.data, 't10k')):.2f} %", flush=True)
dist.destroy_process_group()
