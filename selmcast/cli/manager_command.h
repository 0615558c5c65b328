// `selmcast manager`: runs the manager of one training, or replays the journal of one.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

// Adds the subcommand to `app`. When it runs it sets `exit_status` (exit_status.h). Both must outlive the parsing.
void add_manager_command(CLI::App& app, int& exit_status);

}  // namespace selmcast::cli
