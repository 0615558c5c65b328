"""One rank of Gloo's ring all-reduce or all-gather over float32, as PyTorch offers them; a JSON line a repeat.

Run by `selmcast bench net` on every host of a testbed, with the variables that torchrun sets. The first repeat, which
connects, is on a small tensor and not printed. Times are CLOCK_MONOTONIC of the machine that all hosts share.
"""
import argparse
import json
import os
import resource
import time

import torch
import torch.distributed as dist


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("collective", choices=["allreduce", "allgather"])
    parser.add_argument("--elements", type=int, required=True)
    parser.add_argument("--repeats", type=int, required=True)
    flags = parser.parse_args()
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "eth0")
    dist.init_process_group("gloo", init_method="env://")
    rank, hosts = dist.get_rank(), dist.get_world_size()

    def run(values, gathered):
        if flags.collective == "allreduce":
            dist.all_reduce(values)
        else:
            dist.all_gather(gathered, values)

    def buffers(elements):
        values = torch.full((elements,), float(rank + 1))
        gathered = [torch.empty(elements) for _ in range(hosts)] if flags.collective == "allgather" else []
        return values, gathered

    run(*buffers(1000))
    for repeat in range(flags.repeats):
        values, gathered = buffers(flags.elements)
        dist.barrier()
        before = cpu_seconds()
        started = time.monotonic()
        run(values, gathered)
        ended = time.monotonic()
        used = cpu_seconds() - before
        if flags.collective == "allreduce":
            assert values[-1].item() == hosts * (hosts + 1) / 2, "the sum is wrong"
        else:
            assert all(part[-1].item() == k + 1 for k, part in enumerate(gathered)), "a part is wrong"
        print(json.dumps({"round": repeat, "started": started, "ended": ended, "cpu_seconds": used,
                          "reached": hosts - 1}), flush=True)
    dist.barrier()
    dist.destroy_process_group()


main()
