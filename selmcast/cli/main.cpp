// `selmcast`: one program, a subcommand for each thing it does.
//
// A command is a function that adds itself to the CLI11 app and, when it runs, sets the exit status
// (exit_status.h). To add one: write it and name it in add_commands().
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "selmcast/cli/arena_command.h"
#include "selmcast/cli/bench_command.h"
#include "selmcast/cli/demo/demo_command.h"
#include "selmcast/cli/doctor/doctor_command.h"
#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/manager_command.h"
#include "selmcast/cli/plan_command.h"
#include "selmcast/cli/report/report_command.h"
#include "selmcast/cli/reproduce/reproduce_command.h"
#include "selmcast/cli/run/run_command.h"
#include "selmcast/cli/simulate_command.h"
#include "selmcast/cli/testbed/testbed_command.h"

namespace {

using namespace selmcast;

void add_commands(CLI::App& app, std::vector<std::string>& arguments, int& exit_status) {
  demo::add_demo_command(app, exit_status);
  run::add_run_command(app, run::split_program(arguments), exit_status);
  cli::add_plan_command(app, exit_status);
  cli::add_manager_command(app, exit_status);
  report::add_report_command(app, exit_status);
  cli::add_arena_command(app, exit_status);
#ifdef SELMCAST_BENCH  // cmake -DSELMCAST_BENCH=OFF leaves out what measures
  cli::add_bench_command(app, exit_status);
  reproduce::add_reproduce_command(app, exit_status);
#endif
  cli::add_simulate_command(app, exit_status);
  testbed::add_testbed_command(app, exit_status);
  doctor::add_doctor_command(app, exit_status);
}

// strtod(), and so CLI11, takes "nan" and "inf" for numbers, and no comparison with a bound refuses the former.
void refuse_what_is_not_finite(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    const std::string type = option->get_type_name();
    const bool is_text = type.empty() || type.find("TEXT") != type.npos || type.find("FILE") != type.npos ||
                         type.find("DIR") != type.npos || type.find("NAME") != type.npos;
    if (is_text) continue;
    for (const std::string& value : option->results()) {
      char* end = nullptr;
      const double number = std::strtod(value.c_str(), &end);
      if (end != value.c_str() && *end == '\0' && !std::isfinite(number))
        throw CLI::ValidationError(option->get_name(), "give a finite number, not " + value);
    }
  }
  for (const CLI::App* command : app.get_subcommands()) refuse_what_is_not_finite(*command);
}

int run_command_line(int argc, char** argv) {
  CLI::App app("Bandwidth-aware selective multicast for peer-to-peer data-parallel training", "selmcast");
  int exit_status = cli::kExitDone;
  std::vector<std::string> arguments(argv, argv + argc);
  add_commands(app, arguments, exit_status);
  const std::string version = std::string("selmcast ") + SELMCAST_VERSION;
  app.set_version_flag("--version", version);
  for (CLI::App* command : app.get_subcommands({})) command->set_version_flag("--version", version);
  app.parse_complete_callback([&app] { refuse_what_is_not_finite(app); });  // before the command runs
  app.footer(
      "Examples:\n"
      "  selmcast demo                             train on this machine, compare planners\n"
      "  selmcast plan problem.json --explain      who sends to whom, and why\n"
      "  selmcast COMMAND --help                   flags and examples of a command");
  try {
    std::vector<const char*> left;
    for (const std::string& argument : arguments) left.push_back(argument.c_str());
    app.parse(static_cast<int>(left.size()), left.data());
  } catch (const CLI::ParseError& error) {
    // --help and --version end the parse this way too, with code 0. CLI11 has its own codes for wrong usage.
    return app.exit(error) == 0 ? cli::kExitDone : cli::kExitUsage;
  }
  if (!app.get_subcommands().empty()) return exit_status;
  // Asked for here and not by require_subcommand(), which would hide what is wrong with `selmcast plam`.
  std::fputs(app.help().c_str(), stderr);
  return cli::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_command_line(argc, argv);
  } catch (const std::exception& error) {  // out of memory, for one
    std::fprintf(stderr, "selmcast: %s\n", error.what());
    return cli::kExitFailed;
  }
}
