// `selmcast bench torch`: selmcast.torch's step() beside Gloo's collectives, on several ranks of this machine. The
// measuring is Python's (python/selmcast/torch/bench.py); this starts it.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

void add_torch_bench(CLI::App& bench, int& exit_status);

}  // namespace selmcast::cli
