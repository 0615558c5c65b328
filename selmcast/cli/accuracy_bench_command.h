// `selmcast bench accuracy`: time to accuracy on shaped links, ours beside Gloo's all-reduce.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

// Adds the subcommand to `bench`. When it runs it sets `exit_status` (exit_status.h). Both must outlive the parsing.
void add_accuracy_bench(CLI::App& bench, int& exit_status);

}  // namespace selmcast::cli
