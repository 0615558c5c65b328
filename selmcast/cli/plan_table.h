// Writes the answer of `selmcast plan` for people: a summary, a row a worker and, if explained, a paragraph a
// sender.
#pragma once

#include <string>

#include "selmcast/cli/plan_run.h"
#include "selmcast/plan/problem.h"

namespace selmcast::cli {

std::string plan_as_table(const plan::Problem& problem, const PlanReport& report);

}  // namespace selmcast::cli
