// A selection of pairs with bounds on how many each sender and each receiver has: the combinatorial heart of
// `exact`.
//
// Notation. x_i receivers of sender i, y_j senders of receiver j. need_i <= x_i <= most_i is wanted, y_j <=
// cap_j holds always. (Combinatorics: a degree-constrained subgraph, or b-matching, of the complete bipartite
// graph without loops.) A pair is *fixed* (required: selected and never given up), *held* (selected, may be
// exchanged) or *free*.
//
// An alternating path starts at a sender, takes a free pair to a receiver, gives up a held pair of that
// receiver, goes on from its sender, and so on. Exchanging along it changes x only at the first sender and
// what it ends with. So
//   satisfy_needs()  starts at senders below their need and ends at receivers below their cap, or at
//     senders above their need;
//   maximise()       starts at senders below their most and ends at receivers below their cap. No x_i ever
//     falls.
// With none left, the senders reached, S, are a cut: a receiver reached is full and exchanges with members of
// S only; one not reached is selected by all of S. certificate.h turns S into a proof.
//
// Method: greedy fill(), then shortest alternating paths, all of one length at a time (J. Hopcroft, R. Karp
// 1973; Dinic 1970). All neighbours of a worker are visited in n / 64 words, so one phase costs O(n^2 / 64 +
// pairs changed); after the greedy a few phases are left. At worst there are O(n) phases of O(n^2).
//
// Positions are canonical (exact_planner.h): all ties fall by them. Own state only; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "selmcast/plan/bits.h"

namespace selmcast::plan {

class AgeClasses;

class Matching {
 public:
  explicit Matching(std::size_t size);

  std::size_t size() const { return size_; }

  // Selects a pair, if it is not yet, and fixes it.
  void require(std::size_t sender, std::size_t receiver);
  // Fixed pairs become held.
  void release_required();
  // Gives all pairs up but the fixed ones.
  void clear();
  // Gives up the youngest held pairs of whoever has more than its bounds allow. Requires: the fixed ones fit.
  void trim(const AgeClasses& ages);

  // Bounds may be changed at any time; with trim() where they fall below what is selected.
  void set_sender_bounds(std::size_t sender, std::int32_t need, std::int32_t most) {
    senders_[sender].need = need;
    senders_[sender].most = most;
  }
  void set_receiver_cap(std::size_t receiver, std::int32_t cap);

  std::int32_t receivers_of(std::size_t sender) const { return senders_[sender].count; }
  std::int32_t senders_of(std::size_t receiver) const { return receivers_[receiver].count; }
  std::int64_t pairs() const { return pairs_; }
  // Calls visit(receiver) for each receiver of `sender`, ascending.
  template <class Visit>
  void for_each_receiver(std::size_t sender, Visit&& visit) const {
    for (std::size_t w = 0; w < free_.words(); ++w) {
      Word selected = ~free_.row(sender)[w] & everybody_.data()[w];
      if (w == sender / kWordBits) selected &= ~(Word{1} << (sender % kWordBits));
      for_each_bit(selected, w * kWordBits, visit);
    }
  }

  // Takes free pairs from the oldest class to the youngest as long as both ends have room, each sender up to
  // its need or its most. Within a class: senders in order, each from the receiver after itself on, around.
  enum class UpTo { need, most };
  void fill(const AgeClasses& ages, UpTo bound);

  // True: x_i >= need_i everywhere. False: impossible within the caps, and cut() proves it.
  bool satisfy_needs();
  // Afterwards no selection within the bounds has more pairs, and cut() proves it. Requires satisfied needs.
  void maximise();
  // The senders reached by the last search that failed, ascending.
  std::vector<std::uint32_t> cut() const;

 private:
  friend class AgeExchange;

  struct Sender {
    std::int32_t count = 0, need = 0, most = 0;
  };
  struct Receiver {
    std::int32_t count = 0, cap = 0;
  };

  void add(std::size_t sender, std::size_t receiver);
  void remove(std::size_t sender, std::size_t receiver);
  void take(std::size_t sender, const Word* wanted, std::int32_t room);
  void rebuild_held();
  // Phases of shortest paths until no sender below its bound reaches an end.
  void augment(UpTo bound);
  bool search(UpTo bound);
  bool exchange_from(std::size_t sender, std::size_t depth);
  std::optional<std::size_t> giver_at(std::size_t receiver, std::size_t depth);
  bool is_short(std::size_t sender, UpTo bound) const {
    return senders_[sender].count < (bound == UpTo::need ? senders_[sender].need : senders_[sender].most);
  }

  std::size_t size_;
  std::vector<Sender> senders_;
  std::vector<Receiver> receivers_;
  std::int64_t pairs_ = 0;
  BitMatrix free_;  // by sender: receivers it could take
  BitMatrix held_;  // by receiver: senders that may give it up; stale while held_is_stale_
  bool held_is_stale_ = false;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> fixed_;
  BitSet everybody_;
  BitSet open_;  // receivers below their cap

  // Of the search under way: what was not reached yet, and what each depth reached.
  bool may_shrink_ = false;  // paths may end at a sender above its need
  BitSet unreached_senders_, unreached_receivers_;
  std::vector<BitSet> senders_at_, receivers_at_;
  std::vector<std::uint32_t> frontier_, next_frontier_;
};

}  // namespace selmcast::plan
