// Whether pairs that the manager leaves out of its plans were left out for a reason, and not for too long. It excuses
// meetings, so a checker must not take its word for it: it counts failed deliveries itself.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "selmcast/sync/training_machine.h"

namespace selmcast::arena {

class OutageWatch {
 public:
  void settled(const sync::Settled& settled) {
    const sync::Transfer& t = settled.transfer;
    settled.committed ? void(failures_.erase(link_of(t))) : void(++failures_[link_of(t)]);
  }
  // Relay: the link of who sent it on before.
  void rerouted(const sync::TransferRerouted& it) { ++failures_[{it.before, it.transfer.receiver}]; }

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
  static sync::WorkerPair link_of(const sync::Transfer& t) { return {t.via.value_or(t.sender), t.receiver}; }
  std::map<sync::WorkerPair, std::uint64_t> failures_;  // in a row
};

}  // namespace selmcast::arena
