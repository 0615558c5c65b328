"""Workers that are killed and a link that narrows in the middle of a round, for `selmcast bench multicast --faults`.

A testbed of six with uneven uplinks, a model of 12.5 MB, planner exact. In the third round, at half of its predicted
time, one worker is killed: with `relay` the one that sends most on, with `network` one that sends and receives. What
became of the others is read from the manager's journal; the rounds after it must go on without the dead one. Or, with
`network`, a downlink falls to half: who says so when, and what the next plans know of it.
"""
import collections
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

PAYLOAD_SHARE = 1448 / 1514
UP, DOWN = [100, 100, 25, 100, 25, 50], [100] * 6  # Mbit/s
ELEMENTS, ROUNDS, KILLED_IN, PATIENCE = 3_125_000, 5, 2, 120


class TrainingFault:
    def __init__(self, selmcast, kind, folder, narrows=False):
        self.selmcast, self.kind, self.folder, self.narrows = selmcast, kind, pathlib.Path(folder), narrows
        self.bed, self.children = f"mcast-fault-{os.getpid()}", {}

    def testbed(self, *words):
        subprocess.run([self.selmcast, "testbed", words[0], "--name", self.bed, *words[1:]], check=words[0] != "down",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self, host, command):
        out = open(self.folder / f"{host}.out", "w")
        self.children[host] = subprocess.Popen(
            [self.selmcast, "testbed", "exec", "--name", self.bed, host, "--", self.selmcast] + command, stdout=out,
            stderr=subprocess.STDOUT, start_new_session=True)

    def lines(self):
        """The journal's, as they come, with the moment at which they were read."""
        journal, due, text = self.folder / "journal.jsonl", time.monotonic() + PATIENCE, ""
        while not journal.exists() and time.monotonic() < due:
            time.sleep(0.01)
        with open(journal) as file:
            while time.monotonic() < due:
                text += file.readline()
                if text.endswith("\n"):
                    yield json.loads(text), time.monotonic()
                    text = ""
                else:
                    time.sleep(0.002)
        raise RuntimeError("the training did not end in time")

    def run(self):
        hosts = [{"name": f"w{k}", "uplink_line_bps": up * 1e6, "downlink_line_bps": down * 1e6}
                 for k, (up, down) in enumerate(zip(UP, DOWN))] + [{"name": "manager"}]
        description = self.folder / "network.json"
        description.write_text(json.dumps({"schema": "selmcast.testbed/1", "hosts": hosts, "multicast": True}))
        self.testbed("down")
        self.testbed("up", "--file", str(description))
        try:
            time.sleep(3.5)  # the querier's first answers
            self.start("manager", ["manager", "--workers", "6", "--planner", "exact", "--multicast", self.kind,
                                   "--min-receivers", "3", "--port", "7070", "--insecure-listen", "10.77.0.7",
                                   "--journal", str(self.folder / "journal.jsonl")])
            time.sleep(1)
            for k, (up, down) in enumerate(zip(UP, DOWN)):
                self.start(f"w{k}", ["bench", "net-worker", "--manager", "10.77.0.7:7070", "--name", f"w{k}",
                                     "--elements", str(ELEMENTS), "--rounds", str(ROUNDS), "--uplink-bps",
                                     str(up * 1e6 * PAYLOAD_SHARE), "--downlink-bps", str(down * 1e6 * PAYLOAD_SHARE)])
            return self.follow_narrowed() if self.narrows else self.follow()
        finally:
            for child in self.children.values():
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                child.wait()
            self.testbed("down")

    def follow(self):
        victim, killed_at, rerouted, left_at, told = None, None, [], None, []
        for line, now in self.lines():
            if line["event"] == "plan" and line["round"] == KILLED_IN:
                victim = self.choose(line["transfers"])
                wait = line["predicted_seconds"] / 2
                time.sleep(wait)
                killed_at = line["at_seconds"] + time.monotonic() - now
                os.killpg(self.children[victim].pid, signal.SIGKILL)
            elif line["event"] == "rerouted":
                rerouted.append(line["at_seconds"] - killed_at)
            elif line["event"] == "left" and line["worker"] == victim:
                left_at = line["at_seconds"] - killed_at
            elif line["event"] == "round" and line["round"] >= KILLED_IN:
                between = [d for d in line["deliveries"] if victim not in (d["sender"], d["receiver"])]
                whole = sum(d["state"] == "committed" for d in between)
                if line["round"] == KILLED_IN:
                    told.append(f"{victim} killed; it left after {left_at:.2f} s")
                    if rerouted:
                        told.append(f"{len(rerouted)} deliveries that it sent on were taken over by their senders "
                                    f"{min(rerouted):.2f} to {max(rerouted):.2f} s after it was killed")
                seconds, predicted = line["delivery_seconds"], line["predicted_seconds"]
                told.append(f"round {line['round']}: {whole} of {len(between)} deliveries between survivors verified "
                            f"and committed, in {seconds:.2f} s (predicted {predicted:.2f})")
                if line["round"] == ROUNDS:
                    return told
        raise RuntimeError("the journal ended early")

    def follow_narrowed(self):
        """The downlink of one that gets several multicasts falls to half, a fifth into the round."""
        victim, at, to, first, dropped, told = None, None, set(), None, 0, []
        for line, now in self.lines():
            if line["event"] == "plan" and line["round"] == KILLED_IN:
                victim = collections.Counter(t["receiver"] for t in line["transfers"]).most_common(1)[0][0]
                to = {str(t["transfer"]) for t in line["transfers"] if t["receiver"] == victim}
                time.sleep(line["predicted_seconds"] / 5)
                self.testbed("rate", victim, "--downlink-mbps", "50")
                at = line["at_seconds"] + time.monotonic() - now
            elif at and line["event"] == "input" and "slow" in line.get("message", {}):
                if first is None and str(line["message"]["slow"]["transfer"]) in to and line["at_seconds"] > at:
                    first = line["at_seconds"] - at
            elif line["event"] == "round" and line["round"] >= KILLED_IN - 1:
                estimate = next(e["downlink_bps"] for e in line["estimates"] if e["worker"] == (victim or "w0"))
                dropped = sum(d["state"] == "dropped" for d in line["deliveries"])
                if line["round"] == KILLED_IN:
                    heard = "does not hear of it" if first is None else f"hears of it after {first:.2f} s"
                    told.append(f"{victim} gets {len(to)} multicasts, its link falls from 100 to 50 Mbit/s; the "
                                f"manager {heard}")
                if line["round"] >= KILLED_IN:
                    seconds, predicted = line["delivery_seconds"], line["predicted_seconds"]
                    told.append(f"round {line['round']}: {seconds:.2f} s (predicted {predicted:.2f}), {dropped} "
                                f"dropped; believed to carry {estimate / PAYLOAD_SHARE / 1e6:.0f} Mbit/s")
                if line["round"] == ROUNDS:
                    return told
        raise RuntimeError("the journal ended early")

    def choose(self, transfers):
        via = collections.Counter(t["via"] for t in transfers if "via" in t)
        return via.most_common(1)[0][0] if via else "w1"


def run_training_faults(selmcast):
    for kind, what in (("relay", "relay killed"), ("network", "worker killed in a training"),
                       ("network", "downlink halved")):
        with tempfile.TemporaryDirectory() as folder:
            for line in TrainingFault(selmcast, kind, folder, what == "downlink halved").run():
                print(f"{what}: {line}", flush=True)
