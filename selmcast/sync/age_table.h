// Ages of all ordered pairs of workers, and the promise that rests on them.
//
// age(i, j) (paper: c_ij) = multicasts of i completed since the last one that reached j, or since the younger of the
// two joined. Only a verified, committed delivery resets it: a dropped or failed one goes on ageing.
//
// Where ages start. The paper does not say. From zero, all pairs that a planner likes to leave out (those to slow
// receivers) reach max_age in the same round, and everybody must send to everybody at once: measured, every eighth
// round took twelve times the median. So a new pair starts at (receiver - sender) mod (max_age + 1), as if
// it had met before: each receiver, and each sender, then has about as many required pairs in every round. Ages can
// only be too high by that, so the promise holds. AgeStart::zero is the plain reading.
//
// Promise: if every pair with age >= max_age is selected, and its delivery succeeds, then i reaches j at least once
// in any max_age + 1 consecutive multicasts of i (paper section II, "every pair meets within k + 1 rounds").
// Space O(ids ever joined ^ 2); complete() is O(workers).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"

namespace selmcast::sync {

struct WorkerPair {
  WorkerId sender;
  WorkerId receiver;
  constexpr auto operator<=>(const WorkerPair&) const = default;
};

enum class AgeStart { zero, staggered };

class AgeTable {
 public:
  AgeTable(std::uint32_t max_age, AgeStart start) : max_age_(max_age), start_(start) {}
  void join(WorkerId worker);
  void leave(WorkerId worker);
  // From now on the pair is required, until it meets.
  void require(WorkerPair pair);
  // `sender` completed a multicast that reached just these (committed deliveries).
  void complete(WorkerId sender, std::span<const WorkerId> reached);

  std::uint32_t age(WorkerPair pair) const;
  std::uint32_t oldest() const;  // 0 if there is no pair
  // Pairs of present workers with age >= max_age, ascending.
  std::vector<WorkerPair> required() const;

 private:
  std::uint32_t first_age(WorkerPair pair) const;

  std::uint32_t max_age_;
  AgeStart start_;
  std::vector<bool> present_;                     // by WorkerId
  std::vector<std::vector<std::uint32_t>> ages_;  // [sender][receiver]
};

}  // namespace selmcast::sync
