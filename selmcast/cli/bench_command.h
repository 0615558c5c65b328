// `selmcast bench`: measures what this build does on this machine, against rivals and stated targets.
//
// JSON of `bench plan` (selmcast.bench_plan/1): timings [{planner, workers, multicast, variant, median_seconds,
// repetitions, finished, completion_seconds, receiver_count, times_exact}], memory [{planner, workers, multicast,
// variant, peak_bytes}], missing [planner], verdicts [{target, measured, met}]. times_exact: how many times as
// long as `exact` took on the same instance, null without it; met: null where not measured.
// JSON of `bench gap` (selmcast.bench_gap/1): rows [{workers, multicast, volumes, search_gap_mean, search_gap_max,
// paper_gap_mean, paper_gap_max, search_seconds}], gaps as fractions of the lower bound.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

void add_bench_command(CLI::App& app, int& exit_status);

}  // namespace selmcast::cli
