// `selmcast testbed`: hosts with shaped links on this machine.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::testbed {

// Adds the subcommand to `app`. When it runs it sets `exit_status` (exit_status.h). Both must outlive the parsing.
void add_testbed_command(CLI::App& app, int& exit_status);

}  // namespace selmcast::testbed
