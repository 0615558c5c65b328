// What must hold in a training without rounds in common, whatever the network does. As checkers.h, these watch plans,
// orders, traffic and models from outside:
//   - traffic is the plan: a stream is a transfer that was planned and not settled long ago, between its two workers,
//     at a rate that was told for it; a pair has one transfer at a time;
//   - a transfer is settled once: committed, after it was streamed, or cancelled;
//   - mixing: when a worker mixes its model changes just from what it sent to the mixture of that and of the models of
//     all deliveries committed to it since it last mixed, each as its sender sent it, weighted as the training mixes
//     (weighted_mix.h, to 1e-5); it mixes when it goes on, with overlap when it takes its next snapshot, never else;
//   - both sides agree: the sender is told just those deliveries that its receivers mix;
//   - the rule of staleness: nobody starts a round while it is further ahead of the slowest than allowed;
//   - meetings: no pair waits more than max_age + 1 multicasts of the sender, plus one for each of its deliveries that
//     failed meanwhile; what the manager says of its promises agrees;
//   - nothing leaks: a worker that goes on holds no more receive buffers than transfers to it are open.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/arena/outage_watch.h"
#include "selmcast/base/ids.h"
#include "selmcast/manager/manager_core.h"
#include "selmcast/worker/worker_core.h"

namespace selmcast::arena {

class OnlineCheckers {
 public:
  struct Rules {
    std::uint32_t max_age = 0;
    std::optional<std::uint32_t> staleness;
    bool overlap = false;
    wire::MixingKind mixing = wire::MixingKind::average;
    payload::Format payload = payload::Format::float32;
  };
  explicit OnlineCheckers(const Rules& rules) : rules_(rules) {}

  // The manager, in order.
  void started(const manager::Started& started);
  void replanned(const manager::Replanned& plan);
  void told(WorkerId worker, const wire::ToWorker& message);
  void multicast_ended(const sync::MulticastEnded& ended, Instant now = Instant());
  void left(WorkerId worker);
  void came(WorkerId worker);                       // a new process, to which nothing was promised yet
  void caught_up(const sync::CaughtUp& caught_up);  // it is a worker like all
  // The workers. After each of the first three comes acted(), with the parameters as they are then.
  void synchronize_called(WorkerId worker, std::span<const float> parameters);
  void catch_up_called(WorkerId worker);
  void drain_called(WorkerId worker, std::span<const float> parameters);
  void heard(WorkerId worker, const wire::ToWorker& message);
  void acted(WorkerId worker, std::span<const float> parameters, double own_weight);
  void offered(TransferId transfer, const wire::MixHeader& header);
  void stream_started(WorkerId from, WorkerId to, TransferId transfer, Rate rate);
  void rate_set(WorkerId from, TransferId transfer, Rate rate);
  // Answers catch_up().
  void caught_up_done(WorkerId worker, const worker::SyncReport& report);
  // Answers synchronize() and drain().
  void synchronized(WorkerId worker, const worker::SyncReport& report, std::size_t buffers_in_use);

  const std::vector<std::string>& violations() const { return violations_; }

 private:
  using Model = std::shared_ptr<const std::vector<float>>;
  enum class State { open, committed, cancelled };
  struct Delivery {
    sync::Transfer transfer;
    Model model;
    State state = State::open;
    bool streamed = false;
    wire::MixHeader offer = {};
    std::vector<Rate> rates;  // told, in order
  };
  struct Folded {
    TransferId transfer;
    Round own;  // of its receiver, then
  };
  struct Worker {
    // As the manager has it.
    bool counts = true;        // for the others: it has caught up
    std::uint64_t failed = 0;  // a guest's deliveries, before the first that was committed
    std::uint64_t completed = 0;
    std::vector<TransferId> multicast;
    std::size_t last_multicast = 0;  // how many transfers
    // Told, and not heard yet.
    std::deque<std::vector<WorkerId>> overs;  // whom a multicast reached
    std::deque<std::size_t> open;             // transfers to it when it may go on
    // As it is at the worker.
    Round round;
    Model called_with;   // parameters of a call that is not answered
    Model sent;          // overlap: its snapshot
    bool fresh = false;  // has nothing of its own
    bool sending = false, held = false, draining = false, mixes = false;
    std::vector<Folded> folded;
    std::vector<WorkerId> reached, reached_last, mixed_with;
  };
  struct Wait {
    std::uint64_t multicasts = 0;
    std::uint64_t failed = 0;
  };

  void violated(const std::string& what) { violations_.push_back(what); }
  void settle(TransferId transfer, State state);
  void multicast_over(WorkerId worker, const wire::MulticastOver& over);
  void went_on(WorkerId worker, const wire::GoOn& order);
  void called(WorkerId worker, std::span<const float> parameters, bool draining);
  void check_traffic(const std::string& what, WorkerId from, TransferId transfer, Rate rate);
  void check_meetings(const sync::MulticastEnded& ended);
  void check_guest(const sync::Settled& settled);
  void check_mixing(WorkerId worker, const Worker& it, std::span<const float> parameters, double own_weight);

  Rules rules_;
  std::map<WorkerId, Worker> workers_;  // that are there
  std::map<TransferId, Delivery> deliveries_;
  OutageWatch outages_;
  std::map<std::pair<WorkerId, WorkerId>, Wait> waits_;
  std::vector<std::string> violations_;
};

}  // namespace selmcast::arena
