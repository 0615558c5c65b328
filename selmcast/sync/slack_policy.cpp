#include "selmcast/sync/slack_policy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

constexpr double kHaste = 0.025;   // seconds of right of way a second of lead
constexpr double kMostCycles = 5;  // a lead counts up to so many rounds
constexpr double kStretch = 1.2;
constexpr double kDue = 0.05;
constexpr double kQueue = 0.1;
constexpr double kDoubt = 0.3;
constexpr double kUnicastPrice = 6;
constexpr double kDearest = 2.4;   // kappa at width 0
constexpr double kCrowded = 0.75;  // forced choices, of the last n or so
constexpr double kUncrowded = 0.4;

// Priorities are instants in us with a counter behind them: no two are the same.
constexpr unsigned kCounterBits = 14;
constexpr double kEpochSeconds = 1e6;  // leads may make an instant negative

double kappa(Width width) { return kDearest * (1 - width.value()) * (1 - width.value()); }

// Of a multicast so far along, the most that remains to any receiver.
Bytes most_remaining(const plan::SspTask& task) {
  Bytes most;
  for (const plan::SspCandidate& candidate : task.candidates) most = std::max(most, candidate.remaining);
  return most;
}

}  // namespace

// ---- what there is -----------------------------------------------------------------------------------------

void SlackPolicy::look(const OnlineView& view) {
  const std::size_t n = view.tasks.downlink.size();
  places_.resize(n);
  sent_.assign(n, 0);
  queue_bits_.assign(n, 0);
  std::size_t first = 0;
  for (const plan::SspTask& task : view.tasks.tasks) {
    if (task.sender == view.ready) {
      ready_ = &task;
      first_verdict_ = first;
    } else {
      sent_[position(task.sender)] = 1 - most_remaining(task).in_bits() / task.volume.in_bits();
      for (const plan::SspCandidate& candidate : task.candidates)
        queue_bits_[position(candidate.receiver)] += candidate.remaining.in_bits();
    }
    first += task.candidates.size();
  }
  verdicts_.assign(first, plan::Reason::kept);
  dropped_.clear();
  downlinks_ = view.tasks.downlink;
  double sum = 0;
  for (const Rate rate : downlinks_) sum += rate.bps();
  mean_downlink_bps_ = sum / static_cast<double>(n);
  const double receivers = view.tasks.multicast == plan::MulticastKind::network
                               ? static_cast<double>(ready_->candidates.size() + 1)
                               : kUnicastPrice;
  a_second_ = kappa(width_) * receivers * mean_downlink_bps_ / ready_->volume.in_bits();
}

// How far the ready worker is ahead of the mean of all, in its own time.
double SlackPolicy::seconds_ahead(const OnlineView& view) const {
  double multicast = 0;
  for (const OnlineWorker& worker : view.workers) multicast += worker.last_multicast.in_seconds();
  multicast /= static_cast<double>(view.workers.size());
  double sum = 0, own = 0;
  std::size_t present = 0;
  for (std::size_t i = 0; i < view.workers.size(); ++i) {
    const OnlineWorker& worker = view.workers[i];
    if (!worker.present || worker.guest) continue;
    const double computing = worker.expected_computing.in_seconds();
    double in_round = 0;
    if (worker.computing)
      in_round = std::min(computing, (view.now - worker.since).in_seconds());
    else if (worker.sending)
      in_round = computing + sent_[i] * multicast;
    const double cycle = std::max(computing + multicast, 1e-9);
    const double rounds = static_cast<double>(worker.completed) + in_round / cycle;
    sum += rounds;
    ++present;
    if (WorkerIndex(static_cast<std::uint32_t>(i)) == view.ready) own = rounds;
  }
  const OnlineWorker& ready = view.workers[position(view.ready)];
  const double ahead = std::clamp(own - sum / static_cast<double>(present), -kMostCycles, kMostCycles);
  return ahead * (ready.expected_computing.in_seconds() + multicast);
}

std::uint64_t SlackPolicy::priority_of(const OnlineView& view) {
  const double seconds = kEpochSeconds + view.now.in_seconds() + kHaste * seconds_ahead(view);
  const auto instant = static_cast<std::uint64_t>(std::max(0.0, seconds) * 1e6);
  return instant << kCounterBits | (planned_++ & ((1U << kCounterBits) - 1));
}

