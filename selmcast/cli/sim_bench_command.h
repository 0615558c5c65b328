// `selmcast bench sim`: how fast the simulator is, beside SimGrid on the same deliveries (bench/sim_bench.h).
//
// JSON (selmcast.bench_sim/1): timings [{case, planner, cpu_seconds, events}], simgrid {deliveries, ours_cpu_seconds,
// simgrid_cpu_seconds, times_faster, largest_difference} or null, memory [{flows, bytes_a_flow}], verdicts [{target,
// measured, met}].
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

void add_sim_bench(CLI::App& bench, int& exit_status);

}  // namespace selmcast::cli
