#include "selmcast/sync/rate_allocator.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/plan/reach.h"
#include "selmcast/plan/relay_trees.h"

namespace selmcast::sync {
namespace {

// A growing level is a flow's rate per byte of its volume, in bit/s per byte.
using Level = double;

struct Flow {
  std::int64_t volume = 0;
  std::vector<std::size_t> links;
  Level level = 0;
  bool frozen = false;
};

struct Link {
  double bandwidth_left = 0;      // bit/s not given to frozen flows
  std::int64_t growing_load = 0;  // bytes of its flows that still grow; exact, so "none left" is exact too
  std::vector<std::size_t> flows;
};

constexpr std::size_t kShared = std::numeric_limits<std::size_t>::max();  // not numbered yet

struct Network {
  std::vector<Flow> flows;  // by sender: those of one delivery each, then the one that others share
  std::vector<Link> links;  // uplink of worker i at i, downlink of worker j at workers + j

  explicit Network(const plan::Problem& problem) : links(2 * problem.size()) {
    for (std::size_t i = 0; i < problem.size(); ++i) {
      links[i].bandwidth_left = problem.workers[i].uplink.bps();
      links[problem.size() + i].bandwidth_left = problem.workers[i].downlink.bps();
    }
  }

  void add(Flow flow) {
    for (const std::size_t l : flow.links) {
      links[l].growing_load += flow.volume;
      links[l].flows.push_back(flows.size());
    }
    flows.push_back(std::move(flow));
  }

  // The next link to be full, if any flow still grows.
  std::size_t next_full(Level& level) const {
    std::size_t best = links.size();
    level = std::numeric_limits<Level>::infinity();
    for (std::size_t l = 0; l < links.size(); ++l) {
      if (links[l].growing_load == 0) continue;
      const Level full_at = links[l].bandwidth_left / static_cast<double>(links[l].growing_load);
      if (full_at < level) {
        level = full_at;
        best = l;
      }
    }
    return best;
  }

  void freeze(Flow& flow, Level level) {
    flow.frozen = true;
    flow.level = level;
    for (const std::size_t l : flow.links) {
      links[l].bandwidth_left -= level * static_cast<double>(flow.volume);
      links[l].growing_load -= flow.volume;
    }
  }

  void fill() {
    Level reached = 0;
    Level level = 0;
    for (std::size_t l = next_full(level); l < links.size(); l = next_full(level)) {
      // Levels never fall; what looks like a fall is the rounding of bandwidth_left.
      reached = std::max(reached, level);
      for (const std::size_t f : links[l].flows) {
        if (!flows[f].frozen) freeze(flows[f], reached);
      }
      SELMCAST_CHECK(links[l].growing_load == 0, "all flows of a full link are frozen");
    }
  }
};

}  // namespace

std::vector<PairRate> allocate_rates(const plan::Problem& problem, const plan::Plan& plan) {
  SELMCAST_CHECK(plan.selections.size() == problem.size(), "the plan belongs to the problem");
  const std::size_t workers = problem.size();
  const plan::Reach reach(problem);
  Network network(problem);
  std::vector<std::size_t> flow_of;  // by delivery
  for (std::size_t i = 0; i < workers; ++i) {
    const Flow one{.volume = problem.workers[i].volume.count(), .links = {i}};
    Flow shared = one;
    if (problem.multicast == plan::MulticastKind::relay) {
      shared.links.clear();
      for (const WorkerIndex parent : plan.parents[i]) shared.links.push_back(position(parent));
    }
    const std::size_t first = flow_of.size();
    for (const plan::Selection& selection : plan.selections[i]) {
      const std::size_t downlink = workers + position(selection.receiver);
      if (reach.shares(i, position(selection.receiver))) {
        shared.links.push_back(downlink);
        flow_of.push_back(kShared);
        continue;
      }
      flow_of.push_back(network.flows.size());
      Flow own = one;
      own.links.push_back(downlink);
      network.add(std::move(own));
    }
    const auto of_sender = std::span(flow_of).subspan(first);
    if (std::ranges::find(of_sender, kShared) == of_sender.end()) continue;
    std::ranges::replace(of_sender, kShared, network.flows.size());
    network.add(std::move(shared));
  }
  network.fill();

  std::vector<PairRate> rates;
  std::size_t next = 0;
  for (std::size_t i = 0; i < workers; ++i) {
    for (const plan::Selection& selection : plan.selections[i]) {
      const Flow& flow = network.flows[flow_of[next++]];
      rates.push_back({{WorkerIndex(static_cast<std::uint32_t>(i)), selection.receiver},
                       Rate::bits_per_second(flow.level * static_cast<double>(flow.volume))});
    }
  }
  return rates;
}

Duration pipeline_latency(const plan::Problem& problem, const plan::Plan& plan,
                          const std::vector<PairRate>& rates) {
  Duration longest;
  std::size_t next = 0;
  for (std::size_t i = 0; i < plan.parents.size(); ++i) {
    const Bytes volume = problem.workers[i].volume;
    const Bytes piece = std::min(plan::relay_chunk(volume), volume);
    for (const std::size_t depth : plan::depths(plan, WorkerIndex(static_cast<std::uint32_t>(i))))
      longest = std::max(longest, piece / rates[next++].rate * static_cast<double>(depth - 1));
  }
  return longest;
}

}  // namespace selmcast::sync
