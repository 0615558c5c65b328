#include "bench/rivals/dinic_planner.h"

#include <algorithm>
#include <optional>

#include "selmcast/base/check.h"
#include "selmcast/plan/dinic.h"

namespace selmcast::bench {
namespace {

using plan::Dinic;
using plan::LinkTime;
using plan::Problem;

// The flow network of one problem; its capacities are set anew for every time that is asked about.
class PlanNetwork {
 public:
  explicit PlanNetwork(const Problem& problem);

  bool nobody_needs_a_receiver() const { return std::ranges::count(need_, 0) == std::ssize(need_); }
  // Leaves a flow that serves everybody's need if there is one within `limit`.
  bool feasible_within(const LinkTime& limit);
  // After feasible_within(limit) was true.
  plan::Plan largest_plan_within(const LinkTime& limit);

 private:
  std::size_t source() const { return 2 * n_; }
  std::size_t sink() const { return 2 * n_ + 1; }
  bool is_required(std::size_t i, std::size_t j) const { return required_[i * n_ + j] != 0; }
  std::int64_t deliveries_within(Rate rate, const LinkTime& limit) const;
  std::int64_t most_receivers(std::size_t sender, const LinkTime& limit) const;

  const Problem& problem_;
  std::size_t n_;
  Bytes volume_;
  std::vector<char> required_;             // n x n, by sender
  std::vector<std::int64_t> must_send_;    // required receivers, by sender
  std::vector<std::int64_t> must_take_;    // required senders, by receiver
  std::vector<std::int64_t> need_;         // least receivers, required ones among them
  Dinic flow_;                             // nodes: senders, receivers, source, sink
  std::vector<Dinic::Arc> sender_arcs_;    // source -> i
  std::vector<Dinic::Arc> receiver_arcs_;  // j -> sink
  std::vector<std::vector<Dinic::Arc>>
      pair_arcs_;  // by sender, ascending by receiver, without required pairs
};

PlanNetwork::PlanNetwork(const Problem& problem)
    : problem_(problem),
      n_(problem.size()),
      volume_(problem.workers[0].volume),
      required_(n_ * n_, 0),
      must_send_(n_, 0),
      must_take_(n_, 0),
      need_(n_, 0),
      flow_(2 * n_ + 2, n_ * n_ + 2 * n_),
      pair_arcs_(n_) {
  for (const plan::Pair& pair : problem.required) {
    const std::size_t i = position(pair.sender), j = position(pair.receiver);
    required_[i * n_ + j] = 1;
    ++must_send_[i];
    ++must_take_[j];
  }
  for (std::size_t i = 0; i < n_; ++i) {
    SELMCAST_CHECK(problem.workers[i].volume == volume_, "this formulation is for equal volumes");
    need_[i] = std::max<std::int64_t>(problem.workers[i].min_receivers, must_send_[i]);
    sender_arcs_.push_back(flow_.add_arc(source(), i));
    receiver_arcs_.push_back(flow_.add_arc(n_ + i, sink()));
  }
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t j = 0; j < n_; ++j) {
      if (i != j && !is_required(i, j)) pair_arcs_[i].push_back(flow_.add_arc(i, n_ + j));
    }
  }
}

std::int64_t PlanNetwork::deliveries_within(Rate rate, const LinkTime& limit) const {
  const std::int64_t fit = plan::capacity_within(rate, limit).count() / volume_.count();
  return std::min(fit, static_cast<std::int64_t>(n_) - 1);
}

std::int64_t PlanNetwork::most_receivers(std::size_t sender, const LinkTime& limit) const {
  const std::int64_t fit = deliveries_within(problem_.workers[sender].uplink, limit);
  if (problem_.multicast == plan::MulticastKind::unicast) return fit;
  return fit > 0 ? static_cast<std::int64_t>(n_) - 1 : 0;
}

bool PlanNetwork::feasible_within(const LinkTime& limit) {
  flow_.clear();
  std::int64_t wanted = 0;
  for (std::size_t i = 0; i < n_; ++i) {
    const std::int64_t can_take = deliveries_within(problem_.workers[i].downlink, limit);
    if (need_[i] > most_receivers(i, limit) || must_take_[i] > can_take) return false;
    flow_.raise(sender_arcs_[i], need_[i] - must_send_[i]);
    flow_.raise(receiver_arcs_[i], can_take - must_take_[i]);
    wanted += need_[i] - must_send_[i];
    for (const Dinic::Arc arc : pair_arcs_[i]) flow_.raise(arc, 1);
  }
  return flow_.augment(source(), sink()) == wanted;
}

plan::Plan PlanNetwork::largest_plan_within(const LinkTime& limit) {
  for (std::size_t i = 0; i < n_; ++i) flow_.raise(sender_arcs_[i], most_receivers(i, limit) - need_[i]);
  flow_.augment(source(), sink());

  plan::Plan plan{std::vector<std::vector<plan::Selection>>(n_)};
  for (std::size_t i = 0; i < n_; ++i) {
    std::int64_t open = need_[i] - must_send_[i];
    auto arc = pair_arcs_[i].begin();
    for (std::size_t j = 0; j < n_; ++j) {
      if (i == j) continue;
      const WorkerIndex receiver(static_cast<std::uint32_t>(j));
      if (is_required(i, j)) {
        plan.selections[i].push_back({receiver, plan::Reason::required});
      } else if (flow_.flow(*arc++) == 1) {
        plan.selections[i].push_back({receiver, open-- > 0 ? plan::Reason::basic : plan::Reason::spare});
      }
    }
  }
  return plan;
}

// All m v / b, ascending. Links that are down carry nothing at any time.
std::vector<LinkTime> candidate_times(const Problem& problem) {
  const auto most = static_cast<std::int64_t>(problem.size()) - 1;
  std::vector<LinkTime> times;
  times.reserve(2 * problem.size() * problem.size());
  for (const plan::WorkerSpec& worker : problem.workers) {
    for (const Rate rate : {worker.uplink, worker.downlink}) {
      if (!rate.is_positive_finite()) continue;
      for (std::int64_t m = 1; m <= most; ++m) times.push_back({m * worker.volume, rate});
    }
  }
  std::ranges::sort(times, [](const LinkTime& a, const LinkTime& b) { return (a <=> b) < 0; });
  return times;
}

// The first of `times` within which there is a plan: feasibility grows with time.
std::optional<LinkTime> least_time(PlanNetwork& network, const std::vector<LinkTime>& times) {
  const auto found = std::ranges::partition_point(
      times, [&](const LinkTime& time) { return !network.feasible_within(time); });
  if (found == times.end()) return std::nullopt;
  return *found;
}

}  // namespace

bool has_plan_by_dinic(const Problem& problem) {
  PlanNetwork network(problem);
  if (network.nobody_needs_a_receiver()) return true;
  const std::vector<LinkTime> times = candidate_times(problem);
  return !times.empty() && network.feasible_within(times.back());
}

plan::Plan plan_by_dinic(const Problem& problem) {
  PlanNetwork network(problem);
  if (network.nobody_needs_a_receiver()) return {std::vector<std::vector<plan::Selection>>(problem.size())};
  const auto time = least_time(network, candidate_times(problem));
  SELMCAST_CHECK(time.has_value(), "the problem has a plan");
  // The search may have ended on another time.
  SELMCAST_CHECK(network.feasible_within(*time), "the least time is feasible");
  return network.largest_plan_within(*time);
}

}  // namespace selmcast::bench
