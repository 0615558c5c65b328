"""Orchestrates `selmcast bench bandwidth`: how soon changes of links are known, on a testbed.

Six hosts, planner exact, at least two receivers a multicast. Links are declared as they are; three of them change after
round CHANGES[0], three after CHANGES[1], and from CHANGES[2] on other traffic takes half of a downlink. After each
round the manager's estimates are compared with the payload that the shapers let through. "within 5 %" is the first
round after a change from which the estimate stays within 5 % for STAYS rounds at least, or until the next change.

Writes OUT/rounds.jsonl (every estimate beside its truth), OUT/bandwidth.csv, OUT/table.md, OUT/bandwidth.svg and the
journals. Needs root.
"""
import argparse
import csv
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

PAYLOAD_SHARE = 1448 / 1514  # of a link rate, selmcast/net/link_rate.h
UP, DOWN = [200, 100, 100, 100, 50, 200], [100, 50, 50, 200, 100, 25]  # Mbit/s, w0 to w5
# Host, direction, from, to, and what it is.
CHANGES = {15: [("w0", "down", 100, 50), ("w3", "up", 100, 50), ("w1", "down", 50, 100)],
           30: [("w2", "down", 50, 30), ("w5", "down", 25, 50), ("w4", "up", 50, 100)],
           45: [("w3", "down", 200, 100)]}  # not a new rate: 100 Mbit/s of other traffic
TRAFFIC_FROM, ROUNDS, STAYS, SHOWN = 45, 60, 5, (1, 2, 3, 4, 6, 8)
BED = "bench-bandwidth"


class Failed(Exception):
    pass