// What those before `priority` leave.
void SlackPolicy::foretell(const OnlineView& view, std::uint64_t priority) {
  running_.clear();
  for (const plan::SspTask& task : view.tasks.tasks) {
    if (task.sender != view.ready && places_[position(task.sender)].priority < priority)
      running_.push_back(&task);
  }
  std::ranges::sort(running_, {},
                    [&](const plan::SspTask* task) { return places_[position(task->sender)].priority; });
  forecast_.restart(view.tasks.downlink);
  for (const plan::SspTask* task : running_) {
    receivers_.clear();
    for (const plan::SspCandidate& candidate : task->candidates) receivers_.push_back(candidate.receiver);
    drop_laggards(view, *task);
    reserve(view, *task);
  }
}

Rate SlackPolicy::limit_of(const OnlineView& view, WorkerIndex sender) const {
  return std::min(places_[position(sender)].limit, view.tasks.uplink[position(sender)]);
}

// The running multicast goes on to receivers_.
void SlackPolicy::reserve(const OnlineView& view, const plan::SspTask& task) {
  const Rate limit = limit_of(view, task.sender);
  if (view.tasks.multicast == plan::MulticastKind::network) {
    forecast_.add(most_remaining(task), limit, receivers_);
    return;
  }
  const Rate each = limit * (1 / static_cast<double>(receivers_.size()));
  for (const plan::SspCandidate& candidate : task.candidates) {
    if (std::ranges::binary_search(receivers_, candidate.receiver))
      forecast_.add(candidate.remaining, each, std::span(&candidate.receiver, 1));
  }
}

// Links that carry less than foretold may hold a multicast up for one receiver.
void SlackPolicy::drop_laggards(const OnlineView& view, const plan::SspTask& task) {
  const Bytes remaining = most_remaining(task);
  if (remaining.in_bits() < view.tasks.keep_fraction * task.volume.in_bits()) return;
  const Rate limit = limit_of(view, task.sender);
  while (static_cast<int>(receivers_.size()) > std::max(1, task.needed)) {
    const auto time = [&](WorkerIndex j) { return forecast_.time_alone(j, remaining, limit); };
    std::optional<WorkerIndex> slowest;
    for (const plan::SspCandidate& candidate : task.candidates) {
      if (candidate.required || !std::ranges::binary_search(receivers_, candidate.receiver)) continue;
      if (!slowest || time(candidate.receiver) > time(*slowest)) slowest = candidate.receiver;
    }
    if (!slowest) return;
    Prospect others(forecast_, view.tasks.multicast, remaining, limit);
    for (const WorkerIndex j : receivers_) {
      if (j != *slowest) others.to(j);
    }
    if (!(kDoubt * (cost(others.end_with(*slowest)) - cost(others.end())) > 1)) return;
    std::erase(receivers_, *slowest);
    dropped_.push_back({task.sender, *slowest});
  }
}

// ---- the choice --------------------------------------------------------------------------------------------

// In receivers.
double SlackPolicy::cost(Duration end) const {
  return end < Duration::infinite() ? a_second_ * end.in_seconds() : std::numeric_limits<double>::infinity();
}

// Required ones are chosen, the others wait in choices_.
void SlackPolicy::weigh_candidates(const OnlineView& view) {
  choices_.clear();
  chosen_.clear();
  const auto n = static_cast<double>(ready_->candidates.size() + 1);
  const double volume = ready_->volume.in_bits();
  for (std::size_t k = 0; k < ready_->candidates.size(); ++k) {
    const plan::SspCandidate& candidate = ready_->candidates[k];
    if (!view.tasks.is_up(*ready_, candidate)) continue;
    const double downlink = view.tasks.downlink[position(candidate.receiver)].bps();
    const double slowness = mean_downlink_bps_ / downlink;
    const bool due = view.max_age && candidate.age + 1 >= *view.max_age;
    const double queue = (queue_bits_[position(candidate.receiver)] + volume) / volume * slowness;
    const double worth = 1 + (due ? kDue * n * slowness : 0) - kQueue * kappa(width_) * queue;
    const Choice choice{k, candidate.receiver, worth, -std::numeric_limits<double>::infinity()};
    (candidate.required ? chosen_ : choices_).push_back(choice);
  }
}

// With the multicast's own volume, until all is through that is on its way to a receiver.
Duration SlackPolicy::queue_at(WorkerIndex receiver) const {
  const double bits = queue_bits_[position(receiver)] + ready_->volume.in_bits();
  return Duration::seconds(bits / downlinks_[position(receiver)].bps());
}

Duration SlackPolicy::end(const Prospect& prospect) const {
  return is_crowded_ ? longest_queue_ : prospect.end();
}

Duration SlackPolicy::end_with(const Prospect& prospect, WorkerIndex another) const {
  return is_crowded_ ? std::max(longest_queue_, queue_at(another)) : prospect.end_with(another);
}

