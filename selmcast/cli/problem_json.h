// Reads a planning problem from JSON, schema selmcast.problem/1.
//
//   schema     "selmcast.problem/1"
//   sync       "bsp": all senders planned together | "ssp": one more while others still send
//   multicast  "network" | "unicast"
//   workers    [{"id", "uplink_bps", "downlink_bps", "min_receivers", "volume_bytes"}]
//              min_receivers: a count, or a fraction p of the n workers with 0 < p < 1: max(1, floor(p n +
//              1e-9)), but never more than there are others. Whole numbers may be written as 2e8 or 15.0.
//   required   [[sender, receiver]], optional
//   age        [[sender, receiver, age]], optional; pairs not named have age 0
//   ssp        needed for "ssp", and only there: ssp_problem_json.h
//
// Unknown keys, keys that stand twice and anything problem.h does not allow are errors.
#pragma once

#include <string_view>
#include <variant>

#include "selmcast/base/error.h"
#include "selmcast/plan/problem.h"
#include "selmcast/plan/ssp_problem.h"

namespace selmcast::cli {

inline constexpr std::string_view kProblemSchema = "selmcast.problem/1";

using AnyProblem = std::variant<plan::Problem, plan::SspProblem>;

// A valid problem, or an error "<source>: <key path>: <what, and the remedy>". `source` is the file's name.
Result<AnyProblem> read_any_problem(std::string_view text, std::string_view source);
// The same, where only "bsp" will do.
Result<plan::Problem> read_problem(std::string_view text, std::string_view source);

}  // namespace selmcast::cli