class Run:
    def __init__(self, options, name, flags):
        self.selmcast, self.folder, self.name, self.flags = options.selmcast, options.out / name, name, flags
        self.megabytes = options.megabytes
        self.folder.mkdir(parents=True, exist_ok=True)
        self.children = []

    def testbed(self, *words):
        made = subprocess.run([self.selmcast, "testbed", words[0], "--name", BED, *words[1:]],
                              capture_output=True, text=True)
        if made.returncode and words[0] != "down":
            raise Failed(made.stderr.strip())

    def start(self, host, command, out):
        child = subprocess.Popen([self.selmcast, "testbed", "exec", "--name", BED, host, "--", self.selmcast] + command,
                                 stdout=open(self.folder / out, "w"), stderr=open(self.folder / f"{host}.log", "w"))
        self.children.append(child)
        return child

    def play(self):
        hosts = [{"name": f"w{k}", "uplink_line_bps": up * 1e6, "downlink_line_bps": down * 1e6}
                 for k, (up, down) in enumerate(zip(UP, DOWN))] + [{"name": "manager"}]
        description = self.folder / "network.json"
        description.write_text(json.dumps({"schema": "selmcast.testbed/1", "hosts": hosts, "multicast": False}))
        self.testbed("down")  # what a killed one left
        self.testbed("up", "--file", str(description))
        try:
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
        self.start("manager", ["manager", "--workers", "6", "--planner", "exact", "--min-receivers", "2",
                               "--port", "7070", "--insecure-listen", "10.77.0.7", "--journal", str(journal),
                               *self.flags], "address")
        due = time.monotonic() + 20
        while not (self.folder / "address").read_text().strip():
            if time.monotonic() > due:
                raise Failed("the manager does not listen: " + (self.folder / "manager.log").read_text()[-300:])
            time.sleep(0.05)
        for k, (up, down) in enumerate(zip(UP, DOWN)):
            self.start(f"w{k}", ["bench", "net-worker", "--manager", "10.77.0.7:7070", "--name", f"w{k}", "--elements",
                                 str(int(self.megabytes * 250_000)), "--rounds", str(ROUNDS), "--uplink-bps",
                                 str(up * 1e6 * PAYLOAD_SHARE), "--downlink-bps", str(down * 1e6 * PAYLOAD_SHARE)],
                       f"w{k}.jsonl")
        return self.follow(journal)

    def follow(self, journal):
        truth = {(f"w{k}", "up"): up for k, up in enumerate(UP)}
        truth |= {(f"w{k}", "down"): down for k, down in enumerate(DOWN)}
        rows, done = [], 0
        while not journal.exists():
            time.sleep(0.02)
        with open(journal) as file:
            due, line = time.monotonic() + 60, ""
            while done < ROUNDS:
                line += file.readline()
                if not line.endswith("\n"):
                    if time.monotonic() > due:
                        raise Failed("no round for 60 s: see " + str(self.folder))
                    time.sleep(0.005)
                    continue
                event, line = json.loads(line), ""
                if event["event"] != "round":
                    continue
                due, done = time.monotonic() + 60, event["round"] + 1
                for estimate in event["estimates"]:
                    for direction in ("up", "down"):
                        true = truth[estimate["worker"], direction] * PAYLOAD_SHARE
                        rows.append({"run": self.name, "round": done, "worker": estimate["worker"],
                                     "direction": direction,
                                     "true_mbps": round(true, 3),
                                     "estimate_mbps": round(estimate[f"{direction}link_bps"] / 1e6, 3),
                                     "seconds": event["delivery_seconds"], "predicted": event["predicted_seconds"]})
                for host, direction, _, to in CHANGES.get(done, []):
                    truth[host, direction] = to
                    if done == TRAFFIC_FROM:
                        self.children.append(subprocess.Popen(
                            [self.selmcast, "testbed", "traffic", "--name", BED, "--from", "manager", "--to", host,
                             "--mbps", "100", "--seconds", "600"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
                    else:
                        self.testbed("rate", host, f"--{direction}link-mbps", str(to))
        return rows


def errors_of(rows, run, host, direction):
    return {row["round"]: row["estimate_mbps"] / row["true_mbps"] - 1 for row in rows
            if (row["run"], row["worker"], row["direction"]) == (run, host, direction)}


def next_change(after):
    return min([c for c in CHANGES if c > after], default=ROUNDS)


def first_within(errors, after):
    """Rounds from the change until the estimate is within 5 % for good."""
    end = next_change(after)
    for k in range(1, end - after + 1):
        rest = [errors[r] for r in range(after + k, end + 1) if r in errors]
        if len(rest) >= min(STAYS, end - after) and all(abs(e) <= 0.05 for e in rest):
            return k
    return None


def table(rows):
    lines = []
    for run in dict.fromkeys(row["run"] for row in rows):
        shown = ", ".join(map(str, SHOWN))
        lines += [f"**{run}**", "", f"| change (Mbit/s) | error (%) after round {shown} | within 5 % |",
                  "|---|---|---|"]
        met = count = 0
        for after, changes in CHANGES.items():
            for host, direction, old, new in changes:
                errors = errors_of(rows, run, host, direction)
                first = first_within(errors, after)
                met, count = met + (first is not None and first <= 3), count + 1
                what = "other traffic" if after == TRAFFIC_FROM else f"{direction}link"
                lines.append(f"| {host}, {what}: {old} to {new} | " +
                             ", ".join(f"{errors[after + k] * 100:+.0f}" for k in SHOWN if after + k in errors) +
                             f" | {first if first is not None else '-'} |")
        one = [row for row in rows if row["run"] == run and row["worker"] == "w0" and row["direction"] == "up"]
        off = [abs(row["seconds"] / row["predicted"] - 1) for row in one]
        settled = [abs(row["estimate_mbps"] / row["true_mbps"] - 1) for row in rows
                   if row["run"] == run
                   and any(after + 8 <= row["round"] <= next_change(after) for after in [0, *CHANGES])]
        lines += ["", f"{met} of {count} changes known within 3 rounds. All twelve links, from 8 rounds after a "
                  f"change on: median error {statistics.median(settled):.1%}, 95th percentile "
                  f"{quantile(settled, 0.95):.1%}. Delivered over predicted, less 1, absolute: median "
                  f"{statistics.median(off):.1%}, 95th percentile "
                  f"{quantile(off, 0.95):.1%}. Mean round {statistics.mean(row['seconds'] for row in one):.2f} s.", ""]
    return "\n".join(lines)


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def plot_script(rows):
    links = [(host, direction) for changes in CHANGES.values() for host, direction, _, _ in changes] + [("w0", "up")]
    runs = list(dict.fromkeys(row["run"] for row in rows))
    colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"]
    lines = ["set terminal svg size 900,760 font 'sans-serif,12' background rgb 'white'", "set output 'bandwidth.svg'",
             "set multiplot layout 4,2", "set key outside right top width 2 samplen 1.5", "set border 3",
             "set tics nomirror", "set grid", f"set xrange [0:{ROUNDS}]", "set xtics 15", "set yrange [0:*]"]
    for k, (host, direction) in enumerate(links):
        for name in ["truth", *runs]:
            chosen = [row for row in rows if (row["worker"], row["direction"]) == (host, direction)
                      and row["run"] == (runs[0] if name == "truth" else name)]
            lines.append(f"$d{k}_{(['truth'] + runs).index(name)} << EOD")
            column = "true_mbps" if name == "truth" else "estimate_mbps"
            lines += [f"{row['round']} {row[column]}" for row in chosen] + ["EOD"]
        pieces = [f"$d{k}_0 using 1:2 with fsteps lw 3 lc rgb '#bbbbbb' title 'truth'"]
        pieces += [f"$d{k}_{r + 1} using 1:2 with lines lw 1.5 lc rgb '{colours[r % 4]}' title '{run}'"
                   for r, run in enumerate(runs)]
        most = max(row["true_mbps"] for row in rows if (row["worker"], row["direction"]) == (host, direction))
        lines += [f"set title '{host}, {direction}link (Mbit/s of payload)'",
                  f"set ytics {50 if most > 100 else 25 if most > 50 else 10}",
                  "set xlabel 'round'" if k > 5 else "set xlabel ''", "plot " + ", ".join(pieces)]
    return "\n".join(lines + ["unset multiplot"]) + "\n"


def report(rows, out):
    (out / "table.md").write_text(table(rows))
    with open(out / "bandwidth.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    subprocess.run(["gnuplot"], input=plot_script(rows), text=True, cwd=out, check=True)
    print((out / "table.md").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("selmcast")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--runs", nargs="*", default=["paced"])
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    kinds = {"paced": [], "bursts": ["--no-pulses"], "no-search": ["--no-bursts"], "unpaced": ["--unpaced"],
             # Pairs must hardly ever meet, so that slow downlinks get nothing; with soundings, and without.
             "seldom": ["--max-age", "40"], "seldom-blind": ["--max-age", "40", "--no-soundings"]}
    for run in options.runs:
        if run not in kinds:
            parser.error(f"there is no run {run}: {', '.join(kinds)}")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"{options.out}: {error.strerror}")
    path = options.out / "rounds.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not options.report:
        if os.geteuid():
            print("selmcast bench bandwidth: a testbed needs root", file=sys.stderr)
            return 1
        for run in options.runs:
            try:
                rows = [row for row in rows if row["run"] != run] + Run(options, run, kinds[run]).play()
            except (Failed, OSError) as error:
                print(f"selmcast bench bandwidth: {error}", file=sys.stderr)
                return 1
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if not rows:
        print(f"selmcast bench bandwidth: nothing in {path}: measure first", file=sys.stderr)
        return 1
    report(rows, options.out)
    return 0


sys.exit(main())
