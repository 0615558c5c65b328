// `selmcast arena`: trainings on a simulated, faulty network in virtual time, each replayable by its seed.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

// Adds the subcommand to `app`. When it runs it sets `exit_status` (exit_status.h). Both must outlive the parsing.
void add_arena_command(CLI::App& app, int& exit_status);

}  // namespace selmcast::cli
