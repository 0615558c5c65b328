#include "selmcast/plan/ssp_planner.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "selmcast/plan/ssp_feasibility.h"
#include "selmcast/plan/ssp_paper_planner.h"
#include "selmcast/plan/ssp_tasks.h"

namespace selmcast::plan {
namespace {

std::vector<Verdict> plan_by_paper(const SspTasks& tasks, WorkerIndex, Rng&) {
  SspPaperPlanner planner;
  const auto verdicts = planner.plan(tasks);
  return {verdicts.begin(), verdicts.end()};
}

// All that runs is kept; of the ready worker's candidates those are that `choose` takes. The places of the free ones
// among all candidates are handed to it.
template <class Choose>
std::vector<Verdict> keep_running(const SspTasks& tasks, WorkerIndex ready, Choose choose) {
  std::vector<Verdict> verdicts(tasks.candidate_count());
  std::vector<std::size_t> free;
  std::size_t next = 0;
  for (const SspTask& task : tasks.tasks) {
    int needed = task.needed;
    free.clear();
    for (const SspCandidate& candidate : task.candidates) {
      const std::size_t place = next++;
      if (!tasks.is_up(task, candidate)) continue;
      if (candidate.required || task.sender != ready) {
        verdicts[place] = candidate.required ? Reason::required : Reason::kept;
        --needed;
      } else {
        free.push_back(place);
      }
    }
    if (task.sender == ready) choose(std::span(free), needed, verdicts);
  }
  return verdicts;
}

std::vector<Verdict> plan_at_random(const SspTasks& tasks, WorkerIndex ready, Rng& rng) {
  return keep_running(tasks, ready,
                      [&](std::span<std::size_t> free, int needed, std::vector<Verdict>& verdicts) {
                        // Fisher-Yates from the front, as far as receivers are needed.
                        for (std::size_t k = 0; std::cmp_less(k, needed) && k < free.size(); ++k) {
                          std::swap(free[k], free[k + rng.below(free.size() - k)]);
                          verdicts[free[k]] = Reason::random;
                        }
                      });
}

std::vector<Verdict> plan_broadcast(const SspTasks& tasks, WorkerIndex ready, Rng&) {
  return keep_running(tasks, ready, [](std::span<std::size_t> free, int, std::vector<Verdict>& verdicts) {
    for (const std::size_t place : free) verdicts[place] = Reason::broadcast;
  });
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
