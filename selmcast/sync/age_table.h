// Ages of all ordered pairs of workers, and the promise that rests on them.
//
// age(i, j) (paper: c_ij) = multicasts of i completed since the last one that reached j, or since the younger of the
// two joined. Only a verified, committed delivery resets it: a dropped or failed one goes on ageing.
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

class AgeTable {
 public:
  void join(WorkerId worker);
  void leave(WorkerId worker);
  // `sender` completed a multicast that reached just these (committed deliveries).
  void complete(WorkerId sender, std::span<const WorkerId> reached);

  std::uint32_t age(WorkerPair pair) const;
  std::uint32_t oldest() const;  // 0 if there is no pair
  // Pairs of present workers with age >= max_age, ascending.
  std::vector<WorkerPair> required(std::uint32_t max_age) const;

 private:
  std::vector<bool> present_;                     // by WorkerId
  std::vector<std::vector<std::uint32_t>> ages_;  // [sender][receiver]
};

}  // namespace selmcast::sync
