"""Orchestrates `selmcast bench predicted`: how long rounds take beside what was predicted, by kind of multicast.

    predicted.py SELMCAST OUT [--kinds unicast,network,relay] [--workers 6,8,12] [--rounds N] [--megabytes M]
                 [--declared F] [--skip N] [--report]

A testbed with uneven links of 40 to 100 Mbit/s, planner exact, at least 0.3 n receivers a multicast. `racks`: two
switches with half of the workers each, multicast within but not across, and --multicast auto; of its rounds count those
after the choice. Links are declared
as they are, or with --declared F each at a seeded share of 1 / F to F of what it is, and learnt. A round is measured
from the plan to the last committed delivery; the first, in which links are dialled, is left out. Writes
OUT/rounds.jsonl, OUT/table.md and the journals. Needs root.
"""
import argparse
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import time

PAYLOAD_SHARE = 1448 / 1514  # of a link rate, selmcast/net/link_rate.h
# Mbit/s, in turns: w0, w1, ... Sums are such that two cores can carry twelve workers.
UP, DOWN = [100, 80, 60, 100, 50, 80], [100, 50, 80, 40, 60, 100]
BED = "bench-predicted"
QUERIER_SECONDS = 3.5  # until the switch knows who is in which group


class Failed(Exception):
    pass


