#include "selmcast/sync/meetings.h"

#include <algorithm>

namespace selmcast::sync {

void Meetings::join(WorkerId worker) {
  for (const auto& [other, completed] : multicasts_) {
    last_met_[{other, worker}] = {completed, 0};
    last_met_[{worker, other}] = {};
  }
  multicasts_[worker] = 0;
}

void Meetings::leave(WorkerId worker) {
  multicasts_.erase(worker);
  std::erase_if(last_met_, [&](const auto& entry) {
    return entry.first.sender == worker || entry.first.receiver == worker;
  });
}

// A gap is counted as broken once, when it first becomes too wide.
void Meetings::look_at(const Meeting& meeting, std::uint64_t now) {
  const std::uint64_t gap = now - meeting.at;
  widest_ = std::max(widest_, gap);
  if (max_age_ && gap == std::uint64_t{*max_age_} + 2 + meeting.excused) ++broken_;
}

void Meetings::met(WorkerPair pair) {
  const std::uint64_t now = multicasts_.at(pair.sender) + 1;
  Meeting& last = last_met_.at(pair);
  look_at(last, now);
  last = {now, 0};
}

void Meetings::excuse(WorkerPair pair) { ++last_met_.at(pair).excused; }

void Meetings::multicast_completed(WorkerId sender) {
  const std::uint64_t completed = ++multicasts_.at(sender);
  const auto first = last_met_.lower_bound({sender, WorkerId(0)});
  for (auto it = first; it != last_met_.end() && it->first.sender == sender; ++it)
    look_at(it->second, completed);
}

}  // namespace selmcast::sync
