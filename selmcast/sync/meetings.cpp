#include "selmcast/sync/meetings.h"

#include <algorithm>

namespace selmcast::sync {

void Meetings::join(WorkerId worker) {
  for (const auto& [other, completed] : multicasts_) {
    last_met_at_[{other, worker}] = completed;
    last_met_at_[{worker, other}] = 0;
  }
  multicasts_[worker] = 0;
}

void Meetings::leave(WorkerId worker) {
  multicasts_.erase(worker);
  std::erase_if(last_met_at_, [&](const auto& entry) {
    return entry.first.sender == worker || entry.first.receiver == worker;
  });
}

void Meetings::met(WorkerPair pair) {
  const std::uint64_t now = multicasts_.at(pair.sender) + 1;
  auto& last = last_met_at_.at(pair);
  widest_ = std::max(widest_, now - last);
  last = now;
}

void Meetings::multicast_completed(WorkerId sender) {
  const std::uint64_t completed = ++multicasts_.at(sender);
  const auto first = last_met_at_.lower_bound({sender, WorkerId(0)});
  for (auto it = first; it != last_met_at_.end() && it->first.sender == sender; ++it) {
    widest_ = std::max(widest_, completed - it->second);
  }
}

}  // namespace selmcast::sync
