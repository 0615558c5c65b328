#include "selmcast/plan/lower_bound.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "selmcast/base/check.h"
#include "selmcast/plan/delivery_time.h"
#include "selmcast/plan/reach.h"

namespace selmcast::plan {
namespace {

// More than the relative error of a sum of kMaxWorkers doubles.
constexpr double kSafety = 1e-12;

// d_i of the header, and what follows from it.
struct Demand {
  std::vector<std::int64_t> receivers;  // d_i
  std::int64_t deliveries = 0;          // sum of d_i
  std::int64_t senders = 0;             // |N|
  Bytes least_volume = kMaxVolume;      // over N
  Bytes greatest_volume;                // over N
  Bytes sent_once;                      // sum of v_i over N
  double bits = 0;                      // sum of d_i v_i

  bool needs(std::size_t i) const { return receivers[i] > 0; }
  // k_j of the header.
  std::int64_t most_at(const Problem& problem, std::size_t j) const {
    if (!problem.workers[j].can_receive()) return 0;
    return senders - (needs(j) ? 1 : 0);
  }
};

Demand demand_of(const Problem& problem) {
  Demand demand;
  demand.receivers.resize(problem.size(), 0);
  for (const Pair& pair : problem.required) ++demand.receivers[position(pair.sender)];
  for (std::size_t i = 0; i < problem.size(); ++i) {
    const WorkerSpec& worker = problem.workers[i];
    demand.receivers[i] = std::max<std::int64_t>(demand.receivers[i], worker.min_receivers);
    if (!demand.needs(i)) continue;
    demand.deliveries += demand.receivers[i];
    ++demand.senders;
    demand.least_volume = std::min(demand.least_volume, worker.volume);
    demand.greatest_volume = std::max(demand.greatest_volume, worker.volume);
    demand.sent_once += worker.volume;
    demand.bits += static_cast<double>(demand.receivers[i]) * worker.volume.in_bits();
  }
  return demand;
}

// e_i of the header, of all senders.
std::vector<std::int64_t> least_copies(const Problem& problem, const Demand& demand) {
  const std::size_t n = problem.size();
  const Reach reach(problem);
  std::vector<std::int64_t> own(n, 0), sharing(n, 0);  // required; live ones that could take the shared copy
  for (const Pair& pair : problem.required) {
    if (!reach.shares(position(pair.sender), position(pair.receiver))) ++own[position(pair.sender)];
  }
  const std::int64_t live = std::ranges::count_if(problem.workers, &WorkerSpec::can_receive);
  if (problem.multicast != MulticastKind::unicast) {
    for (std::size_t i = 0; i < n; ++i) sharing[i] = live - (problem.workers[i].can_receive() ? 1 : 0);
  }
  if (is_mixed(problem)) {
    for (const Pair& pair : problem.unreached)
      sharing[position(pair.sender)] -= problem.worker(pair.receiver).can_receive() ? 1 : 0;
  }
  for (std::size_t i = 0; i < n; ++i) {
    own[i] = std::max({own[i], demand.receivers[i] - sharing[i], std::int64_t{0}});
    if (demand.receivers[i] > own[i]) ++own[i];
  }
  return own;
}

// What each link carries in every plan.
LinkLoads unavoidable_loads(const Problem& problem, const Demand& demand) {
  LinkLoads loads{std::vector<Bytes>(problem.size()), std::vector<Bytes>(problem.size())};
  const std::vector<std::int64_t> copies = least_copies(problem, demand);
  for (std::size_t i = 0; i < problem.size(); ++i) loads.uplink[i] = copies[i] * problem.workers[i].volume;
  for (const Pair& pair : problem.required)
    loads.downlink[position(pair.receiver)] += problem.worker(pair.sender).volume;
  return loads;
}

// The count: the demand.deliveries-th smallest of the fractions m v / downlink_j, 1 <= m <= k_j.
LinkTime counted(const Problem& problem, const Demand& demand) {
  std::vector<DeliveryRange> receivers;
  for (std::size_t j = 0; j < problem.size(); ++j)
    receivers.push_back({problem.workers[j].downlink, 0, demand.senders - (demand.needs(j) ? 1 : 0)});
  const auto time = time_of_deliveries(demand.least_volume, receivers, demand.deliveries);
  SELMCAST_CHECK(time.has_value(), "receivers can take what a feasible problem asks of them");
  return *time;
}

// The fluid bound: the least t with sum_j min(w_j, t downlink_j) >= demand.bits. The left side is concave, so
// with the receivers in the order in which they fill up it is the largest of the bounds "the first k are
// full".
Duration fluid(const Problem& problem, const Demand& demand) {
  struct Receiver {
    double most_bits;  // w_j
    double bps;
    double full_at() const { return most_bits / bps; }
  };
  std::vector<Receiver> receivers;
  for (std::size_t j = 0; j < problem.size(); ++j) {
    const WorkerSpec& worker = problem.workers[j];
    if (!worker.can_receive()) continue;
    const Bytes own = demand.needs(j) ? worker.volume : Bytes(0);
    receivers.push_back({(demand.sent_once - own).in_bits(), worker.downlink.bps()});
  }
  std::ranges::sort(receivers, {}, &Receiver::full_at);
  // Summed from the back: differences of large rates would lose the small ones.
  std::vector<double> open_bps(receivers.size());
  double sum_bps = 0;
  for (std::size_t k = receivers.size(); k-- > 0;) open_bps[k] = sum_bps += receivers[k].bps;

  double open_bits = demand.bits * (1 - kSafety);
  double bound_seconds = 0;
  for (std::size_t k = 0; k < receivers.size() && open_bits > 0; ++k) {
    bound_seconds = std::max(bound_seconds, open_bits / open_bps[k]);
    open_bits -= receivers[k].most_bits;
  }
  return Duration::seconds(bound_seconds * (1 - kSafety));
}

LinkTime counted_uplinks(const Problem& problem, const Demand& demand) {
  std::vector<DeliveryRange> uplinks;
  for (const WorkerSpec& worker : problem.workers)
    uplinks.push_back(
        {worker.uplink, 0, worker.can_receive() ? demand.deliveries : std::ssize(problem.workers) - 1});
  const auto time = time_of_deliveries(demand.least_volume, uplinks, demand.deliveries);
  SELMCAST_CHECK(time.has_value(), "senders can send what a feasible problem asks of them");
  return *time;
}

}  // namespace

std::optional<LinkTime> bound_of_uplinks(const Problem& problem) {
  const Demand demand = demand_of(problem);
  if (demand.deliveries == 0) return std::nullopt;
  return counted_uplinks(problem, demand);
}

Duration fluid_bound_of_uplinks(const Problem& problem) {
  double bps = 0;
  for (const WorkerSpec& worker : problem.workers) bps += worker.uplink.bps();
  const double bits = demand_of(problem).bits;
  return bits > 0 ? Duration::seconds(bits / bps * (1 - kSafety)) : Duration();
}

LowerBound lower_bound(const Problem& problem) {
  const Demand demand = demand_of(problem);
  if (demand.deliveries == 0) return {};
  const auto link = find_bottleneck(problem, unavoidable_loads(problem, demand));
  SELMCAST_CHECK(link.has_value(), "whoever needs a receiver uses its uplink");
  LowerBound bound{link->time.duration(),
                   link->side == LinkSide::uplink ? BoundKind::uplink : BoundKind::downlink, link->worker};
  Duration together = counted(problem, demand).duration();
  if (demand.least_volume != demand.greatest_volume) together = std::max(together, fluid(problem, demand));
  if (together > bound.time) bound = {together, BoundKind::all_downlinks, std::nullopt};
  if (problem.multicast == MulticastKind::relay) {
    Duration sent = counted_uplinks(problem, demand).duration();
    if (demand.least_volume != demand.greatest_volume) sent = std::max(sent, fluid_bound_of_uplinks(problem));
    if (sent > bound.time) bound = {sent, BoundKind::all_uplinks, std::nullopt};
  }
  return bound;
}

LowerBound lower_bound(const Problem& problem, const Plan& plan, const Certificate& certificate) {
  const Duration time = completion_time(problem, plan);
  switch (certificate.time_bound) {
    case Certificate::TimeBound::nothing: break;
    case Certificate::TimeBound::uplink: return {time, BoundKind::uplink, certificate.worker};
    case Certificate::TimeBound::downlink: return {time, BoundKind::downlink, certificate.worker};
    case Certificate::TimeBound::cut: return {time, BoundKind::all_downlinks, std::nullopt};
  }
  return {};
}

std::string describe(const Problem& problem, const LowerBound& bound) {
  const auto name = [&] { return problem.worker(*bound.worker).name; };
  switch (bound.kind) {
    case BoundKind::nothing: return "nobody needs a receiver";
    case BoundKind::uplink:
      return fmt::format("the uplink of {} under its least number of receivers", name());
    case BoundKind::downlink: return fmt::format("the downlink of {} under its required senders", name());
    case BoundKind::all_uplinks: return "all uplinks together under the least number of copies";
    case BoundKind::all_downlinks: return "all downlinks together under the least number of deliveries";
  }
  return "?";
}

}  // namespace selmcast::plan
