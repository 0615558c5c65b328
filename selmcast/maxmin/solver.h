// Max-min fair sharing of link capacities among flows, kept up to date from change to change.
//
// Problem. Link l has a capacity c_l. A flow f crosses a set of links and puts the same rate r_f on each of them: a
// unicast delivery crosses its sender's uplink and its receiver's downlink; a network multicast crosses its sender's
// uplink and the downlinks of all its receivers. Wanted are rates with sum_{f on l} r_f <= c_l that are max-min fair:
// no flow's level r_f / w_f can grow unless one shrinks that is at most as high (D. Bertsekas, R. Gallager, "Data
// Networks", section 6.5.2). Equivalent: every flow has a bottleneck, a full link on which nobody's level is higher
// than its own. Two more things are wanted of a network, and had:
//   - reserved rates: give every flow its reservation as weight. Where no link is promised away more than once, the
//     first link fills up at a level >= 1, so every flow gets its reservation, and what is left over is shared in
//     proportion to the reservations (work-conserving);
//   - strict priorities: flows of a lower `priority` number share everything; those of the next one share what these
//     leave, and so on. Within a priority, max-min as above.
//
// Method. Progressive filling: all flows of a priority grow in proportion to their weights; when a link is full, its
// flows freeze, the others go on. A moment of this process is a key (priority, level), ordered lexicographically. Link
// l is full at key full_l (never: infinite), and a flow freezes when the first of its links is full.
//
// What a change touches. Every flow remembers its bottleneck, the link that froze it; a link's own flows are those
// that it froze. Touched are, to begin with, the flows that have no bottleneck (new ones, those whose claim or
// bottleneck was taken away) and the own flows of the links that changed. A touched flow may get another rate, so the
// own flows of all links that it crosses are touched as well; of all others we hope that they keep theirs. Their rates
// are taken off the links' capacities, and the touched ones are filled anew. When a link is full at some key and there
// is a hopeful on it whose own key is later, the hope was vain: it would still be growing. It is touched now, with
// what follows from that. Nothing has to be taken back, because all that froze so far froze earlier than it ever did.
// In the end every flow has a bottleneck: the touched ones by the filling, the others still have theirs. So solve()
// looks at little more than the flows whose rates change, however many are connected with them.
// Priorities: what happens to a flow is no concern of those with a smaller priority number.
//
// Promises. The rates equal those of a solver that is given the same flows afresh, up to rounding (tests: relative
// 1e-9); the same calls in the same order give the same bits. Keys a relative 1e-12 apart count as one.
//
// Complexity of solve(): with I incidences (flow on link), those of touched flows and those of links that were or
// become the bottleneck of one, and L links of touched flows: O(I log L) time. No memory is allocated once the arrays
// have grown to the size of the problem; memory is linear in incidences. Thread rule: one owner.
//
// Limits: capacities are finite and >= 0; weights are positive and within a factor of 1000 of one another; a flow
// crosses at least one link, and none twice.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/maxmin/crossing_pool.h"

namespace selmcast::maxmin {

using LinkId = Id<struct LinkIdTag, std::uint32_t>;  // dense, in the order of add_link()
using FlowId = Id<struct FlowIdTag, std::uint32_t>;  // dense; of a removed flow used again

// What a flow may ask for.
struct Claim {
  std::uint64_t priority = 0;  // smaller is served first
  double weight = 1;
  bool operator==(const Claim&) const = default;
};

class Solver {
 public:
  LinkId add_link(Rate capacity);
  void set_capacity(LinkId link, Rate capacity);

  FlowId add_flow(std::span<const LinkId> links, Claim claim = {});
  void remove_flow(FlowId flow);
  // The flow goes on without this one of its links (a receiver was dropped). At least one remains.
  void take_off(FlowId flow, LinkId link);
  void set_claim(FlowId flow, Claim claim);

  // Brings the rates up to date with all changes since the last call. Returns the flows whose rate is another one than
  // before, each once; a new flow's rate before is 0. Valid until the next call.
  std::span<const FlowId> solve();

