"""One rank of Open MPI's all-reduce over float32; a JSON line a repeat, in a file of its own.

Run by `selmcast bench net` under mpirun, which forces the ring algorithm and plain TCP. The first repeat, which
connects, is on a small buffer and not printed. Times are CLOCK_MONOTONIC of the machine that all hosts share.
"""
import argparse
import json
import resource
import time

import numpy
from mpi4py import MPI


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--elements", type=int, required=True)
    parser.add_argument("--repeats", type=int, required=True)
    parser.add_argument("--out", required=True, help="folder of rank-N.jsonl")
    flags = parser.parse_args()
    world = MPI.COMM_WORLD
    rank, hosts = world.Get_rank(), world.Get_size()
    world.Allreduce(MPI.IN_PLACE, numpy.ones(1000, dtype=numpy.float32))
    for repeat in range(flags.repeats):
        values = numpy.full(flags.elements, rank + 1, dtype=numpy.float32)
        world.Barrier()
        before = cpu_seconds()
        started = time.monotonic()
        world.Allreduce(MPI.IN_PLACE, values)
        ended = time.monotonic()
        used = cpu_seconds() - before
        assert values[-1] == hosts * (hosts + 1) / 2, "the sum is wrong"
        # Not through mpirun, which joins the ranks' lines as they come.
        with open(f"{flags.out}/rank-{rank}.jsonl", "a") as file:
            file.write(json.dumps({"round": repeat, "started": started, "ended": ended, "cpu_seconds": used,
                                   "reached": hosts - 1}) + "\n")


main()
