// `selmcast run`: a job of several ranks on this machine, with a manager, under the variables that torchrun sets.
// Whoever outgrows one machine takes torchrun, mpirun or srun; programs stay as they are.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace selmcast::run {

// `program`: what stood behind "--", see split_program().
void add_run_command(CLI::App& app, std::vector<std::string> program, int& exit_status);

// Of `selmcast run FLAGS -- PROGRAM ...`: takes "--" and what follows away from the arguments and returns the program.
// Other commands' arguments are left alone.
std::vector<std::string> split_program(std::vector<std::string>& arguments);

}  // namespace selmcast::run