class Run:
    def __init__(self, options, kind, workers):
        self.options, self.kind, self.workers = options, kind, workers
        self.folder = options.out / f"{kind}-{workers}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.up = [UP[k % len(UP)] for k in range(workers)]
        self.down = [DOWN[k % len(DOWN)] for k in range(workers)]
        self.children = []

    def testbed(self, *words):
        made = subprocess.run([self.options.selmcast, "testbed", words[0], "--name", BED, *words[1:]],
                              capture_output=True, text=True)
        if made.returncode and words[0] != "down":
            raise Failed(made.stderr.strip())

    def split(self):
        """A second switch, for the workers of the second half; nothing that is sent to a group passes between both."""
        host = subprocess.run([self.options.selmcast, "testbed", "exec", "--name", BED, "w0", "--", "sh", "-c",
                               "ip netns identify $$"], capture_output=True, text=True, check=True).stdout.strip()
        quick = "mcast_query_response_interval 50 mcast_startup_query_interval 50"
        lines = ["ip link add br1 type bridge", f"ip link set br1 type bridge {quick}",
                 "ip link set br1 type bridge mcast_querier 1", "ip link set br1 up",
                 "ip link add x0 type veth peer name x1", "ip link set x0 master br0 up",
                 "ip link set x1 master br1 up",
                 "bridge link set dev x0 mcast_flood off mcast_router 0",
                 "bridge link set dev x1 mcast_flood off mcast_router 0"]
        lines += [f"ip link set v{k} master br1" for k in range(self.workers // 2, self.workers)]
        hub = host.removesuffix("-w0") + ".switch"
        subprocess.run(["ip", "netns", "exec", hub, "sh", "-ec", "\n".join(lines)], check=True)

    def start(self, host, command, out):
        self.children.append(subprocess.Popen(
            [self.options.selmcast, "testbed", "exec", "--name", BED, host, "--", self.options.selmcast] + command,
            stdout=open(self.folder / out, "w"), stderr=open(self.folder / f"{host}.log", "w")))

    def play(self):
        hosts = [{"name": f"w{k}", "uplink_line_bps": up * 1e6, "downlink_line_bps": down * 1e6}
                 for k, (up, down) in enumerate(zip(self.up, self.down))] + [{"name": "manager"}]
        description = self.folder / "network.json"
        description.write_text(json.dumps({"schema": "selmcast.testbed/1", "hosts": hosts,
                                           "multicast": self.kind in ("network", "racks")}))
        self.testbed("down")  # what a killed one left
        self.testbed("up", "--file", str(description))
        try:
            if self.kind == "racks":
                self.split()
            if self.kind in ("network", "racks"):
                time.sleep(QUERIER_SECONDS)
            return self.rounds()
        finally:
            for child in self.children:
                child.kill()
            for child in self.children:
                child.wait()
            self.testbed("down")

    def rounds(self):
        journal = self.folder / "journal.jsonl"
        journal.unlink(missing_ok=True)
        address = f"10.77.0.{self.workers + 1}"
        self.start("manager", ["manager", "--workers", str(self.workers), "--planner", "exact", "--multicast",
                               "auto" if self.kind == "racks" else self.kind, "--port", "7070",
                               "--insecure-listen", address,
                               "--journal",
                               str(journal)], "address")
        due = time.monotonic() + 20
        while not (self.folder / "address").read_text().strip():
            if time.monotonic() > due:
                raise Failed("the manager does not listen: " + (self.folder / "manager.log").read_text()[-300:])
            time.sleep(0.05)
        rng = random.Random(7)
        spread = self.options.declared
        for k, (up, down) in enumerate(zip(self.up, self.down)):
            up, down = (rate * 1e6 * PAYLOAD_SHARE * spread ** rng.uniform(-1, 1) for rate in (up, down))
            self.start(f"w{k}", ["bench", "net-worker", "--manager", f"{address}:7070", "--name", f"w{k}", "--elements",
                                 str(int(self.options.megabytes * 250_000)), "--rounds", str(self.options.rounds),
                                 "--uplink-bps", str(up), "--downlink-bps", str(down)], f"w{k}.jsonl")
        due = time.monotonic() + 60 + 30 * self.options.rounds
        while any(child.poll() is None for child in self.children[1:]):
            if time.monotonic() > due:
                raise Failed("not done in time: see " + str(self.folder))
            time.sleep(0.1)
        failed = [child for child in self.children[1:] if child.returncode]
        if failed:
            raise Failed("a worker failed: see " + str(self.folder))
        return self.read(journal)

    def read(self, journal):
        rows = []
        for line in journal.read_text().splitlines():
            event = json.loads(line)
            if event["event"] != "round":
                continue
            if self.kind == "racks" and not any(delivery.get("own_copy") for delivery in event["deliveries"]):
                continue
            committed = sum(delivery["state"] == "committed" for delivery in event["deliveries"])
            off = [estimate[f"{link}_bps"] / 1e6 / PAYLOAD_SHARE / truth[int(estimate["worker"][1:])] - 1
                   for estimate in event["estimates"] for link, truth in (("uplink", self.up), ("downlink", self.down))]
            rows.append({"kind": self.kind, "workers": self.workers, "round": event["round"],
                         "predicted": event["predicted_seconds"], "seconds": event["delivery_seconds"],
                         "receivers": committed / self.workers, "cancelled": len(event["deliveries"]) - committed,
                         "estimates_off": off, "load": os.getloadavg()[0]})
        return rows


def table(rows, skip):
    lines = ["| kind | workers | rounds | receivers | predicted (s) | measured / predicted: median | least to most | "
             "within 10 % | estimates off: median | most |", "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for kind, workers in dict.fromkeys((row["kind"], row["workers"]) for row in rows):
        of = [row for row in rows if (row["kind"], row["workers"]) == (kind, workers) and row["round"] >= skip]
        if not of:
            continue
        ratios = [row["seconds"] / row["predicted"] for row in of]
        off = [abs(share) for row in of for share in row["estimates_off"]]
        lines.append(f"| {kind} | {workers} | {len(of)} | {statistics.mean(row['receivers'] for row in of):.2f} | "
                     f"{statistics.mean(row['predicted'] for row in of):.2f} | {statistics.median(ratios):.3f} | "
                     f"{min(ratios):.3f} to {max(ratios):.3f} | {sum(abs(r - 1) <= 0.1 for r in ratios)} | "
                     f"{statistics.median(off):.1%} | {max(off):.1%} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("selmcast")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--kinds", default="unicast,network,relay")
    parser.add_argument("--workers", default="6,8,12")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--skip", type=int, default=1)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--declared", type=float, default=1)
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    for kind in options.kinds.split(","):
        if kind not in ("unicast", "network", "relay", "racks"):
            parser.error(f"there is no kind of multicast {kind}: unicast, network, relay, racks")
    if not all(word.isdigit() and 2 <= int(word) <= 100 for word in options.workers.split(",")):
        parser.error(f"--workers {options.workers}: give numbers from 2 to 100, with commas")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"{options.out}: {error.strerror}")
    path = options.out / "rounds.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not options.report:
        if os.geteuid():
            print("selmcast bench predicted: a testbed needs root", file=sys.stderr)
            return 1
        for kind in options.kinds.split(","):
            for workers in map(int, options.workers.split(",")):
                try:
                    measured = Run(options, kind, workers).play()
                except (Failed, OSError) as error:
                    print(f"selmcast bench predicted: {error}", file=sys.stderr)
                    return 1
                rows = [row for row in rows if (row["kind"], row["workers"]) != (kind, workers)] + measured
                path.write_text("".join(json.dumps(row) + "\n" for row in rows))
                print(f"{kind}, {workers} workers: measured", file=sys.stderr)
    if not rows:
        print(f"selmcast bench predicted: nothing in {path}: measure first", file=sys.stderr)
        return 1
    (options.out / "table.md").write_text(table(rows, options.skip))
    print((options.out / "table.md").read_text())
    return 0


sys.exit(main())
