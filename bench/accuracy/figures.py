"""Tables and the picture of `selmcast bench accuracy`. Pure but for writing them: runs in, text out."""
import csv
import statistics
import subprocess


def groups_of(runs):
    """(setup, stragglers) -> contender -> runs, in the order of first appearance."""
    groups = {}
    for run in runs:
        groups.setdefault((run["setup"], run["stragglers"]), {}).setdefault(run["contender"], []).append(run)
    return dict(sorted(groups.items(), key=lambda item: ([r["setup"] for r in runs].index(item[0][0]), item[0][1])))


def median_seconds(runs):
    """None if half of them or more did not reach the target: the median is then beyond the limit."""
    times = sorted(run["reached_seconds"] if run["reached_seconds"] is not None else float("inf") for run in runs)
    middle = statistics.median(times)
    return None if middle == float("inf") else middle


def seconds_text(runs):
    times = [run["reached_seconds"] for run in runs if run["reached_seconds"] is not None]
    if not times:
        return f"not in {runs[0]['limit_seconds']:.0f}"
    middle = median_seconds(runs)
    most = f"{max(times):.2f}" if len(times) == len(runs) else f"over {runs[0]['limit_seconds']:.0f}"
    return f"{middle:.2f} ({min(times):.2f} to {most})" if middle is not None else \
        f"over {runs[0]['limit_seconds']:.0f} ({min(times):.2f} to {most})"


def heading(setup, stragglers):
    return f"{setup}, {'with stragglers' if stragglers else 'no stragglers'}"


def table(runs):
    lines = []
    for (setup, stragglers), contenders in groups_of(runs).items():
        lines += [f"**{heading(setup, stragglers)}**", "",
                  "| | seconds: median (least to most) | reached | steps | computing | slept of it | own models "
                  "below the "
                  "average |", "|---|---|---|---|---|---|---|"]
        for name, of_it in contenders.items():
            reached = sum(run["reached_seconds"] is not None for run in of_it)
            behind = statistics.median(run["accuracy"] - statistics.mean(run["own_accuracy"]) for run in of_it)
            lines.append(
                f"| {name} | {seconds_text(of_it)} | {reached} of {len(of_it)} | "
                f"{statistics.median(run['steps'] for run in of_it):.0f} | "
                f"{statistics.median(run['compute_share'] for run in of_it):.0%} | "
                f"{statistics.median(run['lent_share'] / max(run['compute_share'], 1e-9) for run in of_it):.0%} | "
                f"{'-' if name.startswith('gloo') else f'{behind * 100:.1f} points'} |")
        lines.append("")
    return "\n".join(lines)


def tuning_table(runs, seeds):
    """Seconds to the target by learning rate; a run beyond the limit counts as endless."""
    lines = ["| | learning rate | seconds, seeds " + ", ".join(map(str, seeds)) + " | median |", "|---|---|---|---|"]
    cells = {}
    for run in runs:
        cells.setdefault((run["contender"], run["learning_rate"]), []).append(run)
    for (name, rate), of_it in cells.items():
        times = ", ".join("-" if r["reached_seconds"] is None else f"{r['reached_seconds']:.2f}" for r in of_it)
        middle = median_seconds(of_it)
        lines.append(f"| {name} | {rate} | {times} | {'-' if middle is None else f'{middle:.2f}'} |")
    return "\n".join(lines)


def plot_script(runs):
    """A panel a network and kind of hosts; a dot a run, a bar at the median. Above the limit: a triangle at it."""
    groups = groups_of(runs)
    lines = ["set terminal svg size 900,820 font 'sans-serif,12' background rgb 'white'", "set output 'accuracy.svg'",
             "set multiplot layout 3,2", "unset key", "set grid ytics", "set border 3",
             "set tics nomirror", "set xtics rotate by -25 scale 0", "set yrange [0:*]", "set ylabel 'seconds'"]
    for k, ((setup, stragglers), contenders) in enumerate(groups.items()):
        for part in ("dots", "medians", "beyond"):
            lines.append(f"${part}{k} << EOD")
            for place, of_it in enumerate(contenders.values()):
                if part == "medians":
                    middle = median_seconds(of_it)
                    lines.append(f"{place} {of_it[0]['limit_seconds'] if middle is None else middle}")
                    continue
                for number, run in enumerate(of_it):
                    shown = run["reached_seconds"]
                    if (shown is None) == (part == "beyond"):
                        lines.append(f"{place + 0.08 * (number - 2)} "
                        f"{run['limit_seconds'] if shown is None else shown}")
            if lines[-1].startswith("$"):
                lines.append("NaN NaN")
            lines.append("EOD")
        names = ", ".join(f"'{name}' {place}" for place, name in enumerate(contenders))
        lines += [f"set title '{heading(setup, stragglers)}'", f"set xtics ({names})",
                  f"set xrange [-0.6:{len(contenders) - 0.4}]",
                  f"plot $medians{k} using 1:2:(0.6) with boxes fs solid 0.25 noborder lc rgb '#0072b2', $dots{k} "
                  f"with points "
                  f"pt 7 ps 0.5 lc rgb '#0072b2', $beyond{k} with points pt 9 ps 0.7 lc rgb '#d55e00'"]
    return "\n".join(lines + ["unset multiplot"]) + "\n"


def write_all(runs, out):
    (out / "table.md").write_text(table(runs))
    with open(out / "accuracy.csv", "w", newline="") as file:
        columns = ["setup", "stragglers", "contender", "seed", "learning_rate", "target", "reached_seconds",
            "accuracy", "steps",
                   "compute_share", "lent_share", "load"]
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(runs)
    if runs:
        subprocess.run(["gnuplot"], input=plot_script(runs), text=True, cwd=out, check=True)
