// What must hold for every text that is handed to `selmcast plan`: one function, two callers.
//
// The text is read as a problem. It is refused with a message, or it is valid, and then every planner answers with a
// plan or a proof that the checkers accept; all planners agree on which of the two; no plan is faster than `exact`'s
// where that is proven; and the answer as JSON is strict JSON that says again what the plan says. Whatever breaks that
// ends the process (SELMCAST_CHECK).
//
// Callers: problem_fuzz_test.cpp mutates a few files with our own seeded random numbers, in every test run;
// scripts/fuzz.sh lets libFuzzer look for new paths through the code, for as long as it is told.
#pragma once

#include <cstddef>
#include <string_view>

namespace selmcast::fuzz {

// Larger problems are only read: planning them says nothing new.
inline constexpr std::size_t kMostWorkersPlanned = 64;

enum class Ending { refused, too_large, planned, infeasible };
Ending fuzz_problem(std::string_view text);

}  // namespace selmcast::fuzz
