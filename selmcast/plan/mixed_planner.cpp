#include "selmcast/plan/mixed_planner.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/plan/dinic.h"
#include "selmcast/plan/feasibility.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/reach.h"

namespace selmcast::plan {
namespace {

enum class Mode : std::uint8_t {
  any,     // up to c_i of its own and a shared copy: more than it can
  shared,  // a shared copy, and up to c_i - 1 of its own
  own,     // c_i of its own
};

// Of one problem; capacities are set anew for every question.
class MixedNetwork {
 public:
  explicit MixedNetwork(const Problem& problem);

  bool nobody_needs_a_receiver() const { return std::ranges::count(need_, 0) == std::ssize(need_); }
  // True: holds a plan in which every sender has what it needs, no more.
  bool serves_needs_within(const LinkTime& limit);
  // True: holds one with the most receivers under these modes; every sender has what it needs.
  bool serves_most_within(const LinkTime& limit, const std::vector<Mode>& modes);

  std::int64_t receivers() const;
  // Under the plan held. `limit` as asked for last.
  bool uses_all_as_own(std::size_t i) const { return own_of(i) == copies_[i]; }
  bool shares(std::size_t i) const { return required_sharing_[i] > 0 || sharing_of(i) > 0; }
  std::optional<std::size_t> sender_with_too_many(const std::vector<Mode>& modes) const;
  Plan plan() const;

 private:
  struct PairArc {
    std::size_t receiver = 0;
    bool shares = false;
    Dinic::Arc arc = 0;
  };

  std::size_t own_node(std::size_t i) const { return n_ + i; }
  std::size_t receiver_node(std::size_t j) const { return 2 * n_ + j; }
  std::size_t source() const { return 3 * n_; }
  std::size_t sink() const { return 3 * n_ + 1; }
  std::int64_t fitting(Rate rate, const LinkTime& limit) const;
  bool begin(const LinkTime& limit);
  // As far as needs go. `own_most` counts required receivers, too.
  bool serve_needs(const std::vector<std::int64_t>& own_most, const std::vector<Mode>& modes);
  std::int64_t own_of(std::size_t i) const { return required_own_[i] + flow_.flow(own_arcs_[i]); }
  std::int64_t sharing_of(std::size_t i) const {
    return flow_.flow(sender_arcs_[i]) - flow_.flow(own_arcs_[i]);
  }

  const Problem& problem_;
  std::size_t n_;
  Bytes volume_;
  std::vector<std::int64_t> need_;                             // d_i
  std::vector<std::int64_t> required_own_, required_sharing_;  // by sender
  std::vector<std::int64_t> required_senders_;                 // by receiver
  std::vector<std::int64_t> copies_;                           // c_i at the limit
  Dinic flow_;
  std::vector<Dinic::Arc> sender_arcs_, own_arcs_, receiver_arcs_;
  std::vector<std::vector<PairArc>> pairs_;  // by sender, oldest first; without required pairs
};

MixedNetwork::MixedNetwork(const Problem& problem)
    : problem_(problem),
      n_(problem.size()),
      volume_(problem.workers.front().volume),
      need_(n_, 0),
      required_own_(n_, 0),
      required_sharing_(n_, 0),
      required_senders_(n_, 0),
      copies_(n_, 0),
      flow_(3 * n_ + 2, n_ * n_ + 3 * n_),
      pairs_(n_) {
  const Reach reach(problem);
  std::vector<char> required(n_ * n_, 0);
  std::vector<std::uint32_t> age(n_ * n_, 0);
  for (const PairAge& aged : problem.ages)
    age[position(aged.pair.sender) * n_ + position(aged.pair.receiver)] = aged.age;
  for (const Pair& pair : problem.required) {
    const std::size_t i = position(pair.sender), j = position(pair.receiver);
    required[i * n_ + j] = 1;
    ++(reach.shares(i, j) ? required_sharing_ : required_own_)[i];
    ++required_senders_[j];
  }
  for (std::size_t i = 0; i < n_; ++i) {
    need_[i] =
        std::max<std::int64_t>(problem.workers[i].min_receivers, required_own_[i] + required_sharing_[i]);
    sender_arcs_.push_back(flow_.add_arc(source(), i));
    own_arcs_.push_back(flow_.add_arc(i, own_node(i)));
    receiver_arcs_.push_back(flow_.add_arc(receiver_node(i), sink()));
  }
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t j = 0; j < n_; ++j) {
      if (i != j && required[i * n_ + j] == 0) pairs_[i].push_back({j, reach.shares(i, j)});
    }
    std::ranges::stable_sort(pairs_[i], std::greater{},
                             [&](const PairArc& pair) { return age[i * n_ + pair.receiver]; });
    for (PairArc& pair : pairs_[i])
      pair.arc = flow_.add_arc(pair.shares ? i : own_node(i), receiver_node(pair.receiver));
  }
}

