// `selmcast simulate`: what a training would do on a cluster that need not exist (sim/simulation.h has the model).
//
// JSON (selmcast.simulation/1): npu_utilization, multicast_scale and, for bsp, completion_normalized, each as {mean,
// min, max, standard_error} over the trials; npu_utilization_bound, the mean over the same seeds with free
// communication; rounds, multicasts, deliveries, dropped and events as sums over the trials; wall_seconds; settings,
// all that was simulated. Same settings and seed give the same text but for wall_seconds.
// A trace of computing times is a text file: one time in seconds a line; empty lines and lines that begin with # do not
// count.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

void add_simulate_command(CLI::App& app, int& exit_status);

}  // namespace selmcast::cli
