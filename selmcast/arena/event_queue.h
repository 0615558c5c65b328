// Virtual time: what happens next. Events at the same time happen in the order in which they were scheduled,
// so that a run is a function of its seed. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/base/units.h"

namespace selmcast::arena {

class EventQueue {
 public:
  using Event = std::function<void()>;

  Instant now() const { return now_; }
  void at(Instant time, Event event) {
    SELMCAST_CHECK(time >= now_, "nothing is scheduled in the past");
    events_.push({time, ++scheduled_, std::move(event)});
  }
  void after(Duration delay, Event event) { at(now_ + delay, std::move(event)); }
  // False if nothing is left to happen.
  bool step() {
    if (events_.empty()) return false;
    Entry entry = events_.top();
    events_.pop();
    now_ = entry.time;
    entry.event();
    return true;
  }

 private:
  struct Entry {
    Instant time;
    std::uint64_t order;
    Event event;
    bool operator<(const Entry& other) const {  // std::priority_queue puts the largest on top
      return std::pair(other.time, other.order) < std::pair(time, order);
    }
  };
  Instant now_;
  std::uint64_t scheduled_ = 0;
  std::priority_queue<Entry> events_;
};

}  // namespace selmcast::arena
