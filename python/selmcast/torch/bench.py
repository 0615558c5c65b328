"""What ``Synchronizer.step()`` costs beside Gloo's all_reduce and all_gather of the same bytes, in one run on loopback.

``selmcast bench torch`` starts it on several ranks. The kinds take turns, so that what else the machine does hits all
alike; a rank's time is its median, what is printed is the slowest rank's. Before each measurement the ranks meet at a
barrier. With ``--payloads``: steps with p = .3 in each of them, and their ratios to all_reduce and all_gather of the
float32 values. Memory: how much a rank's resident set grew by the synchroniser, over the bytes of the model.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any, Callable

import torch
import torch.distributed as dist

import selmcast
from selmcast.torch.synchronizer import Synchronizer
from selmcast.worker import Payload


def resident_bytes() -> int:
    """Of this process now."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))


def median_of_slowest(times: list[float]) -> float:
    """Seconds: the largest of the ranks' medians."""
    mine = torch.tensor([statistics.median(times)], dtype=torch.float64)
    dist.all_reduce(mine, op=dist.ReduceOp.MAX)
    return float(mine[0])


def measure(size: int, rounds: int, warm_up: int, rate: float, receive_buffers: int, payloads: list[Payload]) -> None:
    """Prints a line for one model size, on rank 0; with ``payloads`` a line for each."""
    ranks = dist.get_world_size()
    tensor = torch.rand(size // 4)
    gathered = [torch.empty_like(tensor) for _ in range(ranks)]
    model = {"x": torch.nn.Parameter(tensor.clone())}
    options: dict[str, Any] = {"declared_uplink_bps": rate, "declared_downlink_bps": rate}
    options["receive_buffers"] = receive_buffers
    for place in gathered:
        place.zero_()  # touched, so that memory is counted before
    before = resident_bytes()
    selected = Synchronizer(model, sync="bsp", min_receivers=0.3, **options)
    kinds: dict[str, Callable[[], object]] = {"step, p = .3": selected.synchronize}
    for _ in range(warm_up):
        selected.synchronize()
    grown = resident_bytes() - before
    everybody = Synchronizer(model, sync="bsp", planner="broadcast", **options)
    kinds["step, broadcast"] = everybody.synchronize
    others: dict[str, Synchronizer] = {}
    for payload in payloads:
        others[payload] = Synchronizer(model, sync="bsp", min_receivers=0.3, payload=payload, **options)
        kinds[f"step, p = .3, {payload}"] = others[payload].synchronize
    kinds["all_reduce"] = lambda: dist.all_reduce(tensor)
    kinds["all_gather"] = lambda: dist.all_gather(gathered, tensor)
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(warm_up + rounds):
        for kind, act in kinds.items():
            dist.barrier()
            begin = time.perf_counter()
            act()
            if turn >= warm_up:
                times[kind].append(time.perf_counter() - begin)
        tensor.fill_(1.0)
    medians = {kind: median_of_slowest(found) for kind, found in times.items()}
    for synchronizer in (selected, everybody, *others.values()):
        synchronizer.close()
    if dist.get_rank() == 0 and payloads:
        for name in others:
            took = medians[f"step, p = .3, {name}"]
            ratios = [took / medians[kind] for kind in ("all_reduce", "all_gather")]
            print(f"| {size / 1e6:g} | {name} | {1e3 * took:.2f} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)
    elif dist.get_rank() == 0:
        cells = " | ".join(f"{1e3 * medians[kind]:.2f}" for kind in kinds)
        ratio = medians["step, broadcast"] / medians["all_gather"]
        print(f"| {size / 1e6:g} | {cells} | {ratio:.2f} | {grown / size:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="selmcast bench torch", description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.1, 1, 4, 16, 64], help="of the model, in MB")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--rate", type=float, default=20e9, help="bit/s that links are declared to carry")
    parser.add_argument("--receive-buffers", type=int, default=8)
    parser.add_argument("--payloads", nargs="+", default=[], help="steps with each of these, beside all_reduce")
    args = parser.parse_args()
    selmcast.init(quiet=True)
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    if dist.get_rank() == 0:
        print(f"{dist.get_world_size()} ranks, torch {torch.__version__}")
        ratio = "ratios" if args.payloads else "broadcast over all_gather; memory in models"
        print(f"Milliseconds, the slowest rank's median of {args.rounds}; {ratio}")
        if args.payloads:
            print("| MB | payload | step, p = .3 | of all_reduce | of all_gather |")
            print("|---:|---|---:|---:|---:|", flush=True)
        else:
            print("| MB | step, p = .3 | step, broadcast | all_reduce | all_gather | ratio | memory |")
            print("|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for size in args.sizes:
        measure(int(size * 1e6) // 4 * 4, args.rounds, args.warm_up, args.rate, args.receive_buffers, args.payloads)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
