"""A character-level transformer, every rank on its own part of a text; a sample at the end.

    selmcast run -n 4 -- /usr/bin/python3 char_transformer.py --steps 400

The text: the licences in /usr/share/common-licenses of Debian's package base-files (which every Debian has), about a
quarter of a million characters. Each licence permits verbatim copies of itself. --text FILE takes another one.
"""

import argparse
import pathlib

import selmcast.torch
import torch

FOLDER = pathlib.Path("/usr/share/common-licenses")
LICENCES = ("Apache-2.0", "Artistic", "GFDL-1.3", "GPL-1", "GPL-2", "GPL-3", "LGPL-2.1", "LGPL-3", "MPL-2.0")


class CharTransformer(torch.nn.Module):
    """Predicts each next character from those before it. Input [batch, length] of ids, output [batch, length, ids]."""

    def __init__(self, ids: int, width: int, layers: int, length: int) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(ids, width)
        self.position = torch.nn.Parameter(torch.zeros(length, width))
        layer = torch.nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.layers = torch.nn.TransformerEncoder(layer, layers)
        self.out = torch.nn.Linear(width, ids)
        self.register_buffer("mask", torch.full((length, length), float("-inf")).triu(1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.shape[1]
        return self.out(self.layers(self.embed(x) + self.position[:n], self.mask[:n, :n]))


parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--every", type=int, default=5, help="steps between synchronisations")
parser.add_argument("--width", type=int, default=64)
parser.add_argument("--length", type=int, default=64)
parser.add_argument("--text", type=pathlib.Path)
args = parser.parse_args()

selmcast.init()
rank, ranks = selmcast.rank(), selmcast.world_size()
paths = [args.text] if args.text else [FOLDER / name for name in LICENCES]
text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)
alphabet = sorted(set(text))
data = torch.tensor([alphabet.index(c) for c in text])
mine = data[rank * len(data) // ranks : (rank + 1) * len(data) // ranks]

torch.manual_seed(rank)
model = CharTransformer(len(alphabet), args.width, 2, args.length)
selmcast.torch.broadcast_parameters(model)
optimizer = torch.optim.AdamW([p for p in model.parameters()], lr=2e-3)
with selmcast.torch.DistributedOptimizer(optimizer, model=model, every=args.every) as optimizer:
    for step in range(args.steps):
        begins = torch.randint(len(mine) - args.length - 1, (16,)).tolist()
        batch = torch.stack([mine[b : b + args.length + 1] for b in begins])
        scores = model(batch[:, :-1])
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 49:
            print(f"rank {rank} step {step + 1}: {loss.item() / 0.6931:.2f} bits a character", flush=True)

selmcast.torch.consensus(model)
if rank == 0:
    ids = data[:1].tolist()
    with torch.no_grad():
        for _ in range(200):
            scores = model(torch.tensor([ids[-args.length :]]))[0, -1]
            ids.append(int(torch.multinomial((scores / 0.7).softmax(0), 1)))
    print("".join(alphabet[k] for k in ids))
