// The half of plan_picture.h that chooses and computes; plan_picture.cpp draws.
#include <algorithm>
#include <map>

#include "selmcast/cli/report/plan_picture.h"
#include "selmcast/cli/report/summary.h"

namespace selmcast::report {
namespace {

bool delivers(const RunRecord& run, Round round) {
  const auto found = std::ranges::find(run.rounds, round, &RoundRecord::round);
  return found != run.rounds.end() && !found->deliveries.empty();
}

// Position of the candidate with the lower median delivery time; nothing for none.
std::optional<std::size_t> median_round(const RunRecord& run, const std::vector<const RunRecord*>& all) {
  std::vector<std::size_t> candidates;
  for (std::size_t at = 0; at < run.rounds.size(); ++at) {
    const Round round = run.rounds[at].round;
    if (std::ranges::all_of(all, [&](const RunRecord* other) { return delivers(*other, round); }))
      candidates.push_back(at);
  }
  if (candidates.empty()) return std::nullopt;
  std::ranges::stable_sort(candidates, {}, [&](std::size_t at) { return run.rounds[at].delivery; });
  return candidates[(candidates.size() - 1) / 2];
}

std::vector<const RunRecord*> one_run_a_planner(const RunFolder& folder) {
  std::vector<const RunRecord*> chosen;
  for (const RunRecord& run : folder.runs) {
    if (std::ranges::none_of(run.rounds,
                             [&](const RoundRecord& round) { return delivers(run, round.round); }))
      continue;
    const auto known =
        std::ranges::find(chosen, run.plan.planner, [](const RunRecord* r) { return r->plan.planner; });
    if (known == chosen.end()) {
      chosen.push_back(&run);
    } else if (run.plan.paced && !(*known)->plan.paced) {
      *known = &run;
    }
  }
  return chosen;
}

}  // namespace

PlanView view_plan(const Scenario& scenario, const RunRecord& run, std::size_t at) {
  const RoundRecord& round = run.rounds[at];
  PlanView view{group_name(run.plan),
                round.round,
                round.multicast.value_or(scenario.multicast),
                {},
                estimates_before(scenario, run, at),
                round.deliveries,
                round.delivery};
  for (const WorkerLinks& worker : scenario.workers) view.workers.push_back(worker.name);
  for (Delivery& delivery : view.deliveries)
    delivery.sender = delivery.uplink();  // the picture is of what flows
  return view;
}

BusyTimes busy_times(const PlanView& view) {
  std::vector<Sent<Bytes>> sent(view.workers.size());
  std::vector<Bytes> received(view.workers.size());
  for (const Delivery& delivery : view.deliveries) {
    sent[position(delivery.sender)].add(view.multicast, delivery, delivery.bytes);
    received[position(delivery.receiver)] += delivery.bytes;
  }
  BusyTimes busy;
  for (std::size_t i = 0; i < view.workers.size(); ++i) {
    busy.uplink.push_back(sent[i].total() / view.links[i].uplink);
    busy.downlink.push_back(received[i] / view.links[i].downlink);
    busy.longest = std::max({busy.longest, busy.uplink[i], busy.downlink[i]});
  }
  return busy;
}

std::vector<PlanView> typical_plans(const RunFolder& folder) {
  const auto chosen = one_run_a_planner(folder);
  std::vector<PlanView> views;
  if (chosen.empty()) return views;
  const auto common = median_round(*chosen.front(), chosen);
  for (const RunRecord* run : chosen) {
    std::size_t at = 0;
    if (common) {
      const Round round = chosen.front()->rounds[*common].round;
      at = static_cast<std::size_t>(std::ranges::find(run->rounds, round, &RoundRecord::round) -
                                    run->rounds.begin());
    } else {
      at = median_round(*run, {run}).value_or(0);
    }
    views.push_back(view_plan(folder.scenario, *run, at));
  }
  return views;
}

}  // namespace selmcast::report
