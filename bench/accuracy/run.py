"""Orchestrates `selmcast bench accuracy`: time to accuracy on shaped links, ours beside Gloo's all-reduce.

Everything that is compared stands here and in task.py, and was committed before it was measured:

- Contenders. gloo-ddp: data-parallel SGD, gradients averaged by all-reduce in every step. gloo-local: LOCAL_STEPS
  steps, then parameters averaged by all-reduce (local SGD). Ours: LOCAL_STEPS steps, then `synchronize()`;
  min_receivers .3 (one of
  six), max age 7, staleness 4: the defaults of `selmcast manager`.
- Same model, batch, shards, momentum and starting model. Learning rates from learning_rates.json, found by --tune
  for each contender on other seeds, in the network "even" without stragglers: the least median time to TARGET.
- A step takes STEP_SECONDS at least, the rest is slept: so six hosts on a machine of few cores each look like a
  device of their own. With stragglers two hosts, drawn by the seed, take 3 and 1.5 times as long.
- Accuracy is that of the average of the hosts' last models at an instant, every GRID seconds from when the last host
  began to train, on all test images. A run ends when it is TARGET, or after LIMIT seconds.

Writes OUT/runs.jsonl, a line a run, and goes on where it was interrupted; then OUT/table.md, OUT/accuracy.csv and
OUT/accuracy.svg. Needs root.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
HOSTS, BATCH, LOCAL_STEPS, STEP_SECONDS = 6, 64, 10, 0.010
TARGET, LIMIT, GRID = 0.83, 45.0, 0.25
SEEDS, TUNING_SEEDS = [1, 2, 3, 4, 5], [101, 102, 103]
RATES = [0.02, 0.05, 0.1, 0.2]
STRAGGLERS = [3.0, 1.5]
CONTENDERS = {"gloo-ddp": {"kind": "gloo", "local_steps": 0},
              "gloo-local": {"kind": "gloo", "local_steps": LOCAL_STEPS},
              "bsp exact": {"kind": "ours", "sync": "bsp", "planner": "exact", "local_steps": LOCAL_STEPS},
              "bsp paper": {"kind": "ours", "sync": "bsp", "planner": "paper", "local_steps": LOCAL_STEPS},
              "ssp slack": {"kind": "ours", "sync": "ssp", "planner": "slack", "local_steps": LOCAL_STEPS},
              "ssp paper": {"kind": "ours", "sync": "ssp", "planner": "paper", "local_steps": LOCAL_STEPS}}
PAYLOAD_SHARE = 1448 / 1514  # of a link rate, selmcast/net/link_rate.h
BED = "bench-accuracy"


class Failed(Exception):
    pass


class Bed:
    """A testbed, a waiting process on each host, and the runs that are played on them."""

    def __init__(self, selmcast, setup, work):
        self.selmcast, self.setup, self.work = selmcast, setup, work
        self.priority = os.getpriority(os.PRIO_PROCESS, 0)
        hosts = [{"name": f"w{k}", "uplink_line_bps": up * 1e6, "downlink_line_bps": down * 1e6}
                 for k, (up, down) in enumerate(zip(setup["uplinks"], setup["downlinks"]))]
        hosts.append({"name": "manager"})
        self.hosts = []
        description = work / "network.json"
        description.write_text(json.dumps({"schema": "selmcast.testbed/1", "hosts": hosts, "multicast": False}))
        self.down()  # what a killed one left
        made = subprocess.run([selmcast, "testbed", "up", "--file", str(description), "--name", BED],
                              capture_output=True, text=True)
        if made.returncode:
            raise Failed(made.stderr.strip() or "no testbed")
        try:
            self.hosts = [self.start(f"w{k}", [sys.executable, str(HERE / "host.py"), str(os.getpid())])
                          for k in range(HOSTS)]
            for host in self.hosts:
                if host.stdout.readline().strip() != "ready":
                    raise Failed("a host did not start")
        except BaseException:
            self.down()
            raise

    def start(self, host, command, **options):
        return subprocess.Popen([self.selmcast, "testbed", "exec", "--name", BED, host, "--"] + command,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}, **options)

    def order(self, host, order):
        host.stdin.write(json.dumps(order) + "\n")
        host.stdin.flush()

    def down(self):
        for host in self.hosts:
            host.stdin.close()
        for host in self.hosts:
            host.wait(timeout=10)
        self.hosts = []
        subprocess.run([self.selmcast, "testbed", "down", "--name", BED], capture_output=True)

    def run(self, contender, seed, stragglers, rate, test, folder, port):
        spec = CONTENDERS[contender]
        factors = [1.0] * HOSTS
        if stragglers:
            slow = random.Random(seed).sample(range(HOSTS), len(STRAGGLERS))
            for host, factor in zip(slow, STRAGGLERS):
                factors[host] = factor
        manager, meet = None, f"10.77.0.1:{port}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            if spec["kind"] == "ours":
                manager = self.start("manager", [
                    self.selmcast, "manager", "--workers", str(HOSTS), "--sync", spec["sync"], "--planner",
                    spec["planner"], "--port", "0", "--insecure-listen", f"10.77.0.{HOSTS + 1}", "--die-with-parent",
                    "--seed", str(seed), "--journal", str(folder / "journal.jsonl")],
                    stderr=open(folder / "manager.log", "w"))
                meet = manager.stdout.readline().strip()
                if not meet:
                    raise Failed(f"the manager did not start: {folder}/manager.log")
            for rank, host in enumerate(self.hosts):
                self.order(host, {"run": spec | {
                    "rank": rank, "workers": HOSTS, "seed": seed, "batch": BATCH, "learning_rate": rate, "meet": meet,
                    "folder": str(folder), "step_seconds": STEP_SECONDS, "slow_factor": factors[rank],
                    "uplink_bps": self.setup["uplinks"][rank] * 1e6 * PAYLOAD_SHARE,
                    "downlink_bps": self.setup["downlinks"][rank] * 1e6 * PAYLOAD_SHARE}})
            return Watch(folder, spec["kind"] == "gloo", test).until_reached() | {"slow_factors": factors}
        finally:
            for host in self.hosts:
                self.order(host, {"stop": True})
            for host in self.hosts:
                host.stdout.readline()
            if manager:
                manager.kill()
                manager.wait()


class Watch:
    """Follows the snapshots of a run. `one`: rank 0's model stands for all."""

    def __init__(self, folder, one, test):
        self.folder, self.ranks, self.test = folder, [0] if one else range(HOSTS), test
        self.lines = {rank: [] for rank in range(HOSTS)}
        self.files = {}

    def look(self):
        for rank in range(HOSTS):
            path = self.folder / f"w{rank}.jsonl"
            if rank not in self.files:
                if not path.exists():
                    continue
                self.files[rank] = open(path)
            while line := self.files[rank].readline():
                self.lines[rank].append(json.loads(line))

    def model(self, rank, line):
        import numpy
        import torch
        return torch.from_numpy(numpy.load(self.folder / f"w{rank}-{line['snapshot']}.npy"))

    def until_reached(self):
        import task
        zero = self.zero()
        curve, seen, value = [], None, 0.0
        for k in range(int(LIMIT / GRID) + 1):
            at = zero + k * GRID
            time.sleep(max(0.0, at + 0.1 - time.monotonic()))
            self.look()
            latest = {rank: [line for line in self.lines[rank] if line["at"] <= at][-1] for rank in self.ranks}
            if latest != seen:
                models = [self.model(rank, line) for rank, line in latest.items()]
                value = task.accuracy(sum(models) / len(models), self.test)
                self.forget(latest)
            seen = latest
            curve.append([round(k * GRID, 3), round(value, 4)])
            if value >= TARGET or time.monotonic() - zero > LIMIT + 60:
                break
        own = [task.accuracy(model, self.test) for model in models]
        return self.shares(zero, at) | {
            "reached_seconds": curve[-1][0] if value >= TARGET else None, "accuracy": value, "own_accuracy": own,
            "steps": statistics.mean(line["steps"] for line in latest.values()), "curve": curve}

    def zero(self):
        """When the last host began to train."""
        due = time.monotonic() + 60
        while not all(self.lines.values()):
            if time.monotonic() > due:
                logs = [log.read_text().strip()[-200:] for log in sorted(self.folder.glob("w*.log"))]
                raise Failed("no training within 60 s: " + next((text for text in logs if text), "no log"))
            time.sleep(0.02)
            self.look()
        return max(lines[0]["at"] for lines in self.lines.values())

    def forget(self, latest):
        for rank, line in latest.items():
            for old in self.lines[rank]:
                if old["snapshot"] < line["snapshot"]:
                    (self.folder / f"w{rank}-{old['snapshot']}.npy").unlink(missing_ok=True)
            self.lines[rank] = [kept for kept in self.lines[rank] if kept["snapshot"] >= line["snapshot"]]

    def shares(self, zero, until):
        """Of the time: computing, and the part of it that was slept to the floor."""
        last = [lines[-1] for lines in self.lines.values()]
        spans = [max(line["at"] - zero, 1e-9) for line in last]
        return {"compute_share": statistics.mean(l["compute_seconds"] / s for l, s in zip(last, spans)),
                "lent_share": statistics.mean(l["lent_seconds"] / s for l, s in zip(last, spans))}


