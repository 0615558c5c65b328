"""How fast one delivery goes over a long link, by the number of connections that carry it (`--streams`).

Two hosts of a testbed with a round trip (`selmcast testbed up --rtt-ms`), a manager beside the first worker; each
worker sends its model to the other at the same time, in the second round of a training of its own. A delivery's time
is what its receiver says: from the first byte to the last one verified. Beside it: what one connection's send buffer
allows, two thirds of the most that tcp_wmem has a round trip (the kernel wakes a sender when a third is free). Prints a
table, writes OUT/streams.csv. Needs root.

    python3 bench/net/long_links.py --selmcast build/release/bin/selmcast --out DIR
"""
import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import time

PAYLOAD_SHARE = 1448 / 1514  # of a link rate, selmcast/net/link_rate.h
BED = "bench-streams"


class Failed(Exception):
    pass


def delivered(options, rtt_ms, streams, folder):
    """Payload bit/s of the two deliveries of a training's second round."""
    folder.mkdir(parents=True, exist_ok=True)
    journal, address = folder / "journal.jsonl", folder / "address"
    journal.unlink(missing_ok=True)
    on = [options.selmcast, "testbed", "exec", "--name", BED]
    payload = str(options.mbps * 1e6 * PAYLOAD_SHARE)
    with open(address, "w") as out, open(folder / "manager.log", "w") as log:
        manager = subprocess.Popen([*on, "w0", "--", options.selmcast, "manager", "--workers", "2", "--planner",
                                    "broadcast", "--port", "7070", "--insecure-listen", "10.77.0.1", "--journal",
                                    str(journal), *options.manager_flag], stdout=out, stderr=log)
    workers = []
    try:
        due = time.monotonic() + 20
        while not address.read_text().strip():
            if time.monotonic() > due:
                raise Failed("the manager does not listen: " + (folder / "manager.log").read_text()[-300:])
            time.sleep(0.05)
        for k in range(2):
            with open(folder / f"w{k}.log", "w") as log:
                workers.append(subprocess.Popen(
                    [*on, f"w{k}", "--", options.selmcast, "bench", "net-worker", "--manager", "10.77.0.1:7070",
                     "--name", f"w{k}", "--elements", str(int(options.megabytes * 250_000)), "--rounds", "1",
                     "--uplink-bps", payload, "--downlink-bps", payload, "--streams", str(streams)],
                    stdout=subprocess.DEVNULL, stderr=log))
        for k, worker in enumerate(workers):
            if worker.wait(timeout=120):
                raise Failed((folder / f"w{k}.log").read_text().strip())
        manager.wait(timeout=20)
    finally:
        for child in [manager, *workers]:
            child.kill()
            child.wait()
    rounds = [event for event in map(json.loads, open(journal)) if event["event"] == "round"]
    return [8 * one["bytes"] / (one["finished_seconds"] - one["started_seconds"]) for one in rounds[1]["deliveries"]
            if one["state"] == "committed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--selmcast", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--mbps", type=float, default=400, help="link rate of the uplinks")
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--rtt-ms", type=float, nargs="+", default=[50, 100])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--manager-flag", action="append", default=[])
    options = parser.parse_args()
    options.selmcast = str(pathlib.Path(options.selmcast).resolve())
    options.out.mkdir(parents=True, exist_ok=True)
    window = 8 * int(pathlib.Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2]) * 2 / 3
    rows = []
    for rtt_ms in options.rtt_ms:
        subprocess.run([options.selmcast, "testbed", "down", "--name", BED], capture_output=True)
        subprocess.run([options.selmcast, "testbed", "up", "--name", BED, "--hosts", "2", "--uplinks-mbps",
                        str(options.mbps), "--rtt-ms", str(rtt_ms), "--no-multicast"], check=True,
                       stdout=subprocess.DEVNULL)
        try:
            for repeat in range(options.repeats):
                for streams in options.streams:
                    folder = options.out / f"{rtt_ms:g}ms-{streams}-{repeat}"
                    rates = [rate / 1e6 for rate in delivered(options, rtt_ms, streams, folder)]
                    rows += [{"rtt_ms": rtt_ms, "streams": streams, "repeat": repeat, "mbps": round(rate, 2)}
                             for rate in rates]
                    print(f"{rtt_ms:g} ms, {streams} streams: {', '.join(f'{rate:.0f}' for rate in rates)} Mbit/s",
                          flush=True)
        finally:
            subprocess.run([options.selmcast, "testbed", "down", "--name", BED], capture_output=True)
    with open(options.out / "streams.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    ceiling = options.mbps * PAYLOAD_SHARE
    print(f"\n| round trip | a window allows | {' | '.join(f'{s}' for s in options.streams)} | of {ceiling:.0f} |")
    for rtt_ms in options.rtt_ms:
        medians = [statistics.median(row["mbps"] for row in rows
                                     if (row["rtt_ms"], row["streams"]) == (rtt_ms, streams))
                   for streams in options.streams]
        print(f"| {rtt_ms:g} ms | {window / rtt_ms / 1e3:.0f} | "
              f"{' | '.join(f'{m:.0f}' for m in medians)} | {100 * max(medians) / ceiling:.0f} % |")


if __name__ == "__main__":
    main()
