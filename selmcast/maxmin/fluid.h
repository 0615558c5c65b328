// Volumes that flow through shared links in virtual time: who is done when.
//
// Each flow has a volume to carry and goes at its max-min fair rate (solver.h) until it is done or stopped. Rates only
// change when something happens, so between two events every flow moves on a straight line: it is brought up to date
// when its own rate changes, and never else. The next completion stands on top of a heap.
//
// Time only moves by advance(); all changes happen at now(). Completions less than kTogether apart are one event (equal
// shares end together on paper, and a rounding error apart in doubles).
// Complexity of an event: what solver.h says, and O(log flows) for each flow whose rate changes. Memory: linear.
// Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/maxmin/solver.h"

namespace selmcast::maxmin {

inline constexpr Duration kTogether = Duration::seconds(1e-9);

class Fluid {
 public:
  Instant now() const { return Instant::at_seconds(now_); }

  LinkId add_link(Rate capacity) { return solver_.add_link(capacity); }
  void set_capacity(LinkId link, Rate capacity);

  // Requires volume > 0.
  FlowId start(std::span<const LinkId> links, Bytes volume, Claim claim = {});
  void stop(FlowId flow);
  void take_off(FlowId flow, LinkId link);
  void set_claim(FlowId flow, Claim claim);

  // Bytes not yet carried, rounded up: positive until the flow is done.
  Bytes remaining(FlowId flow) const;
  // Of a flow that is neither done nor stopped, as of the last next_completion().
  Rate rate(FlowId flow) const { return solver_.rate(flow); }
  std::size_t flows() const { return heap_.size(); }

  // When the next flow is done if nothing else happens; never, if none is under way or all stand still.
  Instant next_completion();
  // Requires now() <= to <= next_completion() + kTogether. Returns the flows that are done by now, ascending; they are
  // gone. Valid until the next call.
  std::span<const FlowId> advance(Instant to);

 private:
  struct Progress {
    double left = 0;          // bits, at `since`
    double since = 0;         // seconds
    double rate = 0;          // bit/s since then
    std::uint32_t place = 0;  // in heap_
  };
  struct End {
    double time = 0;  // seconds
    std::uint32_t flow = 0;
    bool operator<(const End& other) const {
      return time != other.time ? time < other.time : flow < other.flow;
    }
  };
  double left_now(const Progress& progress) const;
  void settle();
  void put(std::size_t place, End end);
  void sift(std::size_t place, End end);
  void erase(std::uint32_t flow);

  Solver solver_;
  double now_ = 0;
  bool settled_ = true;
  std::vector<Progress> progress_;  // by flow
  std::vector<End> heap_;           // of the flows under way, earliest on top
  std::vector<FlowId> done_;
};

}  // namespace selmcast::maxmin
