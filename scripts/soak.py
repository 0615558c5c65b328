#!/usr/bin/env python3
"""Real processes under fire: a manager with --state and workers that train, a kill or a pause every few seconds.

Each fault is drawn: the manager is killed and started again, a worker is stopped for a moment (as a cut would), or
killed. When fewer than half of the workers are left the training is ended, its journal is replayed and looked through,
and the next one begins. Everything is on 127.0.0.1; nothing is left behind. Exit status 0: every training kept its
promises and no process ended that was not killed.

    scripts/soak.py --minutes 30 [--workers 8] [--seed 1] [--sync bsp|ssp] [--bin build/release/bin]
"""

import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time


def memory_of(pid):
    """Resident, in MB; 0 if it is gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


class Training:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.failures = []
        self.address = None
        self.start_manager()
        self.workers = {k: self.start_worker(k) for k in range(options.workers)}

    def start_manager(self):
        argv = [f"{self.options.bin}/selmcast", "manager", "--workers", str(self.options.workers), "--port", "0"]
        argv += ["--min-receivers", "1", "--sync", self.options.sync]
        argv += ["--state", f"{self.folder}/state", "--journal", f"{self.folder}/journal.jsonl"]
        with open(f"{self.folder}/manager.log", "a") as log:
            self.manager = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, text=True)
        address = self.manager.stdout.readline().strip()
        if not address or self.address not in (None, address):
            raise SystemExit(f"the manager did not come back as {self.address}: see {self.folder}/manager.log")
        self.address = address

    def start_worker(self, rank):
        argv = [f"{self.options.bin}/selmcast-train", "worker", "--workers", str(self.options.workers)]
        argv += ["--manager", self.address, "--rank", str(rank), "--rounds", "1000000", "--steps", "1", "--batch", "8"]
        argv += ["--out", str(self.folder), "--uplink-bps", "4e8", "--downlink-bps", "1e8"]
        with open(f"{self.folder}/worker-{rank}.log", "w") as log:
            return subprocess.Popen(argv, stdout=log, stderr=log)

    def wait_for_start(self):
        patience = time.monotonic() + 60
        while "training starts" not in pathlib.Path(f"{self.folder}/manager.log").read_text():
            if time.monotonic() > patience:
                raise SystemExit("the training did not start within 60 s")
            time.sleep(0.2)

    def processes(self):
        return [self.manager, *self.workers.values()]

    def strike(self, rng):
        """Does one kind of harm, and says which."""
        for rank, worker in list(self.workers.items()):
            if worker.poll() is not None:
                last = pathlib.Path(f"{self.folder}/worker-{rank}.log").read_text().strip().splitlines()[-1:]
                self.failures.append(f"worker {rank} ended by itself with {worker.returncode}: {last}")
                del self.workers[rank]
        kind = rng.choices(["manager killed", "worker paused", "worker killed"], [5, 3, 2])[0]
        if kind == "manager killed":
            self.manager.kill()
            self.manager.wait()
            time.sleep(rng.choice([0, 0, rng.uniform(0, 4)]))
            self.start_manager()
        elif self.workers:
            rank = rng.choice(sorted(self.workers))
            if kind == "worker killed":
                worker = self.workers.pop(rank)
                worker.kill()
                worker.wait()
            else:
                self.workers[rank].send_signal(signal.SIGSTOP)
                time.sleep(rng.uniform(0.2, 2))
                self.workers[rank].send_signal(signal.SIGCONT)
        return kind

    def end(self):
        """Rounds and committed deliveries, after all processes are gone."""
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
        rounds = committed = 0
        for line in open(f"{self.folder}/journal.jsonl"):
            event = json.loads(line)
            if event["event"] in ("round", "multicast"):
                if event["event"] == "round" and event["round"] != rounds:
                    self.failures.append(f"round {event['round']} follows {rounds - 1}")
                rounds += 1
                committed += sum(d["state"] == "committed" for d in event["deliveries"])
            elif event["event"] == "kept" and event["broken_meeting_gaps"] + event["broken_leads"]:
                self.failures.append("a promise was broken: " + line.strip())
        return rounds, committed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sync", choices=["bsp", "ssp"], default="bsp")
    parser.add_argument("--bin", default="build/release/bin")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    until = time.monotonic() + 60 * options.minutes
    trainings = rounds = committed = 0
    faults, failures, memory = {}, [], []
    while time.monotonic() < until:
        with tempfile.TemporaryDirectory(prefix="selmcast-soak-") as folder:
            training = Training(options, pathlib.Path(folder))
            try:
                training.wait_for_start()
                while time.monotonic() < until and len(training.workers) >= max(2, options.workers // 2):
                    time.sleep(rng.uniform(1, 5))
                    kind = training.strike(rng)
                    faults[kind] = faults.get(kind, 0) + 1
                    used = [memory_of(p.pid) for p in training.processes()]
                    memory.append((used[0], max(used[1:], default=0)))
                done = training.end()
            finally:
                for process in training.processes():
                    process.kill()
            trainings += 1
            rounds += done[0]
            committed += done[1]
            failures += training.failures
            print(f"training {trainings}: {done[0]} rounds, {done[1]} models verified and committed; "
                  f"{len(training.failures)} failures", flush=True)
    quarter = max(1, len(memory) // 4)
    for name, place in (("manager", 0), ("largest worker", 1)):
        early = max((m[place] for m in memory[:quarter]), default=0)
        late = max((m[place] for m in memory[-quarter:]), default=0)
        print(f"memory of the {name}: at most {early:.0f} MB in the first quarter, {late:.0f} MB in the last")
    print(f"{trainings} trainings, {rounds} rounds, {committed} models; faults: {faults}")
    for failure in failures:
        print("FAILED: " + failure)
    return 1 if failures else 0


sys.exit(main())