std::int64_t MixedNetwork::fitting(Rate rate, const LinkTime& limit) const {
  if (rate == Rate()) return 0;
  return std::min(std::ssize(problem_.workers) - 1, capacity_within(rate, limit).count() / volume_.count());
}

// Copies, and what the receivers can take. False: not even what is required.
bool MixedNetwork::begin(const LinkTime& limit) {
  flow_.clear();
  for (std::size_t i = 0; i < n_; ++i) {
    copies_[i] = fitting(problem_.workers[i].uplink, limit);
    const std::int64_t left = fitting(problem_.workers[i].downlink, limit) - required_senders_[i];
    if (left < 0) return false;
    flow_.raise(receiver_arcs_[i], left);
  }
  return true;
}

bool MixedNetwork::serve_needs(const std::vector<std::int64_t>& own_most, const std::vector<Mode>& modes) {
  std::int64_t wanted = 0;
  for (std::size_t i = 0; i < n_; ++i) {
    if (need_[i] > 0 && copies_[i] == 0) return false;
    if (own_most[i] < required_own_[i] || (modes[i] == Mode::own && required_sharing_[i] > 0)) return false;
    const std::int64_t open = need_[i] - required_own_[i] - required_sharing_[i];
    flow_.raise(sender_arcs_[i], open);
    wanted += open;
    flow_.raise(own_arcs_[i], own_most[i] - required_own_[i]);
    for (const PairArc& pair : pairs_[i]) {
      const bool is_open = copies_[i] > 0 && !(pair.shares && modes[i] == Mode::own);
      flow_.raise(pair.arc, is_open ? 1 : 0);
    }
  }
  return flow_.augment(source(), sink()) == wanted;
}

bool MixedNetwork::serves_needs_within(const LinkTime& limit) {
  if (!begin(limit)) return false;
  std::vector<std::int64_t> own_most(n_);
  for (std::size_t i = 0; i < n_; ++i)
    own_most[i] = need_[i] <= copies_[i] ? need_[i] : std::max<std::int64_t>(copies_[i] - 1, 0);
  return serve_needs(own_most, std::vector<Mode>(n_, Mode::any));
}

bool MixedNetwork::serves_most_within(const LinkTime& limit, const std::vector<Mode>& modes) {
  if (!begin(limit)) return false;
  std::vector<std::int64_t> own_most(n_);
  for (std::size_t i = 0; i < n_; ++i)
    own_most[i] = std::max<std::int64_t>(copies_[i] - (modes[i] == Mode::shared ? 1 : 0), 0);
  if (!serve_needs(own_most, modes)) return false;
  for (std::size_t i = 0; i < n_; ++i) flow_.raise(sender_arcs_[i], std::ssize(problem_.workers));
  flow_.augment(source(), sink());
  return true;
}

std::int64_t MixedNetwork::receivers() const {
  std::int64_t count = std::ssize(problem_.required);
  for (const Dinic::Arc arc : sender_arcs_) count += flow_.flow(arc);
  return count;
}

std::optional<std::size_t> MixedNetwork::sender_with_too_many(const std::vector<Mode>& modes) const {
  for (std::size_t i = 0; i < n_; ++i) {
    if (modes[i] == Mode::any && copies_[i] > 0 && uses_all_as_own(i) && shares(i)) return i;
  }
  return std::nullopt;
}