  // As of the last solve().
  Rate rate(FlowId flow) const { return Rate::bits_per_second(flows_[flow.value()].rate); }
  Rate capacity(LinkId link) const { return Rate::bits_per_second(links_[link.value()].capacity); }
  // Flows that the last solve() looked at anew, changed or not: the measure of its work.
  std::size_t last_touched() const { return touched_; }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // A moment of the filling.
  struct Key {
    std::uint64_t priority = std::numeric_limits<std::uint64_t>::max();
    double level = kNever;
    auto operator<=>(const Key&) const = default;
  };
  struct Member {
    std::uint32_t flow = 0;
    std::uint32_t place = 0;  // in the flow's crossings
  };
  struct Flow {
    Claim claim;
    double level = 0;  // at which it froze
    double rate = 0;
    std::uint32_t bottleneck = kNone;  // the link that froze it; none: new, or to be filled again
    bool growing = false;
    bool touched = false;  // by this solve(), and not growing yet
    CrossingBlock crossings;

    Key key() const { return {claim.priority, level}; }
  };
  struct alignas(64) Link {  // what filling looks at stands in the first cache line
    double capacity = 0;
    double load = 0;  // of the members that have a bottleneck, but for rounding
    double growing_weight = 0;
    std::uint32_t growing = 0;
    std::uint32_t own = 0;  // members whose bottleneck it is
    bool changed = false;
    bool shrunk = false;             // if changed: it carries less than before
    std::uint64_t changed_from = 0;  // if changed: the first priority in which it did
    std::uint64_t opened_in = 0;     // solve()
    std::uint64_t opened_from = 0;   // if opened: the first priority whose own flows are touched
    Key full;                        // never, if it is nobody's bottleneck
    std::vector<Member> members;

    // At which it is full if those that grow go on growing.
    double level() const { return std::max(0.0, capacity - load) / growing_weight; }
  };
  struct Candidate {  // not full before this level, and next to be looked at then
    double level = 0;
    std::uint32_t link = 0;
  };
  struct Later;       // orders candidates: lowest level first, then lowest link
  struct ServedLast;  // orders flows: smallest priority number first, then lowest flow

  std::span<Crossing> crossings(const Flow& flow) { return crossings_.of(flow.crossings); }
  void mark_changed(std::uint32_t index, std::uint64_t from);
  void set_loose(std::uint32_t index);
  void release(Flow& flow);
  void unlink(Crossing crossing);
  // What is touched.
  void touch_what_changed();
  void touch_flow(std::uint32_t index);
  void open_link(std::uint32_t index, std::uint64_t from);
  void touch_own_flows();
  void touch_own_flows_of(std::uint32_t index);
  void touch_vain_hopes(const Link& link, Key full);
  // How it is filled.
  void fill();
  void take_in_waiting();
  void grow_on(Link& link, double weight, std::uint32_t index) {
    const bool is_first = link.growing++ == 0;
    link.growing_weight = is_first ? weight : link.growing_weight + weight;
    if (is_first || candidates_are_heap_) add_candidate(index);
  }
  bool is_growing(const Flow& flow) const { return flow.touched && flow.claim.priority == priority_; }
  void fill_priority();
  Candidate next_full();
  Candidate next_of_heap();
  void sink_first(Candidate candidate);
  Key sum_up(Link& link) const;
  void add_candidate(std::uint32_t link);
  void freeze_members(std::uint32_t index, Key at);
  void freeze(std::uint32_t index, std::uint32_t bottleneck, double level);

  std::vector<Flow> flows_;
  std::vector<Link> links_;
  CrossingPool crossings_;
  std::vector<std::uint32_t> free_flows_;
  std::vector<std::uint32_t> changed_links_;
  std::vector<std::uint32_t> loose_flows_;  // without a bottleneck since the last solve(), or gone
  // Of the solve() under way.
  std::uint64_t solve_ = 0;
  std::size_t touched_ = 0;     // flows
  std::uint64_t priority_ = 0;  // whose turn it is
  std::vector<std::uint32_t> links_to_open_;
  std::vector<std::uint32_t> waiting_flows_;  // heap: of later priorities
  std::vector<Candidate> candidates_;         // a heap if there are many
  bool candidates_are_heap_ = false;
  std::size_t growing_ = 0;  // flows
  std::vector<FlowId> changed_flows_;
};

}  // namespace selmcast::maxmin
