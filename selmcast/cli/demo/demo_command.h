// `selmcast demo`: trains a real model peer-to-peer on this machine, once with each planner, and compares.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::demo {

// Adds the subcommand to `app`. When it runs it sets `exit_status` (exit_status.h). Both must outlive the parsing.
void add_demo_command(CLI::App& app, int& exit_status);

}  // namespace selmcast::demo
