// How the answer "no plan exists" is written, for every kind of problem.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "selmcast/plan/plan.h"

namespace selmcast::cli {

// Adds the keys status, reason and infeasible (plan_json.h) to an answer.
void add_infeasible(const plan::Problem& problem, const plan::Infeasible& infeasible,
                    nlohmann::ordered_json& json);
// For people.
std::string infeasible_as_text(const plan::Infeasible& infeasible);

}  // namespace selmcast::cli