Plan MixedNetwork::plan() const {
  Plan plan{std::vector<std::vector<Selection>>(n_)};
  for (const Pair& pair : problem_.required)
    plan.selections[position(pair.sender)].push_back({pair.receiver, Reason::required});
  for (std::size_t i = 0; i < n_; ++i) {
    std::vector<Selection>& row = plan.selections[i];
    std::int64_t basic = need_[i] - std::ssize(row);
    for (const PairArc& pair : pairs_[i]) {
      if (flow_.flow(pair.arc) == 0) continue;
      row.push_back({WorkerIndex(static_cast<std::uint32_t>(pair.receiver)),
                     basic-- > 0 ? Reason::basic : Reason::spare});
    }
    std::ranges::sort(row, {}, &Selection::receiver);
  }
  return plan;
}

// The times at which something more fits into a link, from the lower bound to Algorithm 1's; ascending.
std::vector<LinkTime> candidate_times(const Problem& problem) {
  constexpr double kRounding = 1e-12;  // of the lower bound, which is a Duration
  const auto last = find_bottleneck(problem, link_loads(problem, plan_by_paper(problem)));
  SELMCAST_CHECK(last.has_value(), "somebody needs a receiver");
  const Duration first = lower_bound(problem).time * (1 - kRounding);
  std::vector<LinkTime> times{last->time};
  for (const WorkerSpec& worker : problem.workers) {
    for (const Rate rate : {worker.uplink, worker.downlink}) {
      if (rate == Rate()) continue;
      for (std::int64_t m = 1; m < std::ssize(problem.workers); ++m) {
        const LinkTime time{m * worker.volume, rate};
        if (time > last->time) break;
        if (time.duration() >= first) times.push_back(time);
      }
    }
  }
  std::ranges::sort(times, [](const LinkTime& a, const LinkTime& b) { return (a <=> b) < 0; });
  return times;
}

// The best plan that ends by `limit`.
class Branches {
 public:
  Branches(const Problem& problem, MixedNetwork& network, const LinkTime& limit)
      : network_(network), limit_(limit), modes_(problem.size(), Mode::any) {}

  Planned best() {
    SELMCAST_CHECK(network_.serves_needs_within(limit_), "the limit is the least time");
    std::vector<Mode> by_hand = modes_;
    for (std::size_t i = 0; i < by_hand.size(); ++i)
      by_hand[i] = network_.uses_all_as_own(i) && !network_.shares(i) ? Mode::own : Mode::shared;
    SELMCAST_CHECK(network_.serves_most_within(limit_, by_hand), "the plan just found keeps to these modes");
    keep();
    look();
    return {std::move(best_), left_ >= 0 ? Status::optimal : Status::feasible};
  }

 private:
  void keep() {
    most_ = network_.receivers();
    best_ = network_.plan();
  }

  void look() {
    if (--left_ < 0 || !network_.serves_most_within(limit_, modes_) || network_.receivers() <= most_) return;
    const auto torn = network_.sender_with_too_many(modes_);
    if (!torn) return keep();
    for (const Mode mode : {Mode::shared, Mode::own}) {
      modes_[*torn] = mode;
      look();
    }
    modes_[*torn] = Mode::any;
  }

  MixedNetwork& network_;
  LinkTime limit_;
  std::vector<Mode> modes_;
  std::int64_t most_ = 0;
  Plan best_;
  int left_ = kBranchesMost;
};

}  // namespace

Outcome plan_mixed(const Problem& problem) {
  SELMCAST_CHECK(is_mixed(problem), "exact_planner.h is for problems without unreached pairs");
  if (auto infeasible = find_infeasibility(problem)) return *std::move(infeasible);
  MixedNetwork network(problem);
  if (network.nobody_needs_a_receiver())
    return Planned{Plan{std::vector<std::vector<Selection>>(problem.size())}, Status::optimal};
  const std::vector<LinkTime> times = candidate_times(problem);
  const auto least = std::ranges::partition_point(
      times, [&](const LinkTime& time) { return !network.serves_needs_within(time); });
  SELMCAST_CHECK(least != times.end(), "Algorithm 1's plan is one");
  return Branches(problem, network, *least).best();
}

}  // namespace selmcast::plan
