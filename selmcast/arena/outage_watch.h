// Whether pairs that the manager leaves out of its plans were left out for a reason, and not for too long. It excuses
// meetings, so a checker must not take its word for it: it counts failed deliveries itself. In which order those of one
// round ended it does not know, so a link that carried some and failed others counts as one that fails.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "selmcast/sync/training_machine.h"

namespace selmcast::arena {

class OutageWatch {
 public:
  // All of a round, or of a multicast.
  void settled(std::span<const sync::Settled> transfers) {
    std::set<sync::WorkerPair> failed = std::exchange(rerouted_, {}), carried;
    for (const sync::Settled& settled : transfers) {
      const sync::Transfer& t = settled.transfer;
      const sync::WorkerPair link{t.via.value_or(t.sender), t.receiver};
      if (!settled.committed) ++failures_[link];
      (settled.committed ? carried : failed).insert(link);
    }
    for (const sync::WorkerPair& link : carried) {
      if (!failed.contains(link)) failures_.erase(link);
    }
  }
  // Relay: the link of who sent it on before.
  void rerouted(const sync::TransferRerouted& it) {
    const sync::WorkerPair link{it.before, it.transfer.receiver};
    ++failures_[link];
    rerouted_.insert(link);
  }

  // What is wrong with it, at a moment after that plan.
  std::optional<std::string> objection(const sync::Resting& rest, Instant now) const {
    const std::string pair = to_string(rest.pair.sender) + " -> " + to_string(rest.pair.receiver);
    const auto found = failures_.find(rest.pair);
    const std::uint64_t failures = found == failures_.end() ? 0 : found->second;
    if (rest.failures < 2 || rest.failures > failures)
      return pair + " was left out after " + std::to_string(failures) + " failures in a row";
    if (rest.until > now + Duration::seconds(32)) return pair + " is left out for too long";
    return std::nullopt;
  }

 private:
  std::map<sync::WorkerPair, std::uint64_t> failures_;  // in a row
  std::set<sync::WorkerPair> rerouted_;                 // in this round
};

}  // namespace selmcast::arena