def asked_runs(options, rates):
    """Seeds outermost: a measurement that is cut short has fewer seeds of everything."""
    if options.tune:
        return [(options.setups[0], False, name, seed, rate) for seed in TUNING_SEEDS for name in options.only
                for rate in RATES]
    return [(setup, stragglers, name, seed, rates[name]) for seed in options.seeds for setup in options.setups
            for stragglers in (False, True) for name in options.only]


def key_of(run):
    return (run["setup"], run["stragglers"], run["contender"], run["seed"], run["learning_rate"])


def known_runs(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def setups_from(words):
    """NAME:UP,UP,...:DOWN,DOWN,... in Mbit/s; from the command, which has them of bench/net/net_setups.h."""
    setups = {}
    for word in words:
        name, up, down = word.split(":")
        setups[name] = {"name": name, "uplinks": [float(x) for x in up.split(",")],
                        "downlinks": [float(x) for x in down.split(",")]}
    return setups


def measure(options, setups, runs, path, work):
    import task
    images, labels = task.load("t10k")
    test = (task.pixels(images), labels)
    known = {key_of(run) for run in known_runs(path)}
    left = [run for run in runs if run not in known]
    bed, due = None, time.monotonic() + options.minutes * 60
    try:
        for count, (setup, stragglers, name, seed, rate) in enumerate(left):
            if time.monotonic() > due:
                print(f"{len(left) - count} runs are left when the time is over: start again to go on", file=sys.stderr)
                return
            if bed is None or bed.setup["name"] != setup:
                if bed:
                    bed.down()
                bed = Bed(options.selmcast, setups[setup], work)
            load = os.getloadavg()[0]
            try:
                result = bed.run(name, seed, stragglers, rate, test, work / "run", 29600 + count % 2000)
            except Failed as error:
                print(f"{setup}, {name}, seed {seed}: {error}", file=sys.stderr)
                continue
            row = {"schema": "selmcast.bench_accuracy/1", "setup": setup, "stragglers": stragglers, "contender": name,
                   "seed": seed, "learning_rate": rate, "target": TARGET, "limit_seconds": LIMIT, "load": load} | result
            with open(path, "a") as file:
                file.write(json.dumps(row) + "\n")
            reached = result["reached_seconds"]
            took = f"{reached} s" if reached else f"{result['accuracy']:.3f} at the limit"
            print(f"{setup}{', stragglers' if stragglers else ''}, {name}, rate {rate}, seed {seed}: {took}; computing "
                  f"{result['compute_share']:.0%}", file=sys.stderr)
    finally:
        if bed:
            bed.down()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("selmcast")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--network", action="append", required=True, help="NAME:UP,...:DOWN,... in Mbit/s")
    parser.add_argument("--setups", nargs="*", default=[])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--seeds", nargs="*", type=int, default=SEEDS)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--report", action="store_true", help="Tables and pictures of what is there; runs nothing")
    options = parser.parse_args()
    setups = setups_from(options.network)
    options.setups = options.setups or (["even"] if options.tune else list(setups))
    options.only = options.only or list(CONTENDERS)
    for asked, there, what in ((options.setups, setups, "set-up"), (options.only, CONTENDERS, "contender")):
        for name in asked:
            if name not in there:
                parser.error(f"there is no {what} {name}: {', '.join(there)}")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"{options.out}: {error.strerror}")
    path = options.out / ("tuning.jsonl" if options.tune else "runs.jsonl")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(1))
    if not options.report:
        if os.geteuid():
            print("selmcast bench accuracy: a testbed needs root", file=sys.stderr)
            return 1
        rates = json.loads((HERE / "learning_rates.json").read_text())
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="selmcast-accuracy-", dir=shared) as work:
            try:
                measure(options, setups, asked_runs(options, rates), path, pathlib.Path(work))
            except (Failed, OSError) as error:
                print(f"selmcast bench accuracy: {error}", file=sys.stderr)
                return 1
    import figures
    runs = known_runs(path)
    if options.tune:
        print(figures.tuning_table(runs, TUNING_SEEDS))
    else:
        figures.write_all(runs, options.out)
        print((options.out / "table.md").read_text())
    return 0 if runs else 1


sys.exit(main())
