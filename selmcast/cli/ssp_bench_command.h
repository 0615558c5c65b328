// The command `selmcast bench ssp`: Algorithm 2 against the literal one (bench/ssp_bench.h).
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

// `bench` is the command `selmcast bench`.
void add_ssp_bench(CLI::App& bench, int& exit_status);

}  // namespace selmcast::cli
