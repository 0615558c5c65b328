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
// What a change touches. Let D be the links whose capacity or set of flows changed, and for l in D let new_l be the key
// at which l would be full if its old flows kept their rates and its new ones grew for ever. Then no key below
//     theta = min_{l in D} min(full_l, new_l)
// sees a difference: up to theta no link of D becomes full in the old process or in the new one, so both freeze the
// same flows. Hence only flows frozen at theta or later can change, and of these only the ones that are connected with
// D through links and such flows. solve() finds exactly these, takes what the others use off their links' capacities,
// and fills anew from there. It never looks at any other flow. (A link that only lost flows has new_l >= full_l.
// Where finding new_l would cost more than it saves, it is bounded from below: by the start of the next priority.)
//
// Promises. The rates equal those of a solver that is given the same flows afresh, up to rounding (tests: relative
// 1e-9); the same calls in the same order give the same bits. theta is lowered by a relative 1e-12, lest rounding part
// flows that freeze together.
//
// Complexity of solve(): I incidences (flow on link) of the links touched, L of these
// links: O(I log L) time, and a few passes over the flows of D for theta. No memory is allocated once the arrays have
// grown to the size of the problem; memory is linear in incidences. Thread rule: one owner.
//
// Limits: capacities are finite and >= 0; weights are positive and within a factor of 1000 of one another; a flow
// crosses at least one link, and none twice.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"

namespace selmcast::maxmin {

using LinkId = Id<struct LinkIdTag, std::uint32_t>;  // dense, in the order of add_link()
using FlowId = Id<struct FlowIdTag, std::uint32_t>;  // dense; of a removed flow used again

// What a flow may ask for.
struct Claim {
  std::uint64_t priority = 0;  // smaller is served first
  double weight = 1;
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
  std::size_t last_touched() const { return touched_flows_.size(); }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  // A moment of the filling.
  struct Key {
    std::uint64_t priority = std::numeric_limits<std::uint64_t>::max();
    double level = kNever;
    auto operator<=>(const Key&) const = default;
  };
  // The two ends of an incidence know one another's position, so that it is unlinked in O(1).
  struct Crossing {
    std::uint32_t link = 0;
    std::uint32_t place = 0;  // in Link::members
  };
  struct Member {
    std::uint32_t flow = 0;
    std::uint32_t place = 0;  // in Flow::crossings
  };
  struct Flow {
    Claim claim;
    double level = kNever;  // at which it froze; never yet: new or to be filled again
    double rate = 0;
    std::uint64_t touched_in = 0;
    bool growing = false;
    std::vector<Crossing> crossings;

    Key key() const { return {claim.priority, level}; }
  };
  struct Link {
    double capacity = 0;
    Key full;
    bool changed = false;
    bool fuller = false;             // if changed: it may be full earlier than before
    std::uint64_t changed_from = 0;  // if changed: the first priority in which it did
    std::vector<Member> members;
    // While filling: what is not given away yet, and who grows.
    std::uint64_t touched_in = 0;
    double left = 0;
    double growing_weight = 0;
    std::uint32_t growing = 0;
  };
  struct Candidate {  // not full before this level, and next to be looked at then
    double level = 0;
    std::uint32_t link = 0;
  };
  struct Later;  // orders candidates: lowest level first, then lowest link

  void mark_changed(std::uint32_t index, std::uint64_t from, bool fuller);
  void unlink(Crossing crossing);
  Key first_difference() const;
  Key full_if_others_stay(const Link& link, Key limit) const;
  void touch(Key from);
  void touch_link(std::uint32_t index);
  void touch_flow(std::uint32_t index);
  void open_link(Link& link, Key from);
  void fill();
  void fill_priority(std::span<const std::uint32_t> flows);
  Candidate next_full();
  void freeze_members(Link& link, Key at);
  void freeze(std::uint32_t index, double level);

  std::vector<Flow> flows_;
  std::vector<Link> links_;
  std::vector<std::uint32_t> free_flows_;
  std::vector<std::uint32_t> changed_links_;
  std::vector<std::uint32_t> relieved_flows_;  // lost a link since the last solve()
  std::size_t prioritized_ = 0;                // flows of another priority than 0
  // Of the solve() under way.
  std::uint64_t solve_ = 0;
  std::vector<std::uint32_t> touched_links_;
  std::vector<std::uint32_t> touched_flows_;
  std::vector<Candidate> candidates_;
  std::size_t growing_ = 0;  // flows
  std::vector<FlowId> changed_flows_;
};

}  // namespace selmcast::maxmin
