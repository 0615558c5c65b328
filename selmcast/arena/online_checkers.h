// What must hold in a training without rounds in common, whatever the network does. As checkers.h, these watch plans,
// orders, traffic and models from outside:
//   - traffic is the plan: a stream is a transfer that was planned and not settled long ago, between its two workers,
//     at a rate that was told for it; a pair has one transfer at a time;
//   - a transfer is settled once: committed, after it was streamed, or cancelled;
//   - mixing: when a worker goes on its model is exactly the average of its own and of the models of the deliveries
//     committed to it since it last went on, each as it stood when its sender said ready (to 1e-5);
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

#include "selmcast/base/ids.h"
#include "selmcast/manager/manager_core.h"
#include "selmcast/worker/worker_core.h"

namespace selmcast::arena {

class OnlineCheckers {
 public:
  OnlineCheckers(std::uint32_t max_age, std::optional<std::uint32_t> staleness)
      : max_age_(max_age), staleness_(staleness) {}

  // The manager, in order.
  void started(const manager::Started& started);
  void replanned(const manager::Replanned& plan);
  void told(WorkerId worker, const wire::ToWorker& message);
  void multicast_ended(const sync::MulticastEnded& ended);
  void left(WorkerId worker);
  // The workers.
  void synchronize_called(WorkerId worker, Round round, std::span<const float> parameters);
  void stream_started(WorkerId from, WorkerId to, TransferId transfer, Rate rate);
  void rate_set(WorkerId from, TransferId transfer, Rate rate);
  void synchronized(WorkerId worker, const worker::SyncReport& report, std::span<const float> mixed,
                    std::size_t buffers_in_use);

  const std::vector<std::string>& violations() const { return violations_; }

 private:
  using Model = std::shared_ptr<const std::vector<float>>;
  enum class State { open, committed, cancelled };
  struct Delivery {
    sync::Transfer transfer;
    Model model;
    State state = State::open;
    bool streamed = false;
    std::vector<Rate> rates;  // told, in order
  };
  // A worker may go on: what is right then.
  struct Expected {
    Round round;
    Model own;
    std::vector<TransferId> folded;
    std::vector<WorkerId> reached;
    std::size_t open = 0;  // transfers to it
  };
  struct Worker {
    std::uint64_t completed = 0;
    Model ready;  // as it said so last
    std::vector<TransferId> multicast;
    std::vector<TransferId> committed_to;  // since it went on
    std::deque<Expected> expected;
  };
  struct Wait {
    std::uint64_t multicasts = 0;
    std::uint64_t failed = 0;
  };

  void violated(const std::string& what) { violations_.push_back(what); }
  void settle(TransferId transfer, State state);
  void went_on(WorkerId worker, const wire::GoOn& order);
  void check_traffic(const std::string& what, WorkerId from, TransferId transfer, Rate rate);
  void check_meetings(const sync::MulticastEnded& ended);
  void check_mixing(WorkerId worker, const Expected& expected, std::span<const float> mixed);

  std::uint32_t max_age_;
  std::optional<std::uint32_t> staleness_;
  std::map<WorkerId, Worker> workers_;  // that are there
  std::map<TransferId, Delivery> deliveries_;
  std::map<std::pair<WorkerId, WorkerId>, Wait> waits_;
  std::vector<std::string> violations_;
};

}  // namespace selmcast::arena
