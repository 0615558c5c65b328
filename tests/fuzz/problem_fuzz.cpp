#include "tests/fuzz/problem_fuzz.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>

#include "selmcast/base/check.h"
#include "selmcast/cli/plan_json.h"
#include "selmcast/cli/plan_run.h"
#include "selmcast/cli/plan_table.h"
#include "selmcast/cli/problem_json.h"
#include "selmcast/cli/ssp_plan_json.h"
#include "selmcast/cli/ssp_plan_run.h"
#include "selmcast/cli/ssp_plan_table.h"
#include "selmcast/cli/strict_json.h"
#include "selmcast/plan/ssp_planner.h"

namespace selmcast::fuzz {
namespace {

using cli::AnyProblem;
using nlohmann::json;

constexpr cli::PlanRequest kExplained{.seed = 1, .explain = true};

// The answer, read again; nothing but its schema is taken on trust.
template <class Problem, class Report>
json answer_of(const Problem& problem, const Report& report) {
  const auto read = cli::parse_strict_json(cli::plan_as_json(problem, report));
  SELMCAST_CHECK(read.has_value(), "an answer is strict JSON");
  SELMCAST_CHECK(!cli::plan_as_table(problem, report).empty(), "a table says something");
  return *read;
}

void check_answer(const plan::Problem& problem, const cli::PlanReport& report) {
  const json answer = answer_of(problem, report);
  const auto* checked = std::get_if<cli::CheckedPlan>(&report.outcome);
  SELMCAST_CHECK((answer.at("status") == "infeasible") == (checked == nullptr),
                 "the status is that of the outcome");
  if (checked == nullptr) return;
  SELMCAST_CHECK(answer.at("completion_seconds").is_number() && answer.at("lower_bound_seconds").is_number(),
                 "times are finite");
  SELMCAST_CHECK(answer.at("receiver_count") == checked->plan.receiver_count(),
                 "the count is that of the plan");
  for (std::size_t i = 0; i < problem.size(); ++i) {
    const json& receivers = answer.at("receivers").at(problem.workers[i].name);
    SELMCAST_CHECK(receivers.size() == checked->plan.selections[i].size(), "nobody is lost on the way out");
    for (std::size_t k = 0; k < receivers.size(); ++k) {
      const WorkerIndex receiver = checked->plan.selections[i][k].receiver;
      SELMCAST_CHECK(receivers[k] == problem.worker(receiver).name, "receivers are named in their order");
    }
  }
}

void check_answer(const plan::SspProblem& problem, const cli::SspPlanReport& report) {
  const json answer = answer_of(problem, report);
  const auto* checked = std::get_if<cli::CheckedSspPlan>(&report.outcome);
  SELMCAST_CHECK((answer.at("status") == "infeasible") == (checked == nullptr),
                 "the status is that of the outcome");
  if (checked == nullptr) return;
  SELMCAST_CHECK(answer.at("completion_seconds").is_number() && answer.at("lower_bound_seconds").is_number(),
                 "times are finite");
  SELMCAST_CHECK(answer.at("receiver_count") == checked->plan.receiver_count(),
                 "the count is that of the plan");
}

Ending plan_with_all(const plan::Problem& problem) {
  if (problem.size() > kMostWorkersPlanned) return Ending::too_large;
  std::optional<Duration> least;  // proven
  std::size_t planned = 0;
  for (const plan::Planner& planner : plan::planners()) {
    const auto report = cli::run_planner(problem, planner, kExplained);
    SELMCAST_CHECK(report.has_value(), "the checkers accept what a planner returns");
    check_answer(problem, *report);
    const auto* checked = std::get_if<cli::CheckedPlan>(&report->outcome);
    if (checked == nullptr) continue;
    ++planned;
    if (checked->status == plan::Status::optimal) least = checked->completion;
    SELMCAST_CHECK(!least || *least <= checked->completion, "nobody is faster than the proven optimum");
  }
  SELMCAST_CHECK(planned == 0 || planned == plan::planners().size(), "planners agree on what is feasible");
  return planned > 0 ? Ending::planned : Ending::infeasible;
}

Ending plan_with_all(const plan::SspProblem& problem) {
  if (problem.size() > kMostWorkersPlanned) return Ending::too_large;
  std::size_t planned = 0;
  for (const plan::SspPlanner& planner : plan::ssp_planners()) {
    const auto report = cli::run_ssp_planner(problem, planner, kExplained);
    SELMCAST_CHECK(report.has_value(), "the checkers accept what a planner returns");
    check_answer(problem, *report);
    if (std::holds_alternative<cli::CheckedSspPlan>(report->outcome)) ++planned;
  }
  SELMCAST_CHECK(planned == 0 || planned == plan::ssp_planners().size(),
                 "planners agree on what is feasible");
  return planned > 0 ? Ending::planned : Ending::infeasible;
}

}  // namespace

Ending fuzz_problem(std::string_view text) {
  const auto problem = cli::read_any_problem(text, "fuzz");
  if (!problem) {
    SELMCAST_CHECK(problem.error().code == ErrorCode::invalid_input, "a wrong text is wrong input");
    SELMCAST_CHECK(problem.error().message.starts_with("fuzz: "), "the message names the source");
    return Ending::refused;
  }
  return std::visit(
      [](const auto& read) {
        SELMCAST_CHECK(plan::validate(read).has_value(), "what is read is valid");
        return plan_with_all(read);
      },
      *problem);
}

}  // namespace selmcast::fuzz

// What libFuzzer calls; nobody else does.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  selmcast::fuzz::fuzz_problem({reinterpret_cast<const char*>(data), size});
  return 0;
}
