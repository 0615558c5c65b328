#include "selmcast/plan/plan.h"

#include <algorithm>

#include "selmcast/plan/reach.h"

namespace selmcast::plan {

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::required: return "required";
    case Reason::basic: return "basic";
    case Reason::spare: return "spare";
    case Reason::random: return "random";
    case Reason::broadcast: return "broadcast";
    case Reason::kept: return "kept";
  }
  return "?";
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::optimal: return "optimal";
    case Status::feasible: return "feasible";
  }
  return "?";
}

std::string_view to_string(Certificate::TimeBound bound) {
  switch (bound) {
    case Certificate::TimeBound::nothing: return "nothing";
    case Certificate::TimeBound::uplink: return "uplink";
    case Certificate::TimeBound::downlink: return "downlink";
    case Certificate::TimeBound::cut: return "cut";
  }
  return "?";
}

std::string_view to_string(LinkSide side) {
  switch (side) {
    case LinkSide::uplink: return "uplink";
    case LinkSide::downlink: return "downlink";
  }
  return "?";
}

std::size_t Plan::receiver_count() const {
  std::size_t count = 0;
  for (const auto& of_sender : selections) count += of_sender.size();
  return count;
}

bool Plan::has(Pair pair) const {
  if (position(pair.sender) >= selections.size()) return false;
  return std::ranges::binary_search(selections[position(pair.sender)], pair.receiver, {},
                                    &Selection::receiver);
}

LinkLoads link_loads(const Problem& problem, const Plan& plan) {
  LinkLoads loads{std::vector<Bytes>(problem.size()), std::vector<Bytes>(problem.size())};
  const bool relay = problem.multicast == MulticastKind::relay;
  const Reach reach(problem);
  for (std::size_t i = 0; i < plan.selections.size(); ++i) {
    const Bytes volume = problem.workers[i].volume;
    if (relay) {
      for (const WorkerIndex parent : plan.parents[i]) loads.uplink[position(parent)] += volume;
      for (const Selection& selection : plan.selections[i])
        loads.downlink[position(selection.receiver)] += volume;
      continue;
    }
    loads.uplink[i] = reach.copies(i, plan.selections[i]) * volume;
    for (const Selection& selection : plan.selections[i])
      loads.downlink[position(selection.receiver)] += volume;
  }
  return loads;
}

std::optional<Bottleneck> find_bottleneck(const Problem& problem, const LinkLoads& loads) {
  std::optional<Bottleneck> longest;
  const auto consider = [&](LinkSide side, std::size_t i, LinkTime time) {
    if (time.load == Bytes(0) || (longest && time <= longest->time)) return;
    longest = Bottleneck{side, WorkerIndex(static_cast<std::uint32_t>(i)), time};
  };
  for (std::size_t i = 0; i < problem.size(); ++i) {
    consider(LinkSide::uplink, i, {loads.uplink[i], problem.workers[i].uplink});
  }
  for (std::size_t j = 0; j < problem.size(); ++j) {
    consider(LinkSide::downlink, j, {loads.downlink[j], problem.workers[j].downlink});
  }
  return longest;
}

Duration completion_time(const Problem& problem, const Plan& plan) {
  const auto longest = find_bottleneck(problem, link_loads(problem, plan));
  return longest ? longest->time.duration() : Duration();
}

LinkTimes link_times(const Problem& problem, const Plan& plan) {
  const LinkLoads loads = link_loads(problem, plan);
  const auto busy = [](Bytes load, Rate rate) { return load == Bytes(0) ? Duration() : load / rate; };
  LinkTimes times{std::vector<Duration>(problem.size()), std::vector<Duration>(problem.size())};
  for (std::size_t i = 0; i < problem.size(); ++i) {
    times.uplink[i] = busy(loads.uplink[i], problem.workers[i].uplink);
    times.downlink[i] = busy(loads.downlink[i], problem.workers[i].downlink);
  }
  return times;
}

}  // namespace selmcast::plan
