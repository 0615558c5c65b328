"""Run by test_launchers.py under each launcher: two rounds of numpy, and what came out. Worker k starts with k."""

import os
import sys

import numpy
import selmcast

session = selmcast.init(timeout=50.0)
address = session.manager_for({"planner": "broadcast"})
values = numpy.full(4, selmcast.rank(), numpy.float32)
with selmcast.Worker(address, f"w{selmcast.rank()}", [("x", (4,))]) as worker:
    for _ in range(2):
        worker.synchronize(values)
if sys.argv[1:] == ["fail"] and selmcast.rank() == 0:
    raise RuntimeError("rank 0 fails")
# In one piece, also where Python is told not to buffer: ranks share standard output.
os.write(1, f"rank {selmcast.rank()} of {selmcast.world_size()}: {values[0]:.2f}\n".encode())
