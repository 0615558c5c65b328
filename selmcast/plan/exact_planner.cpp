#include "selmcast/plan/exact_planner.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/plan/age_exchange.h"
#include "selmcast/plan/delivery_time.h"
#include "selmcast/plan/feasibility.h"
#include "selmcast/plan/mixed_planner.h"
#include "selmcast/plan/reach.h"

namespace selmcast::plan {
namespace {

using TimeBound = Certificate::TimeBound;

constexpr std::uint32_t kNobody = UINT32_MAX;

// Workers by name.
std::vector<std::uint32_t> canonical_order(const Problem& problem) {
  std::vector<std::uint32_t> order(problem.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {},
                    [&](std::uint32_t i) -> const std::string& { return problem.workers[i].name; });
  return order;
}

std::vector<std::uint32_t> inverse(const std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> place(order.size());
  for (std::uint32_t k = 0; k < order.size(); ++k) place[order[k]] = k;
  return place;
}

}  // namespace

// A lower bound of the completion time, with its proof; in places.
struct ExactPlanner::ProvenTime {
  LinkTime time;
  TimeBound bound = TimeBound::nothing;
  std::uint32_t place = kNobody;       // of the worker whose link binds
  std::vector<std::uint32_t> senders;  // of the cut
};

ExactPlanner::ExactPlanner(const Problem& problem)
    : problem_{problem.multicast, problem.workers, problem.required, {}},
      places_(problem.size()),
      order_(canonical_order(problem)),
      place_(inverse(order_)),
      links_(places_),
      ages_(problem.ages, place_, places_),
      matching_(places_) {
  SELMCAST_CHECK(!is_mixed(problem), "mixed problems are mixed_planner.h's");
  order_.resize(places_, kNobody);
  for (std::uint32_t i = 0; i < problem.size(); ++i) {
    links_[place_[i]].uplink = problem.workers[i].uplink;
    links_[place_[i]].downlink = problem.workers[i].downlink;
  }
  place_required();
}

// Brings required_, the fixed pairs and the needs into line with the problem.
void ExactPlanner::place_required() {
  matching_.release_required();
  required_.clear();
  for (const Pair& pair : problem_.required) {
    required_.emplace_back(place_[position(pair.sender)], place_[position(pair.receiver)]);
    matching_.require(required_.back().first, required_.back().second);
  }
  update_needs();
}

void ExactPlanner::update_needs() {
  for (Links& links : links_) links.needed = 0;
  for (const auto& [sender, receiver] : required_) ++links_[sender].needed;
  for (std::size_t i = 0; i < problem_.size(); ++i) {
    std::int32_t& needed = links_[place_[i]].needed;
    needed = std::max(needed, problem_.workers[i].min_receivers);
  }
}

// What S = `senders` need against all downlinks. nullopt if S needs nothing.
std::optional<ExactPlanner::ProvenTime> ExactPlanner::bound_of(std::vector<std::uint32_t> senders) const {
  std::vector<char> inside(places_, 0);
  std::int64_t needed = 0;
  for (const std::uint32_t i : senders) {
    inside[i] = 1;
    needed += links_[i].needed;
  }
  if (needed == 0) return std::nullopt;
  std::vector<DeliveryRange> ranges(places_);
  for (std::size_t j = 0; j < places_; ++j)
    ranges[j] = {links_[j].downlink, 0, std::ssize(senders) - inside[j]};
  for (const auto& [sender, receiver] : required_) {
    if (inside[sender] == 0) ++ranges[receiver].first;
  }
  const auto time = time_of_deliveries(problem_.workers.front().volume, ranges, needed);
  SELMCAST_CHECK(time.has_value(), "feasibility was checked before");
  return ProvenTime{*time, TimeBound::cut, kNobody, std::move(senders)};
}

ExactPlanner::ProvenTime ExactPlanner::first_bound() const {
  const Bytes volume = problem_.workers.front().volume;
  ProvenTime best;
  const auto consider = [&](ProvenTime bound) {
    if (best.bound == TimeBound::nothing || bound.time > best.time) best = std::move(bound);
  };
  std::vector<std::uint32_t> in_need;
  std::vector<std::int64_t> required_senders(places_, 0);
  for (const auto& [sender, receiver] : required_) ++required_senders[receiver];
  for (std::uint32_t i = 0; i < places_; ++i) {
    if (links_[i].needed == 0) continue;
    in_need.push_back(i);
    const std::int64_t flows = problem_.multicast == MulticastKind::network ? 1 : links_[i].needed;
    consider({{flows * volume, links_[i].uplink}, TimeBound::uplink, i, {}});
  }
  for (std::uint32_t j = 0; j < places_; ++j) {
    if (required_senders[j] > 0)
      consider({{required_senders[j] * volume, links_[j].downlink}, TimeBound::downlink, j, {}});
  }
  if (auto together = bound_of(std::move(in_need))) consider(*std::move(together));
  return best;
}

// Gives every link the deliveries that fit until `time`.
void ExactPlanner::open_until(const LinkTime& time) {
  const auto most_others = static_cast<std::int64_t>(problem_.size()) - 1;
  const std::int64_t volume = problem_.workers.front().volume.count();
  const auto fitting = [&](Rate rate) -> std::int64_t {
    return rate > Rate() ? std::min(most_others, capacity_within(rate, time).count() / volume) : 0;
  };
  for (std::size_t k = 0; k < places_; ++k) {
    std::int64_t most = fitting(links_[k].uplink);
    if (problem_.multicast == MulticastKind::network && most > 0) most = most_others;
    matching_.set_sender_bounds(k, links_[k].needed, static_cast<std::int32_t>(most));
    matching_.set_receiver_cap(k, static_cast<std::int32_t>(fitting(links_[k].downlink)));
  }
}

// The least time, with a selection that satisfies all needs by then.
ExactPlanner::ProvenTime ExactPlanner::satisfy_needs() {
  ProvenTime time = first_bound();
  if (time.bound == TimeBound::nothing) return time;
  if (not_before_ && *not_before_ > time.time) time.time = *not_before_;
  open_until(time.time);
  if (starts_anew_) {
    matching_.clear();
    matching_.fill(ages_, Matching::UpTo::need);
  } else {
    matching_.trim(ages_);
  }
  while (!matching_.satisfy_needs()) {
    auto later = bound_of(matching_.cut());
    SELMCAST_CHECK(later && later->time > time.time, "a cut forbids the time at which it was found");
    time = *std::move(later);
    open_until(time.time);
  }
  return time;
}

Outcome ExactPlanner::plan() {
  if (auto infeasible = find_infeasibility(problem_)) return *std::move(infeasible);
  time_.reset();
  const ProvenTime time = satisfy_needs();
  Certificate certificate{time.bound, std::nullopt, workers_at(time.senders), {}};
  if (time.bound == TimeBound::nothing)
    return Planned{Plan{std::vector<std::vector<Selection>>(problem_.size())}, Status::optimal, certificate};
  time_ = time.time;
  if (time.place != kNobody) certificate.worker = WorkerIndex(order_[time.place]);
  if (starts_anew_) matching_.fill(ages_, Matching::UpTo::most);
  matching_.maximise();
  certificate.count_senders = workers_at(matching_.cut());
  using Classes = AgeExchange::Classes;
  AgeExchange(matching_, ages_).run(starts_anew_ ? Classes::all : Classes::oldest);
  starts_anew_ = false;
  if (not_before_) return Planned{selection(), Status::feasible};
  return Planned{selection(), Status::optimal, std::move(certificate)};
}

std::vector<WorkerIndex> ExactPlanner::workers_at(const std::vector<std::uint32_t>& places) const {
  std::vector<WorkerIndex> workers;
  for (const std::uint32_t place : places) {
    if (order_[place] != kNobody) workers.emplace_back(order_[place]);
  }
  std::ranges::sort(workers);
  return workers;
}

// In the order of the workers, required pairs marked. Of the others the first min_receivers are called basic:
// they are interchangeable.
Plan ExactPlanner::selection() const {
  const std::size_t size = problem_.size();
  Plan result{std::vector<std::vector<Selection>>(size)};
  std::vector<std::vector<std::uint32_t>> required_of(size);
  for (const Pair& pair : problem_.required)
    required_of[position(pair.sender)].push_back(pair.receiver.value());
  BitSet selected(size), required(size);
  for (std::size_t i = 0; i < size; ++i) {
    matching_.for_each_receiver(place_[i], [&](std::size_t place) { selected.set(order_[place]); });
    for (const std::uint32_t receiver : required_of[i]) required.set(receiver);
    std::int64_t basic = problem_.workers[i].min_receivers - std::ssize(required_of[i]);
    std::vector<Selection>& row = result.selections[i];
    row.reserve(static_cast<std::size_t>(matching_.receivers_of(place_[i])));
    selected.for_each([&](std::size_t receiver) {
      Reason reason = Reason::required;
      if (!required.test(receiver)) reason = basic-- > 0 ? Reason::basic : Reason::spare;
      row.push_back({WorkerIndex(static_cast<std::uint32_t>(receiver)), reason});
    });
    selected.clear_all();
    required.clear_all();
  }
  return result;
}

void ExactPlanner::set_links(WorkerIndex worker, Rate uplink, Rate downlink) {
  problem_.workers[position(worker)].uplink = uplink;
  problem_.workers[position(worker)].downlink = downlink;
  Links& links = links_[place_[position(worker)]];
  links.uplink = uplink;
  links.downlink = downlink;
}

void ExactPlanner::set_min_receivers(WorkerIndex worker, int min_receivers) {
  problem_.workers[position(worker)].min_receivers = min_receivers;
  update_needs();
}

void ExactPlanner::set_required(std::vector<Pair> required) {
  std::vector<Pair> before = problem_.required, after = required, different;
  std::ranges::sort(before);
  std::ranges::sort(after);
  std::ranges::set_symmetric_difference(before, after, std::back_inserter(different));
  // To mend so much takes longer than to fill anew.
  if (different.size() > places_ / 4) starts_anew_ = true;
  problem_.required = std::move(required);
  place_required();
}

void ExactPlanner::end_round(const Plan& delivered) {
  BitSet nobody(places_);  // free places stay at age 0
  for (std::size_t place = 0; place < places_; ++place) {
    if (order_[place] == kNobody) nobody.set(place);
  }
  for (std::size_t i = 0; i < problem_.size(); ++i) {
    BitSet met = nobody;
    for (const Selection& selection : delivered.selections[i]) met.set(place_[position(selection.receiver)]);
    ages_.grow_older(place_[i], met.data());
  }
  ages_.end_round();
  starts_anew_ = true;
}

void ExactPlanner::join(WorkerSpec worker) {
  if (problem_.size() == places_) add_places();
  const auto free_place = std::ranges::find(order_, kNobody);
  const auto place = static_cast<std::uint32_t>(free_place - order_.begin());
  order_[place] = static_cast<std::uint32_t>(problem_.size());
  place_.push_back(place);
  links_[place] = {worker.uplink, worker.downlink, 0};
  problem_.workers.push_back(std::move(worker));
  update_needs();
}

void ExactPlanner::add_places() {
  places_ = words_for(places_ + 1) * kWordBits;
  order_.resize(places_, kNobody);
  links_.resize(places_);
  ages_.resize(places_);
  matching_ = Matching(places_);
  starts_anew_ = true;
  place_required();
}

void ExactPlanner::leave(WorkerIndex worker) {
  std::erase_if(problem_.required,
                [&](const Pair& pair) { return pair.sender == worker || pair.receiver == worker; });
  const auto moved_up = [&](WorkerIndex index) {
    return index > worker ? WorkerIndex(index.value() - 1) : index;
  };
  for (Pair& pair : problem_.required) pair = {moved_up(pair.sender), moved_up(pair.receiver)};
  problem_.workers.erase(problem_.workers.begin() + static_cast<std::ptrdiff_t>(position(worker)));

  const std::uint32_t place = place_[position(worker)];
  links_[place] = {};
  ages_.forget(place);
  order_[place] = kNobody;
  place_.erase(place_.begin() + static_cast<std::ptrdiff_t>(position(worker)));
  for (std::uint32_t i = 0; i < place_.size(); ++i) order_[place_[i]] = i;
  place_required();
}

bool has_equal_volumes(const Problem& problem) {
  return std::ranges::all_of(problem.workers, [&](const WorkerSpec& worker) {
    return worker.volume == problem.workers.front().volume;
  });
}

Outcome plan_exactly(const Problem& problem) {
  return is_mixed(problem) ? plan_mixed(problem) : ExactPlanner(problem).plan();
}

}  // namespace selmcast::plan
