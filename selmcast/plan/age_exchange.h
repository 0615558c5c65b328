// Among all selections of the same size, the one with the oldest pairs.
//
// Rule (lexicographic by age): as many pairs of the oldest class as any selection within the same bounds and
// of the same size can have; of those selections one with as many of the next class as any of them; and so
// on, down to age 0. (That is maximum weight with weights so far apart that one older pair outweighs all
// younger ones. Greedy by age, as in Algorithm 1's Pareto step, is not: an old pair taken early can block two
// others.)
//
// Method, per class C: min-cost circulation with cost -1 on C, by the primal-dual way. Every worker has an
// integer level (minus its potential); in the residual graph (free pair: sender -> receiver; held pair:
// receiver -> sender; a hub joins the senders that may have one less with those that may have one more,
// another the receivers) all reduced costs stay >= 0. A pair of a sender at level a and a receiver at level b
// has an arc of reduced cost 0 ("tight") if
//     free:  a = b, or a + 1 = b and the pair is of C;      held:  a = b and not of C, or a + 1 = b and of C.
// Free pairs of C with a = b are candidates. For each: if a tight path leads from its receiver back to its
// sender, exchange along it: one more pair of C. If not, the levels of all that the receiver reaches go down
// by one (or, as good a proof, of all that reach the sender go up; both ends search in turns, and who is
// first exhausted ends it). That settles the candidate and usually thousands of others. When none is left,
// the selection is optimal for C, and exactly the selections that differ along tight arcs are as good
// (complementary slackness): all else is frozen, and the next class starts on what is left.
//
// Cost: most exchanges are swaps of two senders, found in a few words; a search visits at worst all workers,
// n / 64 words each. The oldest class that leaves a choice is always finished. The younger ones share
// kExpansions visits to workers; where these do not suffice, the rest stays as the greedy left it, and run()
// says so. (At n = 200 they have sufficed on all that was tried, at n = 500 on half of it,
// at n = 1000 seldom.) Memory: n^2 / 8 bytes for each of six matrices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "selmcast/plan/age_classes.h"
#include "selmcast/plan/bits.h"
#include "selmcast/plan/matching.h"

namespace selmcast::plan {

class AgeExchange {
 public:
  static constexpr std::size_t kExpansions = 20'000;

  // `matching` must be of the greatest size that its bounds allow (Matching::maximise()).
  AgeExchange(Matching& matching, const AgeClasses& ages);

  // True if the rule holds for all classes, false if only for the oldest ones. Classes::oldest stops after
  // the first one that leaves a choice: what keeps the rule's first clause after a small change.
  enum class Classes { all, oldest };
  bool run(Classes classes = Classes::all);

 private:
  // A place on a path. A hub joins the workers of its side.
  struct Node {
    enum class Kind : std::uint8_t { none, sender, receiver, sender_hub, receiver_hub };
    Kind kind = Kind::none;
    std::uint32_t index = 0;
  };
  // Senders or receivers: their levels, and who may use the hub.
  struct Side {
    std::vector<std::int32_t> level;
    std::deque<BitSet> of_level;  // of_level[l - lowest]
    std::int32_t lowest = 0;
    std::int32_t hub_level = 0;
    BitSet flexible;
    BitSet nobody;

    const BitSet& at(std::int32_t l) const;
    void shift(const BitSet& members, std::int32_t by);
  };
  // What one end of a candidate has reached: the receiver along arcs, the sender against them.
  struct Front {
    struct Reached {
      BitSet members;
      std::vector<Node> from;
      bool hub = false;
      Node hub_from;
    };
    Reached senders, receivers;
    std::vector<Node> stack;
  };
  enum class Found { path, receiver_exhausted, sender_exhausted };

  void start_class(std::size_t age_class);
  bool settle_candidates();
  bool swap(std::size_t receiver, std::size_t sender);
  Found search(std::size_t receiver, std::size_t sender);
  void expand(Front& front, bool forward);
  void expand_worker(Front& front, bool forward, Node node);
  template <class SetWord>
  void reach(Front& front, Front::Reached& reached, Node::Kind kind, const BitSet& of_level, Node from,
             SetWord&& set_word);
  void reach_hub(Front& front, Node::Kind kind, Node from);
  void leave_hub(Front& front, bool forward, Node hub);
  void exchange();
  void add(std::size_t sender, std::size_t receiver);
  void remove(std::size_t sender, std::size_t receiver);
  void shift_levels(const Front& front, std::int32_t by);
  void freeze();

  Matching& matching_;
  const AgeClasses& ages_;
  std::size_t size_;
  // Of the matching, without what is frozen; by sender and by receiver. And the pairs of the class at hand.
  BitMatrix free_, free_by_receiver_, held_, held_by_receiver_, of_class_, of_class_by_receiver_;
  Side senders_, receivers_;
  Front forward_, backward_;
  Node meeting_;
  std::size_t expansions_ = 0;
  bool had_candidates_ = false;
};

}  // namespace selmcast::plan
