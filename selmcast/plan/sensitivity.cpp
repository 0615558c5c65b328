#include "selmcast/plan/sensitivity.h"

#include <algorithm>
#include <tuple>

#include "selmcast/base/check.h"

namespace selmcast::plan {
namespace {

Link uplink_of(std::size_t i) { return {LinkSide::uplink, WorkerIndex(static_cast<std::uint32_t>(i))}; }
Link downlink_of(std::size_t j) { return {LinkSide::downlink, WorkerIndex(static_cast<std::uint32_t>(j))}; }

Rate rate_of(const Problem& problem, const Link& link) {
  const WorkerSpec& worker = problem.worker(link.worker);
  return link.side == LinkSide::uplink ? worker.uplink : worker.downlink;
}

// Those that end with the plan.
std::vector<Link> busiest_links(const Problem& problem, const Plan& plan, const LinkTime& end) {
  const LinkLoads loads = link_loads(problem, plan);
  std::vector<Link> links;
  for (std::size_t i = 0; i < problem.size(); ++i) {
    const WorkerSpec& worker = problem.workers[i];
    if (loads.uplink[i] > Bytes(0) && LinkTime{loads.uplink[i], worker.uplink} == end)
      links.push_back(uplink_of(i));
    if (loads.downlink[i] > Bytes(0) && LinkTime{loads.downlink[i], worker.downlink} == end)
      links.push_back(downlink_of(i));
  }
  return links;
}

// The downlinks that bind in the cut of the time's proof.
std::vector<Link> links_of_cut(const Problem& problem, const std::vector<WorkerIndex>& senders,
                               const LinkTime& end) {
  std::vector<char> is_inside(problem.size(), 0);
  for (const WorkerIndex sender : senders) is_inside[position(sender)] = 1;
  std::vector<std::int64_t> from_outside(problem.size(), 0);  // r_j(S)
  for (const Pair& pair : problem.required) {
    if (is_inside[position(pair.sender)] == 0) ++from_outside[position(pair.receiver)];
  }
  const Bytes volume = problem.workers.front().volume;
  std::vector<Link> links;
  for (std::size_t j = 0; j < problem.size(); ++j) {
    const Rate downlink = problem.workers[j].downlink;
    std::int64_t fitting = capacity_within(downlink, end).count() / volume.count();
    if (fitting > 0 && LinkTime{fitting * volume, downlink} == end) --fitting;  // any time before it
    const std::int64_t all = std::ssize(senders) - is_inside[j];
    if (fitting - from_outside[j] < all) links.push_back(downlink_of(j));
  }
  return links;
}

bool is_better(const Gain& a, const Gain& b) {
  const auto key = [](const Gain& gain) {
    return std::tuple(gain.completion.in_seconds(), ~gain.receiver_count, gain.link.side, gain.link.worker);
  };
  return key(a) < key(b);
}

}  // namespace

std::vector<Link> links_that_matter(const Problem& problem, const Planned& planned) {
  const auto end = find_bottleneck(problem, link_loads(problem, planned.plan));
  if (!end) return {};  // nothing is sent: it cannot end sooner
  using TimeBound = Certificate::TimeBound;
  const Certificate* proof = planned.certificate ? &*planned.certificate : nullptr;
  if (proof != nullptr && proof->time_bound == TimeBound::uplink) return {{LinkSide::uplink, *proof->worker}};
  if (proof != nullptr && proof->time_bound == TimeBound::downlink)
    return {{LinkSide::downlink, *proof->worker}};
  const bool is_cut = proof != nullptr && proof->time_bound == TimeBound::cut;
  auto links = is_cut ? links_of_cut(problem, proof->time_senders, end->time)
                      : busiest_links(problem, planned.plan, end->time);
  std::ranges::sort(links, {}, [&](const Link& link) {
    return std::tuple(rate_of(problem, link).bps(), link.side, link.worker);
  });
  return links;
}

Sensitivity sensitivity(const Problem& problem, const Planned& planned, PlanFunction planner,
                        const SensitivityOptions& options) {
  std::vector<Link> links = links_that_matter(problem, planned);
  Sensitivity result{options.step, {}, 0};
  const std::size_t most = most_links(problem.size());
  if (links.size() > most) {
    result.left_out = links.size() - most;
    links.resize(most);
  }
  Problem changed = problem;
  for (const Link& link : links) {
    WorkerSpec& worker = changed.workers[position(link.worker)];
    Rate& rate = link.side == LinkSide::uplink ? worker.uplink : worker.downlink;
    const Rate before = rate;
    rate = std::clamp(before + options.step, kMinRate, kMaxRate);
    Rng rng(options.seed);
    const Outcome outcome = planner(changed, rng);
    const auto* faster = std::get_if<Planned>(&outcome);
    SELMCAST_CHECK(faster != nullptr, "more bandwidth leaves a problem feasible");
    result.gains.push_back({link, completion_time(changed, faster->plan), faster->plan.receiver_count()});
    rate = before;
  }
  std::ranges::sort(result.gains, is_better);
  return result;
}

}  // namespace selmcast::plan
