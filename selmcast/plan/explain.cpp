#include "selmcast/plan/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/reach.h"

namespace selmcast::plan {
namespace {

Refusal refusal_of(bool delays_uplink, bool delays_downlink) {
  if (delays_uplink && delays_downlink) return Refusal::both;
  if (delays_uplink) return Refusal::uplink;
  if (delays_downlink) return Refusal::downlink;
  return Refusal::not_chosen;
}

// "w0, w1, w2 and 4 others"
std::string some_names(const Problem& problem, const std::vector<WorkerIndex>& workers) {
  constexpr std::size_t kShown = 5;
  std::string names;
  for (std::size_t k = 0; k < std::min(kShown, workers.size()); ++k)
    names += (k == 0 ? "" : ", ") + problem.worker(workers[k]).name;
  return workers.size() <= kShown ? names : fmt::format("{} and {} others", names, workers.size() - kShown);
}

// Ages of one sender's pairs by receiver, refilled for each sender.
using AgeRow = std::vector<std::uint32_t>;

class Explainer {
 public:
  Explainer(const Problem& problem, const Plan& plan, Explanation& explanation)
      : problem_(problem), plan_(plan), explanation_(explanation), reach_(problem) {
    if (explanation.bottleneck) limit_ = explanation.bottleneck->time;
  }

  SenderExplanation sender(std::size_t i, const AgeRow& ages) const {
    SenderExplanation result;
    for (const Selection& selection : plan_.selections[i]) {
      result.selected.push_back({selection.receiver, selection.reason, ages[position(selection.receiver)]});
    }
    for (std::size_t j = 0; j < problem_.size(); ++j) {
      const auto receiver = WorkerIndex(static_cast<std::uint32_t>(j));
      if (j != i && !std::ranges::binary_search(plan_.selections[i], receiver, {}, &Selection::receiver)) {
        result.refused.push_back(refused(i, receiver));
      }
    }
    return result;
  }

 private:
  ExplainedRefusal refused(std::size_t i, WorkerIndex receiver) const {
    const Bytes volume = problem_.workers[i].volume;
    const LinkTime uplink = uplink_with(i, receiver);
    const LinkTime downlink{explanation_.loads.downlink[position(receiver)] + volume,
                            problem_.worker(receiver).downlink};
    return {receiver, refusal_of(uplink > limit_, downlink > limit_), uplink.duration(), downlink.duration()};
  }

  // The sender's uplink; of a relay plan the one of all members that would be done with one more copy the soonest.
  LinkTime uplink_with(std::size_t i, WorkerIndex receiver) const {
    const Bytes volume = problem_.workers[i].volume;
    const Rate uplink = problem_.workers[i].uplink;
    const auto& loads = explanation_.loads.uplink;
    LinkTime best{loads[i] + volume, uplink};
    if (problem_.multicast == MulticastKind::network && reach_.shares(i, position(receiver)) &&
        std::ranges::any_of(plan_.selections[i],
                            [&](const Selection& s) { return reach_.shares(i, position(s.receiver)); })) {
      return {loads[i], uplink};  // the copy that is sent serves it, too
    }
    if (problem_.multicast != MulticastKind::relay || plan_.selections[i].empty()) return best;
    const auto consider = [&](WorkerIndex member) {
      const LinkTime time{loads[position(member)] + volume, problem_.worker(member).uplink};
      if (problem_.worker(member).can_send() && time < best) best = time;
    };
    for (const Selection& selection : plan_.selections[i]) consider(selection.receiver);
    consider(receiver);
    return best;
  }

  const Problem& problem_;
  const Plan& plan_;
  const Explanation& explanation_;
  Reach reach_;
  LinkTime limit_;  // zero for the empty plan: anything delays it
};

}  // namespace

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::uplink: return "uplink";
    case Refusal::downlink: return "downlink";
    case Refusal::both: return "both";
    case Refusal::not_chosen: return "not_chosen";
  }
  return "?";
}

std::string what_binds(const Problem& problem, const Planned& planned) {
  const auto bottleneck = find_bottleneck(problem, link_loads(problem, planned.plan));
  if (!bottleneck) return "nothing: nobody needs a receiver";
  if (!planned.certificate) {
    const LowerBound bound = lower_bound(problem);
    if (bound.time == bottleneck->time.duration()) return describe(problem, bound);
    return fmt::format("the {} of {}, busy until the end (no proof that it must be)",
                       to_string(bottleneck->side), problem.worker(bottleneck->worker).name);
  }
  const Certificate& proof = *planned.certificate;
  switch (proof.time_bound) {
    case Certificate::TimeBound::nothing: break;
    case Certificate::TimeBound::uplink:
      return fmt::format("the uplink of {} under the receivers that it needs",
                         problem.worker(*proof.worker).name);
    case Certificate::TimeBound::downlink:
      return fmt::format("the downlink of {} under its required senders", problem.worker(*proof.worker).name);
    case Certificate::TimeBound::cut:
      return fmt::format("the downlinks together, under the receivers that {} need",
                         some_names(problem, proof.time_senders));
  }
  return "nothing";
}

Explanation explain(const Problem& problem, const Plan& plan) {
  Explanation explanation{.bottleneck = std::nullopt,
                          .loads = link_loads(problem, plan),
                          .times = link_times(problem, plan),
                          .senders = {}};
  explanation.bottleneck = find_bottleneck(problem, explanation.loads);
  std::vector<PairAge> ages = problem.ages;
  std::ranges::sort(ages, {}, &PairAge::pair);
  const Explainer explainer(problem, plan, explanation);
  auto next_age = ages.begin();
  AgeRow row(problem.size());
  for (std::size_t i = 0; i < problem.size(); ++i) {
    std::ranges::fill(row, 0U);
    for (; next_age != ages.end() && position(next_age->pair.sender) == i; ++next_age) {
      row[position(next_age->pair.receiver)] = next_age->age;
    }
    explanation.senders.push_back(explainer.sender(i, row));
  }
  return explanation;
}

}  // namespace selmcast::plan
