#include "selmcast/cli/planner_names.h"

#include <fmt/format.h>

#include "selmcast/plan/planner.h"

namespace selmcast::cli {

std::string unknown_planner(const std::string& name) {
  if (plan::find_planner(name) != nullptr) return {};
  std::string names;
  for (const plan::Planner& planner : plan::planners()) {
    names += names.empty() ? "" : ", ";
    names += planner.name;
  }
  return fmt::format("there is no planner \"{}\"; give one of {}", name, names);
}

}  // namespace selmcast::cli
