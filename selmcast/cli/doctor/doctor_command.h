// `selmcast doctor`: is this machine, and its way to the others, fit for a training, and what to change.
#pragma once

#include <CLI/CLI.hpp>

namespace selmcast::doctor {

void add_doctor_command(CLI::App& app, int& exit_status);

}  // namespace selmcast::doctor
