"""A host of `selmcast bench accuracy`: waits for orders on standard input and trains in a child process of its own.

Torch and the data are loaded once; a run is a fork. An order is a JSON line: {"run": {...}} starts a run (it ends
the one before), {"stop": true} ends it. Answers on standard output: "ready" once, and "stopped" after each stop. A run
leaves in its folder a snapshot a round, `wRANK-NUMBER.npy`, and beside it a line of `wRANK.jsonl`:

    {"snapshot": 3, "at": 1234.5, "steps": 40, "compute_seconds": 0.4, "lent_seconds": 0.1}

at: CLOCK_MONOTONIC, which all hosts share. compute_seconds: from the start of the training, what was computed, the
sleep to the floor included (run.py says what that is); lent_seconds: the sleep alone. Ends with its parent.
"""
import ctypes
import json
import os
import signal
import sys
import time

import numpy
import task
import torch


def die_with(parent):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


class Record:
    def __init__(self, run):
        self.prefix = os.path.join(run["folder"], f"w{run['rank']}")
        self.lines = open(self.prefix + ".jsonl", "a", buffering=1)
        self.count, self.steps, self.compute, self.lent = 0, 0, 0.0, 0.0
        self.floor = run["step_seconds"] * run["slow_factor"]

    def step_took(self, began):
        """Waits until the step has taken as long as on the device that is played."""
        used = time.monotonic() - began
        self.lent += max(0.0, self.floor - used)
        if used < self.floor:
            time.sleep(self.floor - used)
        self.compute += time.monotonic() - began
        self.steps += 1

    def snapshot(self, flat):
        """Of the model, or, with None, only what the time went to."""
        at = time.monotonic()
        if flat is not None:
            name = f"{self.prefix}-{self.count}.npy"
            numpy.save(name + ".part.npy", flat.detach().numpy())
            os.rename(name + ".part.npy", name)
        self.lines.write(json.dumps({"snapshot": self.count, "at": at, "steps": self.steps,
                                     "compute_seconds": self.compute, "lent_seconds": self.lent}) + "\n")
        self.count += 1


def join_gloo(run):
    import torch.distributed as dist
    os.environ.update(GLOO_SOCKET_IFNAME="eth0")
    dist.init_process_group("gloo", init_method=f"tcp://{run['meet']}", rank=run["rank"], world_size=run["workers"])
    dist.barrier()
    return dist


def train_gloo(run, training, record):
    """local_steps 0: gradients are averaged in every step; else parameters after so many steps."""
    dist = join_gloo(run)
    record.snapshot(training.flat)
    local = run["local_steps"]
    while True:
        began = time.monotonic()
        training.compute_gradient()
        if local == 0:
            record.step_took(began)
            dist.all_reduce(training.gradient)
            training.gradient.div_(run["workers"])
            training.apply()
        else:
            training.apply()
            record.step_took(began)
            if record.steps % local:
                continue
            with torch.no_grad():
                flat = training.flat.detach()
                dist.all_reduce(flat)
                flat.div_(run["workers"])
        # All models are the same.
        record.snapshot(training.flat if run["rank"] == 0 else None)


def train_ours(run, training, record):
    import selmcast
    worker = selmcast.Worker(run["meet"], f"w{run['rank']}", task.SHAPES, declared_uplink_bps=run["uplink_bps"],
                             declared_downlink_bps=run["downlink_bps"])
    record.snapshot(training.flat)
    while True:
        for _ in range(run["local_steps"]):
            began = time.monotonic()
            training.compute_gradient()
            training.apply()
            record.step_took(began)
        worker.synchronize(training.flat.detach())
        record.snapshot(training.flat)


def train(run, data):
    training = task.Training(data, run["seed"], run["rank"], run["workers"], run["batch"], run["learning_rate"])
    (train_gloo if run["kind"] == "gloo" else train_ours)(run, training, Record(run))


def fork_run(run, data):
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    die_with(parent)
    log = os.open(os.path.join(run["folder"], f"w{run['rank']}.log"), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        train(run, data)
    except BaseException as error:  # whatever it is: said in the log, and never back into the parent's loop
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(1)


def end(child):
    if child:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main():
    die_with(int(sys.argv[1]))
    torch.set_num_threads(1)
    data = task.load("train")
    print("ready", flush=True)
    child = 0
    for line in sys.stdin:
        order = json.loads(line)
        end(child)
        child = fork_run(order["run"], data) if "run" in order else 0
        if not child:
            print("stopped", flush=True)
    end(child)


main()
