// `selmcast bench bandwidth`: how soon the manager knows that a link has changed, on a testbed.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

// Adds the subcommand to `bench`. When it runs it sets `exit_status` (exit_status.h). Both must outlive the parsing.
void add_bandwidth_bench(CLI::App& bench, int& exit_status);

}  // namespace selmcast::cli
