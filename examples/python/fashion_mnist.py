"""What the two Fashion-MNIST examples share: flags, data, model, evaluation. Nothing of SelMcast is in here."""

from __future__ import annotations

import argparse
import gzip
import os

import numpy
import torch

FOLDER = "/usr/share/datasets/fashion-mnist"  # Debian package dataset-fashion-mnist


def flags(**more: dict) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64, help="of each rank")
    parser.add_argument("--rate", type=float, default=0.05, help="learning rate of SGD with momentum 0.9")
    parser.add_argument("--examples", type=int, default=60_000, help="of the training set, to try things out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", default=FOLDER)
    for name, options in more.items():
        parser.add_argument("--" + name.replace("_", "-"), **options)
    return parser.parse_args()


def _read(path: str, skip: int) -> numpy.ndarray:
    with gzip.open(path) as file:
        return numpy.frombuffer(file.read(), numpy.uint8, offset=skip)


def load(folder: str, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as floats around 0, [count, 784], and their classes. ``part``: "train" or "t10k"."""
    images = _read(os.path.join(folder, f"{part}-images-idx3-ubyte.gz"), 16).reshape(-1, 784)
    labels = _read(os.path.join(folder, f"{part}-labels-idx1-ubyte.gz"), 8)
    return (torch.from_numpy(images.astype(numpy.float32)) - 73.0) / 90.0, torch.from_numpy(labels.astype(numpy.int64))


def make_model(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(784, 320), torch.nn.BatchNorm1d(320), torch.nn.ReLU(),
        torch.nn.Linear(320, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10),
    )


def batches(args: argparse.Namespace, rank: int, ranks: int, epoch: int) -> list[torch.Tensor]:
    """This rank's batches of an epoch, as positions: a deck shuffled anew each epoch, dealt out evenly."""
    deck = torch.randperm(args.examples, generator=torch.Generator().manual_seed(1000 * args.seed + epoch))
    return list(deck[rank::ranks][: args.examples // ranks].split(args.batch))


@torch.no_grad()
def accuracy(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    model.eval()
    right = (model(images).argmax(1) == labels).double().mean().item()
    model.train()
    return 100 * right
