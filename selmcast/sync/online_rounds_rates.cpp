// The part of OnlineRounds (online_rounds.h) for rates, and for those who take too long.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

#include "selmcast/sync/online_rounds.h"

namespace selmcast::sync {
namespace {

constexpr double kMaterial = 0.05;
constexpr double kSearch = 1.5;
constexpr double kRoutine = 1.25;
constexpr std::uint64_t kRoutinePeriod = 4;  // looks
// A sender that is to stand still creeps on. At 1 % of the link, TCP took six to fifteen seconds to come up again
// when it was raised (likely: its round-trip time is measured on delayed acknowledgements, and pacing follows from
// that); at 5 % one or two, at 15 % none that could be measured (six workers, strict priorities, 10 Mbit/s).
constexpr double kLeastOfLink = 0.15;
// A multicast to a group knows no slow start; this only keeps its receivers from giving it up.
constexpr double kLeastOfGroup = 0.02;
constexpr double kLatestDeadline = 4;  // times the first one

}  // namespace

double OnlineRounds::burst_of(const Transfer& transfer) const {
  const bool searching = estimator_.searching({transfer.sender, Direction::up}) ||
                         estimator_.searching({transfer.receiver, Direction::down});
  if (searching) return kSearch;
  const auto is_due = [&](WorkerId side) { return (learning_.looks() + side.value()) % kRoutinePeriod == 0; };
  return is_due(transfer.sender) || is_due(transfer.receiver) ? kRoutine : 1;
}

// A receiver with fewer buffers than senders takes them in turns, each at a share of the time (round_machine.cpp). Who
// has a buffer gets its share of the downlink however little its claim: those with a greater one wait for the buffer.
Rate OnlineRounds::pace_of(const Running& running) const {
  if (!common_.paced) return Rate::unlimited();
  const Transfer& t = running.transfer;
  const Rate uplink = network_.uplink()[t.sender.value()], downlink = network_.downlink()[t.receiver.value()];
  if (network_.is_together(index(t.sender))) return std::max(t.allocated, uplink * kLeastOfGroup);
  const std::size_t senders = network_.incoming(index(t.receiver));
  const std::uint32_t buffers = lives_.at(t.receiver).member.receive_buffers;
  const std::size_t receivers = network_.outgoing(index(t.sender));
  if (senders <= buffers) {
    const double fair = 1 / static_cast<double>(std::max(senders, receivers));
    return std::max(t.allocated * running.burst, std::min(uplink, downlink) * std::min(fair, kLeastOfLink));
  }
  const double turn = static_cast<double>(senders) / buffers;
  const Rate in_turn = std::min(uplink * (1 / static_cast<double>(receivers)), downlink * (1.0 / buffers));
  return std::max(t.allocated * turn, in_turn) * running.burst;
}

// As many network multicasts come one after the other to a receiver with fewer buffers than senders
// (round_machine.cpp).
int OnlineRounds::turns_of(const Transfer& transfer) const {
  if (!network_.is_together(index(transfer.sender))) return 1;
  const int senders = static_cast<int>(network_.incoming(index(transfer.receiver)));
  const int buffers = static_cast<int>(std::max(lives_.at(transfer.receiver).member.receive_buffers, 1U));
  return std::max(1, (senders + buffers - 1) / buffers);
}

void OnlineRounds::set_rates(Instant now, Consequences& c) {
  network_.settle();
  for (auto& [id, running] : running_) {
    Transfer& t = running.transfer;
    t.allocated = network_.rate({index(t.sender), index(t.receiver)});
    const Rate pace = pace_of(running);
    const bool is_new = std::ranges::binary_search(c.fresh, id);
    if (!is_new && (!common_.paced || std::abs(pace / t.paced - 1) <= kMaterial)) continue;
    t.paced = pace;
    running.paces.told(now, pace);
    if (is_new) {
      c.plan.started.push_back(t);
    } else {
      c.plan.new_rates.push_back({t});
    }
  }
  if (!c.fresh.empty()) extend_deadlines(now);
  for (const Transfer& t : c.plan.started) {
    Running& running = running_.at(t.id);
    const Duration expected = network_.load_time({index(t.sender), index(t.receiver)});
    const Duration patience = patience_.of(expected) * turns_of(t);
    running.deadline = now + patience;
    running.latest = now + patience * kLatestDeadline;
    c.plan.predicted = std::max(c.plan.predicted, expected);
    lives_.at(t.sender).multicast.predicted = c.plan.predicted;
  }
}

// What broke, was dropped, or whose side left, says nothing of how long deliveries take.
void OnlineRounds::observe_patience(const MulticastEnded& ended) {
  Duration longest;
  for (const Settled& settled : ended.transfers) {
    if (settled.committed || settled.late) longest = std::max(longest, settled.at - ended.planned);
  }
  if (longest > Duration()) patience_.took(ended.predicted, longest);
}

// A new multicast takes bandwidth from those that run.
void OnlineRounds::extend_deadlines(Instant now) {
  for (auto& [id, running] : running_) {
    const Transfer& t = running.transfer;
    const Duration expected = network_.load_time({index(t.sender), index(t.receiver)});
    const Instant wanted =
        now + std::min(expected * common_.delivery_patience_factor, patience_.of(expected)) * turns_of(t);
    running.deadline = std::max(running.deadline, std::min(wanted, running.latest));
  }
}

OnlineRounds::Late OnlineRounds::next_late() const {
  Instant waiting_since = Instant::never();
  for (const OnlineWorker& worker : machine_.workers()) {
    if (machine_.is_waiting(worker)) waiting_since = std::min(waiting_since, worker.since);
  }
  Late late;
  if (waiting_since == Instant::never()) return late;
  for (const auto& [worker, life] : lives_) {
    const OnlineWorker& state = machine_.workers()[worker.value()];
    if (!state.computing || state.sending || state.completed != machine_.least_rounds()) continue;
    const Instant due = std::max({state.since, waiting_since, back_since_}) + common_.compute_patience;
    if (due < late.due) late = {due, {}};
    if (due == late.due) late.workers.push_back(worker);
  }
  return late;
}

void OnlineRounds::postpone(Duration away, Instant now) {
  back_since_ = now;
  for (auto& [id, running] : running_) {
    running.deadline = running.deadline + away;
    running.latest = running.latest + away;
  }
}

Instant OnlineRounds::deadline() const {
  Instant earliest = next_late().due;
  for (const auto& [id, running] : running_) earliest = std::min(earliest, running.deadline);
  return earliest;
}

Actions OnlineRounds::tick(Instant now) {
  network_.advance(now);
  Consequences c;
  std::vector<TransferId> overdue;
  for (const auto& [id, running] : running_) {
    if (now >= running.deadline) overdue.push_back(id);
  }
  for (const TransferId transfer : overdue) {
    const Running& running = running_.at(transfer);
    // It has carried less than all in its time (round_machine.cpp).
    DeliveryObservation observed{.sender = running.transfer.sender,
                                 .receiver = running.transfer.receiver,
                                 .bytes = running.transfer.bytes,
                                 .started = running.issued - Instant(),
                                 .finished = now - Instant(),
                                 .allocated = running.transfer.allocated,
                                 .paced = Rate::unlimited()};
    observed.late = true;
    if (turns_of(running.transfer) == 1)
      learning_.delivered(observed, running.paces);  // else it may have waited
    fail(transfer, "not delivered within " + to_string(running.deadline - running.issued), now, c, true);
  }
  Actions actions = finish(std::move(c), now);
  if (const Late late = next_late(); now >= late.due) {
    for (const WorkerId worker : late.workers) {
      const std::string why = "did not finish computing round " +
                              std::to_string(machine_.workers()[worker.value()].computed) +
                              " while others waited for it for " + to_string(common_.compute_patience);
      actions.push_back(Evicted{worker, why});
      std::ranges::move(leave(worker, why, now), std::back_inserter(actions));
    }
  }
  return actions;
}

}  // namespace selmcast::sync
