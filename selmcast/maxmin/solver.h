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
// Levels belong to links. All flows of one priority that have the same bottleneck have the same level, so what is kept
// is not a rate for each flow, but for each flow its bottleneck b(f), and for each link the key (priority, level) at
// which it is full, full_l; never, if it is nobody's bottleneck. A link's own flows are those whose bottleneck it is.
// An own flow of the priority at which the link is full runs, at rate w_f times the level; one of a later priority
// stands still. Keys are ordered lexicographically. The rates are the wanted ones when, for every link l,
//   (1) its key fits: its priority p is the first of its own flows', and level_l = (c_l - what members that are not its
//       own carry) / (weight of its own flows of p); without own flows, the members carry no more than c_l;
//   (2) it has no rival: no running member has a later key than full_l.
//
// Method. relax(l) makes both true of l: it computes the key of (1), and while the member with the latest key is a
// rival, takes it over as its own, which makes its key later again. Taken over are just those that (2) asks for. When a
// key changes, or a flow changes hands, other links' (1) or (2) may be void; they are queued, and relaxed in turn,
// earliest key first. What happens at some key is no concern of links that are full before it, so the first links of
// the filling settle first and for good, and then those that depend on them: the order of progressive filling, but
// beginning from the bottlenecks that there were, of which few change. Why it ends: the link whose full key is the
// first of all depends on none; once relaxed it has all its members as its own, and keeps them; then the second; etc.
//
// What a change touches. A link whose key changes tells the links that its own flows cross how much more or less they
// carry: a multiplication, an addition and a comparison for each crossing; nothing is written down for a flow but when
// it changes hands. solve() looks at little more than the own flows of links whose level changes, however many flows
// are connected with them.
//
// Few flows that share most of their links are another matter: there a change may relax more links than there are
// flows, some of them twice, and filling all afresh (fill.cpp) costs less. So with kFewFlows or fewer, whoever has
// relaxed as many links as there are flows gives up and fills, and so do the next kFillings. Meanwhile nothing that
// only following needs (own flows, loads, queue) is kept up to date; the last filling makes it anew, and following goes
// on. Whatever the flows, who has relaxed each link kRelaxedMax times fills too: filling ends whatever rounding does.
//
// Promises. The rates equal those of a solver that is given the same flows afresh, up to rounding (tests: relative
// 1e-9); the same calls in the same order give the same bits. Levels a relative kSame apart count as one, so little of
// a capacity as nothing. What others carry on a link is a running sum; each solve() sums up one link afresh, in turn.
//
// Complexity of solve(): O(log R) for each of R links relaxed, a link seldom more than once where many flows share it;
// O(1) for each incidence (flow on link) of a flow whose rate changes, each time that it does; for a link with a rival,
// or members of several priorities, O(members), and O(m log m) for m rivals; O(members) for the link summed up.
// Filling: O(links + incidences + steps * links with flows); each step fixes one flow at least. No
// memory is allocated once the arrays have grown to the size of the problem; memory is linear in incidences. Thread
// rule: one owner.
//
// Limits: capacities are finite and >= 0; weights are positive and within a factor of 1000 of one another; a flow
// crosses at least one link, and none twice.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
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
  // What a solve() changed. Each once; valid until the next call.
  struct Changes {
    std::span<const LinkId> links;  // level() is another one
    std::span<const FlowId> flows;  // new, of another claim, or bottleneck() is another one
    bool empty() const { return links.empty() && flows.empty(); }
  };

  // The rates are the same by either; tests pin one.
  enum class Method { choose, follow, fill };
  explicit Solver(Method method = Method::choose) : method_(method) {}

  LinkId add_link(Rate capacity);
  void set_capacity(LinkId link, Rate capacity);

  FlowId add_flow(std::span<const LinkId> links, Claim claim = {});
  void remove_flow(FlowId flow);
  // The flow goes on without this one of its links (a receiver was dropped). At least one remains.
  void take_off(FlowId flow, LinkId link);
  void set_claim(FlowId flow, Claim claim);

  // Brings the rates up to date with all changes since the last call.
  Changes solve();

  // As of the last solve(). A flow's rate is its weight times the level of its bottleneck, 0 if it has none.
  Rate rate(FlowId flow) const { return Rate::bits_per_second(rate_of(flows_[flow.value()])); }
  Rate capacity(LinkId link) const { return Rate::bits_per_second(links_[link.value()].capacity); }
  // Of the own flows of a link that run, for a weight of 1; 0 if there are none.
  Rate level(LinkId link) const;
  // The link whose level the flow goes by; none: it stands still behind earlier priorities.
  std::optional<LinkId> bottleneck(FlowId flow) const;
  double weight(FlowId flow) const { return flows_[flow.value()].claim.weight; }
  // Links that the last solve() relaxed or filled, each time counted: the measure of its work.
  std::size_t last_relaxed() const { return relaxed_; }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr double kSame = 1e-12;
  static constexpr std::size_t kFewFlows = 64;
  static constexpr int kFillings = 8;  // before changes are followed again

  struct Key {
    std::uint64_t priority = std::numeric_limits<std::uint64_t>::max();
    double level = kNever;
    bool operator==(const Key&) const = default;
    bool operator<(const Key& other) const {
      return priority != other.priority ? priority < other.priority : level < other.level;
    }
  };
  struct Member {
    std::uint32_t flow = 0;
    std::uint32_t place = 0;  // in the flow's crossings
  };
  struct Flow {
    Claim claim;
    double rate_before = 0;            // if it has no bottleneck: as of the last solve()
    std::uint32_t bottleneck = kNone;  // none: new, or to be placed again by solve()
    std::uint32_t own_place = 0;       // in its bottleneck's own flows
    std::uint32_t next = kNone;        // its bottleneck, as far as fill_afresh() is
    CrossingBlock crossings;
    bool reported = false;  // by the last solve()
  };
  struct Own {
    double weight = 0;
    std::uint32_t flow = 0;
    std::uint32_t other = kNone;  // the one other link that it crosses; none: there are more, or fewer
  };
  // What a link is asked when the level of another one changes; small, as this is the inner loop of all.
  struct alignas(32) Load {
    double others = 0;      // carried by members that are not its own
    double level = kNever;  // its own; never, if it has no own flows, or members of several priorities
    double limit = 0;       // of `others`, beyond which it must be relaxed; never, while it is queued
    double highest = 0;     // no running member that is not its own has a higher level
  };
  struct Link {
    double capacity = 0;
    Key full;
    double own_weight = 0;  // of its own flows of own_priority
    std::uint64_t own_priority = Key{}.priority;
    std::uint32_t own_first = 0;  // how many these are
    bool queued = false;
    bool reported = false;       // by the last solve()
    bool mixed = false;          // it has, or had, members of several priorities
    std::uint64_t priority = 0;  // if not mixed: of all members
    double weight = 0;           // of all members
    double weight_to_place = 0;  // of those without a bottleneck
    std::vector<Own> own;
    std::vector<Member> members;
  };
  struct Queued {
    Key key;
    std::uint32_t link = 0;
    bool operator>(const Queued& other) const {
      return other.key < key || (key == other.key && other.link < link);
    }
  };
  struct Rival {
    Key key;
    double weight = 0;
    double rate = 0;
    std::uint32_t flow = 0;
    bool operator>(const Rival& other) const {
      return other.key < key || (key == other.key && other.flow < flow);
    }
  };
  // A link as it would be with some flows more as its own.
  struct Filling {
    double left = 0;    // for its own flows
    double weight = 0;  // of those of the first priority
    Key full;

    void fill(std::uint64_t priority, double nothing) {
      full = {priority, left > nothing ? left / weight : 0};
    }
  };
  // A link while all is filled afresh; small and of one type, as this is the inner loop of filling.
  struct alignas(32) Spot {
    double left = 0;     // of the capacity
    double weight = 0;   // of the growing ones
    double growing = 0;  // how many members of the priority that is filled are without a rate so far
    double highest = 0;  // as in Load
  };
  struct Full {
    double others = 0;  // carried when it got full
    Key key;
  };
  // The level of a flow goes from one value to another: news for links whose level is above `above`.
  struct Step {
    double level = 0;  // the new one
    double above = 0;
  };

  std::span<const Crossing> crossings(const Flow& flow) const { return crossings_.of(flow.crossings); }
  std::span<Crossing> crossings(const Flow& flow) { return crossings_.of(flow.crossings); }
  static bool is_later(const Key& a, const Key& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.level > b.level * (1 + kSame);
  }
  static bool runs(const Flow& flow, const Key& full) {
    return flow.claim.priority == full.priority && full.level < kNever;
  }
  double rate_of(const Flow& flow) const;
  // What the outside changes (solver.cpp).
  void set_priority(std::uint32_t link, std::uint64_t priority);
  void unlink(Crossing crossing);
  void take_away(std::uint32_t flow);
  void set_aside(std::uint32_t flow);
  void enqueue_if_full(std::uint32_t link);
  void enqueue(std::uint32_t link);
  static Key likely_key(const Link& link, const Load& load);
  void set_limit(std::uint32_t link);
  // Whose own a flow is, and what the others are told (own_flows.cpp).
  void join(std::uint32_t flow, std::uint32_t link);
  void leave(std::uint32_t flow);
  void disown(std::uint32_t flow);
  void describe(const Flow& flow);
  void count_own(Link& link) const;
  void move(std::uint32_t flow, std::uint32_t to);
  void set_full(std::uint32_t link, Key full);
  static Step step(double from, double to);
  void tell_others(std::uint32_t link, double before, double after);
  void tell_each(std::uint32_t link, Key before, Key after);
  void shift(std::uint32_t index, double by, Step step) {
    Load& load = loads_[index];
    load.others += by;
    load.highest = std::max(load.highest, step.level);
    if (static_cast<int>(load.level > step.above) & static_cast<int>(load.others > load.limit))
      enqueue(index);
  }
  // Few flows (fill.cpp).
  void fill_afresh();
  void order_flows();
  void lay_out();
  std::size_t set_growing(std::size_t first);
  std::size_t fill_priority(std::size_t first);
  void set_levels();
  std::size_t fix(std::uint32_t link, std::uint64_t priority);
  void take_over();
  void begin_to_follow();
  // Solving (solve.cpp).
  std::size_t flow_count() const { return flows_.size() - free_flows_.size(); }
  bool has_few_flows() const { return flow_count() <= kFewFlows; }
  bool follow_changes();
  void place_new();
  std::uint32_t likely_bottleneck(const Flow& flow) const;
  void sum_up(std::uint32_t link);
  void sum_up_next();
  void relax(std::uint32_t link);
  double find_rivals(std::uint32_t link, Key full, bool all);
  void forget_answer();
  void report_link(std::uint32_t link);
  void report_flow(std::uint32_t flow);

  std::vector<Flow> flows_;
  std::vector<Link> links_;
  std::vector<Load> loads_;  // by link
  CrossingPool crossings_;
  std::vector<std::uint32_t> free_flows_;
  std::vector<std::uint32_t> to_place_;  // flows without a bottleneck; perhaps gone since
  std::vector<Queued> queue_;            // heap: links to relax, earliest key first
  std::uint32_t next_to_sum_up_ = 0;
  std::size_t relaxed_ = 0;
  std::vector<Rival> rivals_;
  Method method_;
  bool changed_ = false;              // since the last solve(), but for new flows
  bool follows_ = true;               // own flows, loads and queue are kept up to date; else solve() fills
  int to_fill_ = 0;                   // before it follows again
  std::vector<std::uint32_t> order_;  // of fill_afresh(), like the next three: flows by priority
  std::vector<Spot> spots_;           // by link
  std::vector<Full> fulls_;           // by link
  std::vector<double> spot_levels_;   // at which each would be full; never, if nothing on it grows
  bool answered_ = false;             // what follows was returned by solve()
  std::vector<LinkId> changed_links_;
  std::vector<FlowId> changed_flows_;
};

}  // namespace selmcast::maxmin