// Takes the candidate with the least score: of equal ones the first worker. Scores of before are too low, if anything
// (ends only grow with the set), so only the first has to be looked at.
void SlackPolicy::take_next(Prospect& prospect) {
  const auto later = [](const Choice& a, const Choice& b) {
    return a.score != b.score ? a.score > b.score : a.receiver > b.receiver;
  };
  for (bool is_least = false; !is_least;) {
    std::ranges::pop_heap(choices_, later);
    Choice& first = choices_.back();
    const WorkerIndex receiver = first.receiver;
    first.score = cost(end_with(prospect, receiver)) - first.worth;
    std::ranges::push_heap(choices_, later);
    is_least = choices_.front().receiver == receiver;
  }
  std::ranges::pop_heap(choices_, later);
  chosen_.push_back(choices_.back());
  choices_.pop_back();
  prospect.to(chosen_.back().receiver);
  longest_queue_ = std::max(longest_queue_, queue_at(chosen_.back().receiver));
}

Prospect SlackPolicy::prospect_of_chosen(const OnlineView& view) const {
  const Rate uplink = view.tasks.uplink[position(view.ready)];
  Prospect prospect(forecast_, view.tasks.multicast, ready_->volume, uplink);
  for (const Choice& choice : chosen_) prospect.to(choice.receiver);
  return prospect;
}

// The best of the sets that taking the least score again and again leads to. Those required are chosen already.
void SlackPolicy::choose(const OnlineView& view) {
  const auto needed = static_cast<std::size_t>(std::max(0, ready_->needed));
  Prospect prospect = prospect_of_chosen(view);
  longest_queue_ = Duration();
  for (const Choice& choice : chosen_) longest_queue_ = std::max(longest_queue_, queue_at(choice.receiver));
  double worth = 0, still_to_win = 0;
  for (const Choice& choice : choices_) still_to_win += std::max(0.0, choice.worth);
  std::optional<double> best;
  std::size_t best_size = 0;
  for (;;) {
    const double value = worth - cost(end(prospect));
    if (chosen_.size() >= needed || choices_.empty()) {
      if (!best || value > *best) {
        best = value;
        best_size = chosen_.size();
      }
      if (choices_.empty() || value + still_to_win <= *best) break;
    }
    take_next(prospect);
    worth += chosen_.back().worth;
    still_to_win -= std::max(0.0, chosen_.back().worth);
  }
  chosen_.resize(best_size);
  const double is_forced = best_size <= needed ? 1 : 0;
  forced_ += (is_forced - forced_) / static_cast<double>(view.workers.size());
}

// The lowest limit with which the multicast ends almost as soon as it could.
void SlackPolicy::start(const OnlineView& view, std::uint64_t priority) {
  Place& place = places_[position(view.ready)];
  place = {priority, Rate::unlimited()};
  if (chosen_.empty() || is_crowded_ || view.tasks.multicast == plan::MulticastKind::unicast) return;
  const Prospect prospect = prospect_of_chosen(view);
  const Duration end = prospect.end() * kStretch;
  if (end < Duration::infinite()) place.limit = prospect.lowest_limit(end);
}

void SlackPolicy::give_verdicts(const OnlineView& view) {
  verdicts_.clear();
  for (const plan::SspTask& task : view.tasks.tasks) {
    for (const plan::SspCandidate& candidate : task.candidates) {
      const bool is_dropped =
          task.sender == view.ready ||
          std::ranges::find(dropped_, plan::Pair{task.sender, candidate.receiver}) != dropped_.end();
      verdicts_.push_back(is_dropped ? plan::Verdict() : plan::Reason::kept);
    }
  }
  for (const Choice& choice : chosen_) {
    const bool required = ready_->candidates[choice.candidate].required;
    verdicts_[first_verdict_ + choice.candidate] = required ? plan::Reason::required : plan::Reason::spare;
  }
}

OnlineDecision SlackPolicy::decide(const OnlineView& view) {
  look(view);
  is_crowded_ =
      view.tasks.multicast == plan::MulticastKind::network && forced_ > (is_crowded_ ? kUncrowded : kCrowded);
  const std::uint64_t priority = priority_of(view);
  foretell(view, priority);
  weigh_candidates(view);
  choose(view);
  start(view, priority);

  give_verdicts(view);
  claims_.clear();
  limits_.clear();
  for (const plan::SspTask& task : view.tasks.tasks) {
    claims_.push_back({.priority = is_crowded_ || view.tasks.multicast == plan::MulticastKind::unicast
                                       ? 0
                                       : places_[position(task.sender)].priority,
                       .weight = 1});
    limits_.push_back(places_[position(task.sender)].limit);
  }
  return {verdicts_, claims_, limits_};
}

}  // namespace selmcast::sync
