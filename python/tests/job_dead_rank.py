"""Run by test_dead_rank.py, as one of three ranks: selmcast.torch's consensus() where a rank has died for good.

    job_dead_rank.py VICTIM training|consensus

The victim is killed in the middle of the training, or when it has sent a part of its model to the consensus.
"""

import os
import signal
import sys
import time

import selmcast
import selmcast.torch
import torch
from selmcast import frames

victim, when = int(sys.argv[1]), sys.argv[2]
selmcast.init(timeout=50.0)
me = selmcast.rank()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Dying:
    """A socket: the header goes out, then half of the first tensor."""

    def __init__(self, connection):
        self.connection = connection
        self.sent = 0

    def sendall(self, data):
        self.connection.sendall(data[: len(data) // (1 + self.sent)])
        if self.sent:
            die()
        self.sent += 1


model = torch.nn.Linear(64, 64)
selmcast.torch.broadcast_parameters(model)
if when == "training":
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    selmcast.torch.DistributedOptimizer(optimizer, model=model, min_receivers=1.0)
    for step in range(6):
        if me == victim and step == 3:
            die()
        optimizer.zero_grad()
        model(torch.ones(1, 64)).sum().backward()
        optimizer.step()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.fill_(float(me))
if me == victim:
    whole = frames.send
    frames.send = lambda connection, message, raw=(): whole(Dying(connection) if raw else connection, message, raw)
before = time.monotonic()
try:
    found = selmcast.torch.consensus(model, timeout=600.0)
    outcome = f"consensus of {found.workers}, without {list(found.missing)}: {model.weight[0, 0]:.1f}"
except selmcast.Error as error:
    outcome = f"{type(error).__name__}: {error}"
# Far less than the time-out: a dead rank is known by its connection.
soon = "soon" if time.monotonic() - before < 60 else "late"
os.write(1, f"rank {me} {soon}: {outcome}\n".encode())
