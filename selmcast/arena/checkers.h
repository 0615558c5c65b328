// What must hold whatever the network does. The checkers watch plans, traffic and models from outside:
//   - traffic is the plan: every stream is a transfer of the plan in force, from its sender to its receiver,
//   at its
//     rate; every planned transfer was streamed or cancelled;
//   - mixing: after a round a model is exactly the mixture of its own and the complete models, weighted as the
//     training mixes (weighted_mix.h), as they stood
//   when
//     their owners called synchronize() in this round, of those it says it mixed with (compared to 1e-5: the
//     order of float additions may differ);
//   - the two sides agree: a receiver mixed with just those whose delivery the manager committed;
//   - meetings: no pair waits more than max_age + 1 rounds of the sender, plus one for each of its deliveries
//     that was cancelled meanwhile, and one for each plan that left it out because of an outage that there was
//     (outage_watch.h);
//   - a worker that came and that nothing reaches is turned away after three attempts;
//   - nothing leaks: no receive buffer is in use between rounds.
// (That every survivor makes progress is checked by the run itself, arena.cpp.)
#pragma once

#include <cstdint>
#include <map>
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

class Checkers {
 public:
  explicit Checkers(std::uint32_t max_age, wire::MixingKind mixing = wire::MixingKind::average,
                    payload::Format payload = payload::Format::float32)
      : max_age_(max_age), mixing_(mixing), payload_(payload) {}

  void planned(const manager::Planned& plan);
  void rerouted(const sync::TransferRerouted& rerouted);
  void round_over(const manager::RoundOver& over, Instant now = Instant());
  // What it does with what it hears late is of no matter to the others, who go on without it.
  void left(WorkerId worker);
  // A new process, perhaps of a worker that has left.
  void came(WorkerId worker) { gone_.erase(worker); }
  // It has mixed just what was committed to it, and nothing of its own.
  void caught_up(WorkerId worker, const worker::SyncReport& report, std::span<const float> mixed,
                 std::size_t buffers_in_use);
  void synchronize_called(WorkerId worker, Round round, std::span<const float> parameters);
  void offered(TransferId transfer, const wire::MixHeader& header) { offers_[transfer] = header; }
  void stream_started(WorkerId from, WorkerId to, TransferId transfer, Rate rate);
  void synchronized(WorkerId worker, const worker::SyncReport& report, std::span<const float> mixed,
                    std::size_t buffers_in_use);

  const std::vector<std::string>& violations() const { return violations_; }

 private:
  void violated(const std::string& what) { violations_.push_back(what); }
  void check_mixing(WorkerId worker, Round round, const worker::SyncReport& report,
                    std::span<const float> mixed, bool alone);
  void check_meetings(const sync::RoundEnded& round);
  void check_guests(const sync::RoundEnded& round);

  std::uint32_t max_age_;
  wire::MixingKind mixing_;
  payload::Format payload_;
  std::map<TransferId, wire::MixHeader> offers_;        // of the plan in force
  std::map<TransferId, sync::Transfer> plan_;           // in force
  std::map<TransferId, sync::Transfer> soundings_;      // beside it
  std::set<std::pair<TransferId, WorkerId>> streamed_;  // and by whom
  std::map<TransferId, std::set<WorkerId>>
      may_stream_;  // relay: who sends it on, and after a Reroute the sender
  std::set<WorkerId> gone_;
  std::set<WorkerId> left_;  // since the plan; it may have come again
  OutageWatch outages_;
  std::map<WorkerId, std::uint32_t> attempts_;                       // in vain, of guests
  std::map<std::pair<WorkerId, Round>, std::vector<float>> models_;  // as sent
  std::map<std::pair<WorkerId, Round>, std::set<WorkerId>> committed_;
  struct Wait {
    std::uint64_t rounds = 0;
    std::uint64_t cancelled = 0;
  };
  std::map<std::pair<WorkerId, WorkerId>, Wait> waits_;
  std::vector<std::string> violations_;
};

}  // namespace selmcast::arena
