#include "selmcast/cli/conduct.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "selmcast/cli/exit_status.h"

namespace selmcast::cli {

int conduct(const std::string& name, std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  fmt::print(stderr, "selmcast bench {}: {} cannot be started: {}\n", name, command[0], std::strerror(errno));
  return kExitFailed;
}

}  // namespace selmcast::cli
