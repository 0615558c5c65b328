#include "selmcast/plan/ssp_planner.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "selmcast/plan/ssp_baselines.h"
#include "selmcast/plan/ssp_feasibility.h"
#include "selmcast/plan/ssp_paper_planner.h"
#include "selmcast/plan/ssp_tasks.h"

namespace selmcast::plan {
namespace {

std::vector<Verdict> copy(std::span<const Verdict> verdicts) { return {verdicts.begin(), verdicts.end()}; }

std::vector<Verdict> plan_by_paper(const SspTasks& tasks, WorkerIndex, Rng&) {
  SspPaperPlanner planner;
  return copy(planner.plan(tasks));
}

std::vector<Verdict> plan_at_random(const SspTasks& tasks, WorkerIndex ready, Rng& rng) {
  SspBaselines baselines;
  return copy(baselines.random(tasks, ready, rng));
}

std::vector<Verdict> plan_broadcast(const SspTasks& tasks, WorkerIndex ready, Rng&) {
  SspBaselines baselines;
  return copy(baselines.broadcast(tasks, ready));
}

using Decide = std::vector<Verdict> (*)(const SspTasks& tasks, WorkerIndex ready, Rng& rng);

template <Decide decide>
SspOutcome plan_with(const SspProblem& problem, Rng& rng) {
  if (auto infeasible = find_infeasibility(problem)) return *std::move(infeasible);
  const SspTaskTable table(problem);
  return SspPlanned{table.to_plan(decide(table.tasks(), problem.ready, rng)), Status::feasible};
}

constexpr std::array<SspPlanner, 3> kPlanners{{
    {"paper", plan_with<plan_by_paper>},
    {"random", plan_with<plan_at_random>},
    {"broadcast", plan_with<plan_broadcast>},
}};

}  // namespace

std::span<const SspPlanner> ssp_planners() { return kPlanners; }

const SspPlanner* find_ssp_planner(std::string_view name) {
  if (name == "auto") return &kPlanners.front();
  const auto found = std::ranges::find(kPlanners, name, &SspPlanner::name);
  return found == kPlanners.end() ? nullptr : &*found;
}

}  // namespace selmcast::plan
