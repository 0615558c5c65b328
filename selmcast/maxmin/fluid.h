// Volumes that flow through shared links in virtual time: who is done when.
//
// Each flow has a volume to carry and goes at its max-min fair rate (solver.h) until it is done or stopped. Rates only
// change when something happens, and then those of many flows at once, so no flow is told of it. Each link has a clock:
// its service s_l, what a flow of weight 1 that has the link as its bottleneck would have carried so far; it goes at
// the link's level. A flow of weight w that has `left` bits to carry is done when the clock of its bottleneck shows
// s_l + left / w, its mark, whatever the level is until then: as in virtual-clock schedulers (A. Parekh, R. Gallager,
// 1993). Each clock has a heap of marks, and one heap has the next end on each clock. A flow costs when it starts,
// ends, or changes to another link's clock; a link, when its level changes.
//
// Time only moves by advance(); all changes happen at now(). Completions less than kTogether apart are one event (equal
// shares end together on paper, and a rounding error apart in doubles). A clock is put back when it shows much, so that
// a mark is exact to a millionth of a bit; remaining() takes a millionth of a byte for nothing.
// Complexity of an event: what solver.h says, O(log links) for each link whose level changes, and O(log flows) for each
// flow that changes its clock. Memory: linear. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/maxmin/indexed_heap.h"
#include "selmcast/maxmin/solver.h"

namespace selmcast::maxmin {

inline constexpr Duration kTogether = Duration::seconds(1e-9);

class Fluid {
 public:
  Instant now() const { return Instant::at_seconds(now_); }

  LinkId add_link(Rate capacity);
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
  std::size_t flows() const { return flows_; }

  // When the next flow is done if nothing else happens; never, if none is under way or all stand still.
  Instant next_completion();
  // Requires now() <= to <= next_completion() + kTogether. Returns the flows that are done by now, ascending; they are
  // gone. Valid until the next call.
  std::span<const FlowId> advance(Instant to);

 private:
  struct Clock {
    double service = 0;    // bits for a weight of 1, at `since`
    double since = 0;      // seconds
    double level = 0;      // bit/s for a weight of 1, since then
    bool has_end = false;  // stands in ends_
    IndexedHeap marks;     // of the flows that go by it

    double shows(double now) const { return service + level * (now - since); }
  };
  struct Progress {
    std::optional<LinkId> clock;  // none: it stands still
    double weight = 1;            // on its clock
    double left = 0;              // bits, if it stands still
  };
  double left_now(std::uint32_t flow) const;
  void settle();
  void take_from_clock(std::uint32_t flow);
  void put_on_clock(std::uint32_t flow);
  void bring_up_to_date(Clock& clock) const;
  void reschedule(LinkId link);

  Solver solver_;
  double now_ = 0;
  bool settled_ = true;
  std::size_t flows_ = 0;
  std::vector<Progress> progress_;   // by flow
  IndexedHeap::Places mark_places_;  // by flow
  std::vector<Clock> clocks_;        // by link
  IndexedHeap ends_;                 // the next one on each clock, by link
  IndexedHeap::Places end_places_;   // by link
  std::vector<FlowId> done_;
};

}  // namespace selmcast::maxmin
