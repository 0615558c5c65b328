// Which of a sender's receivers share one copy on its uplink, and which have a copy of their own.
//
//     copies of i = [some receiver of i shares] + receivers of i that do not
//
// `network`: a pair shares unless it is unreached (problem.h). `unicast`: none does. `relay`: of no account, as copies
// belong to trees there; as for `network` all pairs share. A problem is *mixed* if it is one of `network` multicasts
// and some pair is unreached: then the number of receivers alone does not say what an uplink carries.
//
// Memory: nothing, or a bit a pair if mixed; shares() is O(1). Keeps no reference. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "selmcast/plan/problem.h"

namespace selmcast::plan {

struct Selection;

inline bool is_mixed(const Problem& problem) {
  return problem.multicast == MulticastKind::network && !problem.unreached.empty();
}

class Reach {
 public:
  explicit Reach(const Problem& problem);

  bool shares(std::size_t sender, std::size_t receiver) const {
    return unreached_.empty() ? all_share_ : !unreached_[sender * size_ + receiver];
  }
  // Of `sender` to these receivers.
  std::int64_t copies(std::size_t sender, std::span<const Selection> receivers) const;

 private:
  std::size_t size_;
  bool all_share_;
  std::vector<bool> unreached_;  // size_ x size_, by sender; empty: not mixed
};

}  // namespace selmcast::plan
