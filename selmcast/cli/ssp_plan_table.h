// Writes the answer to an SSP problem for people: a summary, a row a sender and, if explained, a paragraph a sender.
#pragma once

#include <string>

#include "selmcast/cli/ssp_plan_run.h"
#include "selmcast/plan/ssp_problem.h"

namespace selmcast::cli {

std::string plan_as_table(const plan::SspProblem& problem, const SspPlanReport& report);

}  // namespace selmcast::cli
