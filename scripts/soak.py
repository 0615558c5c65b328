#!/usr/bin/env python3
"""Real processes under fire: a manager with --state and workers that train, a fault every few seconds.

Each fault is drawn: the manager is killed and started again, a worker is stopped for a moment, killed, or (--testbed)
the link of a worker's host is cut for a while, or what one host sends to another is lost, one way.

With --elastic a worker that was lost comes back as a new process, and one training lasts to the end; without, the
training is ended when fewer than half of the workers are left, and the next one begins. At the end of each its journal
is replayed and looked through. --testbed: every worker and the manager on a host of its own with shaped links (network
namespaces; needs root); else all are on 127.0.0.1. Nothing is left behind. Exit status 0: every training kept its
promises and no process ended but for a fault.

    scripts/soak.py --minutes 30 --elastic --testbed [--workers 8] [--seed 1] [--sync bsp|ssp] [--bin build/release/bin]
"""

import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

# What a worker may be told that a fault has cut off for longer than is waited for it. Anything else is a failure.
LOST = ("taken for dead", "not heard for", "not taken up again", "did not come back", "turned away: in 3 attempts",
        "come again in", "is called", "the training is over")
WRONG_NEIGHBOUR = "02:de:ad:00:00:01"


def memory_of(pid):
    """Resident, in MB; 0 if it is gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


class Loopback:
    """Everything on this machine."""

    kinds = {"manager killed": 5, "worker paused": 3, "worker killed": 2}
    listen = []

    def __init__(self, options):
        self.worker_flags = ["--uplink-bps", "4e8", "--downlink-bps", "1e8"]

    def on(self, _place, argv):
        return argv

    def close(self):
        pass


class Testbed:
    """Every worker, and the manager last, on a host of its own."""

    kinds = {"manager killed": 4, "worker paused": 2, "worker killed": 4, "host cut": 3, "pair cut one way": 3}

    def __init__(self, options):
        self.options, self.name, self.cuts = options, f"soak-{os.getpid()}", []
        self.selmcast("up", "--hosts", str(options.workers + 1), "--uplinks-mbps", "400", "--downlinks-mbps", "100",
                      "--no-multicast")
        self.listen = ["--insecure-listen", self.address(options.workers)]
        self.worker_flags = ["--declared-uplink-bps", "3.8e8", "--declared-downlink-bps", "9.5e7"]

    @staticmethod
    def address(place):
        return f"10.77.0.{place + 1}"

    def selmcast(self, word, *more):
        argv = [f"{self.options.bin}/selmcast", "testbed", word, *more, "--name", self.name]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"testbed {word}: {done.stderr}")

    def on(self, place, argv):
        return [f"{self.options.bin}/selmcast", "testbed", "exec", f"w{place}", "--name", self.name, "--", *argv]

    def neighbour(self, place, other, *what):
        subprocess.run(self.on(place, ["ip", "neigh", *what, "dev", "eth0"]), check=False, capture_output=True)

    def strike(self, kind, rng):
        """Begins a cut; heal_due() ends it."""
        place, other = rng.sample(range(self.options.workers), 2)
        until = time.monotonic() + rng.uniform(0.3, 8)
        if kind == "host cut":
            self.selmcast("cut", f"w{place}")
            self.cuts.append((until, lambda: self.selmcast("heal", f"w{place}")))
        else:
            self.neighbour(place, other, "replace", self.address(other), "lladdr", WRONG_NEIGHBOUR, "nud", "permanent")
            self.cuts.append((until, lambda: self.neighbour(place, other, "del", self.address(other))))

    def heal_due(self, everything=False):
        now = time.monotonic()
        for cut in [c for c in self.cuts if everything or c[0] <= now]:
            self.cuts.remove(cut)
            cut[1]()

    def close(self):
        self.selmcast("down")


class Training:
    def __init__(self, options, folder, network):
        self.options, self.folder, self.network = options, folder, network
        self.failures = []
        self.returns = 0
        self.come_back = {}  # rank: when
        self.address = None
        self.start_manager()
        self.workers = {k: self.start_worker(k) for k in range(options.workers)}

    def start_manager(self):
        argv = [f"{self.options.bin}/selmcast", "manager", "--workers", str(self.options.workers), "--port", "0"]
        argv += ["--min-receivers", "1", "--sync", self.options.sync, *self.network.listen]
        argv += ["--state", f"{self.folder}/state", "--journal", f"{self.folder}/journal.jsonl"]
        argv += ["--elastic"] if self.options.elastic else []
        with open(f"{self.folder}/manager.log", "a") as log:
            self.manager = subprocess.Popen(self.network.on(self.options.workers, argv), stdout=subprocess.PIPE,
                                            stderr=log, text=True)
        address = self.manager.stdout.readline().strip()
        if not address or self.address not in (None, address):
            log = pathlib.Path(f"{self.folder}/manager.log").read_text()[-2000:]
            raise SystemExit(f"the manager did not come back as {self.address}: {log}")
        self.address = address

    def start_worker(self, rank):
        argv = [f"{self.options.bin}/selmcast-train", "worker", "--workers", str(self.options.workers)]
        argv += ["--manager", self.address, "--rank", str(rank), "--rounds", "1000000", "--steps", "1", "--batch", "8"]
        argv += ["--out", str(self.folder), *self.network.worker_flags]
        with open(f"{self.folder}/worker-{rank}.log", "w") as log:
            return subprocess.Popen(self.network.on(rank, argv), stdout=log, stderr=log)

    def wait_for_start(self):
        patience = time.monotonic() + 60
        while "training starts" not in pathlib.Path(f"{self.folder}/manager.log").read_text():
            if time.monotonic() > patience:
                raise SystemExit("the training did not start within 60 s")
            time.sleep(0.2)

    def processes(self):
        return [self.manager, *self.workers.values()]

    def lost(self, rank, rng):
        self.workers.pop(rank)
        if self.options.elastic:
            self.come_back[rank] = time.monotonic() + rng.uniform(0, 6)

    def look_after(self, rng):
        """Notices who has ended; starts again who is due."""
        for rank, worker in list(self.workers.items()):
            if worker.poll() is None:
                continue
            last = " ".join(pathlib.Path(f"{self.folder}/worker-{rank}.log").read_text().strip().splitlines()[-1:])
            if not (self.options.elastic and any(reason in last for reason in LOST)):
                self.failures.append(f"worker {rank} ended by itself with {worker.returncode}: {last}")
            self.lost(rank, rng)
        for rank, due in list(self.come_back.items()):
            if time.monotonic() >= due:
                del self.come_back[rank]
                self.workers[rank] = self.start_worker(rank)
                self.returns += 1
        if isinstance(self.network, Testbed):
            self.network.heal_due()
        if self.manager.poll() is not None:
            log = pathlib.Path(f"{self.folder}/manager.log").read_text().splitlines()[-3:]
            raise SystemExit(f"the manager ended by itself with {self.manager.returncode}: {log}")

    def strike(self, rng):
        """Does one kind of harm, and says which."""
        kind = rng.choices(list(self.network.kinds), list(self.network.kinds.values()))[0]
        if kind == "manager killed":
            self.manager.kill()
            self.manager.wait()
            time.sleep(rng.choice([0, 0, rng.uniform(0, 4)]))
            self.start_manager()
        elif kind in ("host cut", "pair cut one way"):
            self.network.strike(kind, rng)
        elif len(self.workers) > max(2, self.options.workers // 2) or not self.options.elastic:
            rank = rng.choice(sorted(self.workers))
            if kind == "worker killed":
                self.workers[rank].kill()
                self.workers[rank].wait()
                self.lost(rank, rng)
            else:
                self.workers[rank].send_signal(signal.SIGSTOP)
                time.sleep(rng.uniform(0.2, 2))
                self.workers[rank].send_signal(signal.SIGCONT)
        else:
            kind = "none: too few workers are left"
        return kind

    def end(self):
        """Rounds, committed deliveries, and workers that caught up, after all processes are gone."""
        if isinstance(self.network, Testbed):
            self.network.heal_due(everything=True)
        self.manager.send_signal(signal.SIGTERM)
        for process in self.processes():
            try:
                process.wait(75)  # a worker that waits for a manager does so for 60 s
            except subprocess.TimeoutExpired:
                self.failures.append(f"process {process.pid} did not end within 75 s")
                process.kill()
                process.wait()
        replay = subprocess.run(
            [f"{self.options.bin}/selmcast", "manager", "--replay", f"{self.folder}/journal.jsonl"],
            capture_output=True, text=True, check=False)
        if replay.returncode != 0:
            self.failures.append("the journal does not replay: " + replay.stderr.strip())
        rounds = committed = caught_up = cancelled = 0
        longest = 0
        for line in open(f"{self.folder}/journal.jsonl"):
            event = json.loads(line)
            if event["event"] in ("round", "multicast"):
                if event["event"] == "round":
                    if event["round"] != rounds:
                        self.failures.append(f"round {event['round']} follows {rounds - 1}")
                    longest = max(longest, event["sync_seconds"])
                rounds += 1
                committed += sum(d["state"] == "committed" for d in event["deliveries"])
                cancelled += sum(d["state"] != "committed" for d in event["deliveries"])
            elif event["event"] == "caught_up":
                caught_up += 1
            elif event["event"] == "kept" and event["broken_meeting_gaps"] + event["broken_leads"]:
                self.failures.append("a promise was broken: " + line.strip())
        if self.options.keep:
            os.makedirs(self.options.keep, exist_ok=True)
            subprocess.run(["cp", "-r", str(self.folder), self.options.keep], check=False)
        return {"rounds": rounds, "models verified and committed": committed, "deliveries cancelled": cancelled,
                "workers caught up": caught_up, "longest round, s": round(longest, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sync", choices=["bsp", "ssp"], default="bsp")
    parser.add_argument("--elastic", action="store_true", help="who was lost comes back")
    parser.add_argument("--testbed", action="store_true", help="shaped links, and cuts; needs root")
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--keep", help="copy logs and journal of each training here")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("soak: ended by SIGTERM"))  # and cleans up
    options.bin = os.path.abspath(options.bin)
    rng = random.Random(options.seed)
    began = time.monotonic()
    until = began + 60 * options.minutes
    total, faults, failures, memory, returns, trainings = {}, {}, [], [], 0, 0
    network = Testbed(options) if options.testbed else Loopback(options)
    try:
        while time.monotonic() < until:
            with tempfile.TemporaryDirectory(prefix="selmcast-soak-") as folder:
                training = Training(options, pathlib.Path(folder), network)
                try:
                    training.wait_for_start()
                    least = 0 if options.elastic else max(2, options.workers // 2)
                    while time.monotonic() < until and len(training.workers) >= least:
                        pause = time.monotonic() + rng.uniform(1, 5)
                        while time.monotonic() < pause:
                            training.look_after(rng)
                            time.sleep(0.1)
                        kind = training.strike(rng)
                        faults[kind] = faults.get(kind, 0) + 1
                        used = [memory_of(p.pid) for p in training.processes()]
                        memory.append((time.monotonic() - began, used[0], max(used[1:], default=0)))
                    done = training.end()
                finally:
                    for process in training.processes():
                        process.kill()
                trainings += 1
                returns += training.returns
                for key, value in done.items():
                    before = total.get(key, 0)
                    total[key] = max(before, value) if key.startswith("longest") else before + value
                failures += training.failures
                print(f"training {trainings}: {done}; {len(training.failures)} failures", flush=True)
    finally:
        network.close()
    for place, name in ((1, "manager"), (2, "largest worker")):
        parts = [memory[k * len(memory) // 6:(k + 1) * len(memory) // 6] for k in range(6)]
        most = ", ".join(f"{max((m[place] for m in part), default=0):.0f}" for part in parts)
        print(f"memory of the {name}, most in each sixth of the time: {most} MB")
    print(f"{trainings} trainings, {total}; {returns} workers came back; {sum(faults.values())} faults: {faults}")
    for failure in failures:
        print("FAILED: " + failure)
    return 1 if failures else 0


sys.exit(main())
