"""Orchestrates `selmcast bench multicast`: cells of one sender and n receivers on a testbed, ours and rivals in turns.

    run.py SELMCAST OUT [--quick] [--repeats N] [--only CONTENDER,...] [--cells NAME,...]

Writes OUT/cells.jsonl (every run) and OUT/table.md, which is also printed. Needs root. docs/bench_multicast.md says
what each cell is for.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from training_faults import run_training_faults  # noqa: E402

HERE = pathlib.Path(__file__).parent
FRAME, OURS = 1514, 1440  # docs/multicast.md: payload of a full frame
LINK = 200e6
PATIENCE = 90


def cells(quick):
    """name, receivers, bytes, link (None: not shaped), downlink of the slowest, drive (of the link), disturbance."""
    mb = 1e6
    some = [("even 25 MB, 4 receivers", 4, 25 * mb, LINK, None, 1, ""),
            ("even 25 MB, 4, 2 % loss", 4, 25 * mb, LINK, None, 1, "drop=0.02"),
            ("slowest 1/1.5, 4", 4, 25 * mb, LINK, LINK / 1.5, 1, ""),
            ("unshaped 100 MB, 4", 4, 100 * mb, None, None, 1, "")]
    if quick:
        return some
    return [("even 25 MB, 1 receiver", 1, 25 * mb, LINK, None, 1, ""), some[0],
            ("even 25 MB, 8 receivers", 8, 25 * mb, LINK, None, 1, ""),
            ("even 100 MB, 4 receivers", 4, 100 * mb, LINK, None, 1, ""),
            ("even 100 MB, 8 receivers", 8, 100 * mb, LINK, None, 1, ""),
            some[2], ("slowest 1/3, 4", 4, 25 * mb, LINK, LINK / 3, 1, ""),
            ("even 25 MB, 4, 1 % loss", 4, 25 * mb, LINK, None, 1, "drop=0.01"), some[1],
            ("even 25 MB, 4, 5 % loss", 4, 25 * mb, LINK, None, 1, "drop=0.05"),
            ("even 25 MB, 4, 5 % doubled", 4, 25 * mb, LINK, None, 1, "double=0.05"),
            ("even 25 MB, 4, 5 % reordered", 4, 25 * mb, LINK, None, 1, "reorder=0.05"),
            ("unshaped 100 MB, 1", 1, 100 * mb, None, None, 1, ""), some[3]]


class Bed:
    """A standing testbed; w0 sends."""

    def __init__(self, selmcast, receivers, link, slowest):
        self.selmcast, self.name = selmcast, f"mcast-{os.getpid()}"
        hosts = [{"name": f"w{k}"} for k in range(receivers + 1)]
        if link:
            hosts[0]["uplink_line_bps"] = link
            for host in hosts[1:]:
                host["downlink_line_bps"] = link
            if slowest:
                hosts[-1]["downlink_line_bps"] = slowest
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"schema": "selmcast.testbed/1", "hosts": hosts, "multicast": True}, file)
            file.flush()
            subprocess.run([selmcast, "testbed", "up", "--file", file.name, "--name", self.name], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(3.5)  # the querier's first answers

    def inside(self, host):
        return [self.selmcast, "testbed", "exec", "--name", self.name, f"w{host}", "--"]

    def start(self, host, command, **options):
        return subprocess.Popen(self.inside(host) + command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, **options)

    def run(self, host, command):
        return subprocess.run(self.inside(host) + command, capture_output=True, text=True, check=True).stdout

    def verb(self, *words):
        subprocess.run([self.selmcast, "testbed", words[0], "--name", self.name, *words[1:]], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def uplink_bytes(self):
        """Of whole frames: the shaper's own counter where there is one, else the interface's."""
        text = self.run(0, ["tc", "-s", "qdisc", "show", "dev", "eth0"])
        sent = re.search(r"tbf.*?Sent (\d+) bytes", text, re.S)
        if sent:
            return int(sent.group(1))
        return int(self.run(0, ["cat", "/sys/class/net/eth0/statistics/tx_bytes"]))

    def drop(self, receivers, share):
        for host in range(1, receivers + 1):
            self.run(host, ["nft", "add table ip t; add chain ip t c { type filter hook input priority 0; }; "
                            f"add rule ip t c ip protocol udp numgen random mod 1000 < {int(share * 1000)} drop"])

    def down(self):
        subprocess.run([self.selmcast, "testbed", "down", "--name", self.name], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def last_json(process):
    out, err = process.communicate(timeout=PATIENCE)
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError((err or "no output").strip().splitlines()[-1])
    return json.loads(lines[-1])


def all_ready(receivers):
    for receiver in receivers:
        line = receiver.stdout.readline()
        if line.strip() != "ready":
            raise RuntimeError(f"a receiver did not start: {receiver.stderr.read().strip()}")


def node(cell, own):
    return ["multicast-node", "--own", f"10.77.0.{own + 1}", "--bytes", str(cell[2]), "--seed", "7", "--patience",
            str(PATIENCE - 5)]


def run_ours(bed, cell, tcp):
    n, size, link, disturbance = cell[1], cell[2], cell[3], cell[6]
    flags = ["--tcp"] if tcp else []
    hurt = [] if tcp or not disturbance else ["--" + disturbance.split("=")[0], disturbance.split("=")[1]]
    receivers = [bed.start(k, [bed.selmcast, "bench"] + node(cell, k) + ["--listen", "7100"] + flags + hurt)
                 for k in range(1, n + 1)]
    all_ready(receivers)
    rate = [] if tcp else ["--rate-bps", str(link * cell[5] * OURS / FRAME if link else UNSHAPED_BPS / n)]
    to = ",".join(f"10.77.0.{k + 1}:7100" for k in range(1, n + 1))
    sender = last_json(bed.start(0, [bed.selmcast, "bench"] + node(cell, 0) + ["--to", to] + rate + flags))
    answers = [last_json(receiver) for receiver in receivers]
    if not all(answer["bytes_right"] for answer in answers):
        raise RuntimeError(f"not all bytes are right: {answers}")
    return {"seconds": max(end["seconds"] for end in sender["ends"]),
            "fastest": min(end["seconds"] for end in sender["ends"]),
            "cpu_sender": sender["cpu_seconds"], "cpu_receiver": statistics.mean(a["cpu_seconds"] for a in answers),
            "repairs": sender.get("group_repairs", 0) + sender.get("unicast_repairs", 0),
            "events": sender["events"]}


def run_norm(bed, cell):
    n, size, link = cell[1], cell[2], cell[3]
    rival = [sys.executable, str(HERE / "norm_rival.py")]
    receivers = [bed.start(k, rival + ["receive", str(k + 1), str(size)]) for k in range(1, n + 1)]
    all_ready(receivers)
    ids = ",".join(str(k + 1) for k in range(1, n + 1))
    # Its rate counts its own headers, not those of UDP, IP and Ethernet: 1428 of 1470 bytes.
    rate = link * cell[5] * 1428 / 1470 if link else NORM_UNSHAPED_BPS
    sender = bed.start(0, rival + ["send", ids, str(size), str(rate)])
    answers = [last_json(receiver) for receiver in receivers]
    sent = last_json(sender)
    if not all(answer["complete"] for answer in answers):
        raise RuntimeError("not complete after 120 s")
    ends = [answer["ended"] - sent["started"] for answer in answers]
    return {"seconds": max(ends), "fastest": min(ends), "cpu_sender": sent["cpu_seconds"],
            "cpu_receiver": statistics.mean(answer["cpu_seconds"] for answer in answers)}


def children_cpu():
    times = os.times()
    return times.children_user + times.children_system


def run_uftp(bed, cell):
    n, size, link = cell[1], cell[2], cell[3]
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "payload"
        source.write_bytes(os.urandom(int(size)))
        receivers = []
        for k in range(1, n + 1):
            (pathlib.Path(folder) / f"d{k}").mkdir()
            receivers.append(bed.start(k, ["uftpd", "-d", "-D", f"{folder}/d{k}", "-I", "eth0", "-B", "4194304", "-t",
                                           "-L", f"{folder}/log{k}"]))
        time.sleep(0.5)
        rate = ["-R", str(int(link * cell[5] * 1472 / 1514 / 1000)) if link else "1000000"]
        before, started = children_cpu(), time.monotonic()
        sender = bed.start(0, ["uftp", "-I", "eth0", "-b", "1440", "-B", "4194304", "-r", "0.02:0.01:0.2"] + rate +
                           [str(source)])
        sender.communicate(timeout=PATIENCE)
        seconds, cpu_sender = time.monotonic() - started, children_cpu() - before
        before = children_cpu()
        for receiver in receivers:
            receiver.terminate()
            receiver.wait()
        cpu_receiver = (children_cpu() - before) / n
        for k in range(1, n + 1):
            got = pathlib.Path(folder) / f"d{k}" / "payload"
            if not got.exists() or got.read_bytes() != source.read_bytes():
                raise RuntimeError("a receiver has not got the file")
    return {"seconds": seconds, "fastest": seconds, "cpu_sender": cpu_sender, "cpu_receiver": cpu_receiver}


# Every receiver is a process that needs its part of the same processors.
UNSHAPED_BPS, NORM_UNSHAPED_BPS = 8e9, 1e9
CONTENDERS = {"selmcast": lambda bed, cell: run_ours(bed, cell, False),
              "tcp": lambda bed, cell: run_ours(bed, cell, True), "norm": run_norm, "uftp": run_uftp}


def measure(contender, bed, cell):
    before = bed.uplink_bytes()
    result = CONTENDERS[contender](bed, cell)
    result["uplink_copies"] = (bed.uplink_bytes() - before) / (cell[2] * FRAME / OURS)
    return result


def fault(bed, cell, kind):
    """A second into a multicast of 4 s one of four receivers is killed or cut off, or the sender is killed."""
    receivers = [bed.start(k, [bed.selmcast, "bench"] + node(cell, k) + ["--listen", "7100"], start_new_session=True)
                 for k in range(1, 5)]
    all_ready(receivers)
    to = ",".join(f"10.77.0.{k + 1}:7100" for k in range(1, 5))
    flags = ["--to", to, "--rate-bps", str(LINK * OURS / FRAME)]
    sender = bed.start(0, [bed.selmcast, "bench"] + node(cell, 0) + flags, start_new_session=True)
    time.sleep(1.5)
    at = time.monotonic()
    if kind == "link cut":
        bed.verb("cut", "w2")
    else:
        os.killpg((sender if kind == "sender killed" else receivers[1]).pid, signal.SIGKILL)
    gone = {"receiver killed": receivers[1], "sender killed": sender}.get(kind)
    answers = [last_json(receiver) for receiver in receivers if receiver is not gone]
    lines = []
    if gone is not sender:
        sent = last_json(sender)
        lost = [end for end in sent["ends"] if end["how"] != "acknowledged"]
        lines += [f"sender: {end['how']} after {sent['started'] + end['seconds'] - at:.2f} s" for end in lost]
    whole = [answer for answer in answers if answer["bytes_right"]]
    lines.append(f"{len(whole)} receivers have all bytes right")
    lines += [f"receiver: {answer['why']} after {answer['ended'] - at:.2f} s" for answer in answers
              if not answer["bytes_right"]]
    if gone is None:
        bed.verb("heal", "w2")
    return lines


def run_faults(selmcast):
    cell = ("faults", 4, 100e6, LINK, None, 1, "")
    for kind in ("receiver killed", "link cut", "sender killed"):
        bed = Bed(selmcast, 4, LINK, None)
        try:
            for line in fault(bed, cell, kind):
                print(f"{kind}: {line}", flush=True)
        finally:
            bed.down()
    run_training_faults(selmcast)
    return 0


def table(rows):
    lines = ["| cell | contender | s (least to most) | of the ceiling | uplink, copies | CPU s/GB sender | receiver | "
             "MB a CPU s |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for (name, contender), (cell, runs) in rows.items():
        if isinstance(runs, str):
            lines.append(f"| {name} | {contender} | {runs} | | | | | |")
            continue
        times = [run["seconds"] for run in runs]
        middle = statistics.median(times)
        gb = cell[2] / 1e9
        sender = statistics.median(run["cpu_sender"] for run in runs) / gb
        receiver = statistics.median(run["cpu_receiver"] for run in runs) / gb
        slowest = cell[4] or cell[3]
        rate = cell[2] * 8 / middle
        share = f"{rate / (slowest * OURS / FRAME):.1%}" if slowest else f"{rate / 1e9:.2f} Gbit/s"
        copies = statistics.median(run["uplink_copies"] for run in runs)
        lines.append(f"| {name} | {contender} | {middle:.3f} ({min(times):.3f} to {max(times):.3f}) | {share} | "
                     f"{copies:.3f} | {sender:.2f} | {receiver:.2f} | {1000 / (sender + receiver):.0f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("selmcast")
    parser.add_argument("out")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="selmcast,tcp,norm,uftp")
    parser.add_argument("--cells", default="")
    parser.add_argument("--faults", action="store_true")
    options = parser.parse_args()
    if options.faults:
        return run_faults(options.selmcast)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    rows = {}
    for cell in cells(options.quick):
        if options.cells and not any(word in cell[0] for word in options.cells.split(",")):
            continue
        bed = Bed(options.selmcast, cell[1], cell[3], cell[4])
        try:
            kinds = [kind for kind in options.only.split(",")
                     if kind != "uftp" or shutil.which("uftpd")]
            if cell[6].startswith("drop="):
                if "norm" in kinds or "uftp" in kinds:
                    bed.drop(cell[1], float(cell[6][5:]))
                    cell = cell[:6] + ("",)  # by the rule, for all alike
            elif cell[6]:
                kinds = [kind for kind in kinds if kind == "selmcast"]  # by our own receivers' hand
            for _ in range(1 if options.quick else options.repeats):
                for kind in kinds:
                    try:
                        run = measure(kind, bed, cell)
                    except (RuntimeError, subprocess.SubprocessError, OSError) as error:
                        rows.setdefault((cell[0], kind), (cell, f"failed: {str(error)[:80]}"))
                        print(f"{cell[0]}, {kind}: {error}", file=sys.stderr)
                        continue
                    with open(out / "cells.jsonl", "a") as file:
                        line = {"cell": cell[0], "contender": kind, "load": os.getloadavg()[0]} | run
                        file.write(json.dumps(line) + "\n")
                    print(f"{cell[0]}, {kind}: {run['seconds']:.3f} s", file=sys.stderr)
                    known = rows.get((cell[0], kind))
                    if known is None or isinstance(known[1], str):
                        rows[cell[0], kind] = (cell, [run])
                    else:
                        known[1].append(run)
        finally:
            bed.down()
    text = table(rows)
    (out / "table.md").write_text(text)
    print(text)
    ours = [runs for (_, kind), (_, runs) in rows.items() if kind == "selmcast"]
    return 0 if rows and all(isinstance(runs, list) for runs in ours) else 1


sys.exit(main())
