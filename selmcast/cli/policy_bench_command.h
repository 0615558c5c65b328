// `selmcast bench policies`: SSP policies beside one another, on fixed clusters and seeds (bench/policy_bench.h).
//
// JSON (selmcast.bench_policies/1): rows [{setting, planner, width (of slack), npu_utilization and multicast_scale by
// trial}], verdicts [{target, measured, met}].
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

void add_policy_bench(CLI::App& bench, int& exit_status);

}  // namespace selmcast::cli
