// `selmcast bench net`: ours and rivals on shaped links, in one run; and the worker it runs on its hosts.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

// Adds the subcommands to `bench`. When one runs it sets `exit_status` (exit_status.h). Both must outlive the parsing.
void add_net_bench(CLI::App& bench, int& exit_status);

}  // namespace selmcast::cli
