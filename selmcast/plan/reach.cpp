#include "selmcast/plan/reach.h"

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

Reach::Reach(const Problem& problem)
    : size_(problem.size()), all_share_(problem.multicast != MulticastKind::unicast) {
  if (!is_mixed(problem)) return;
  unreached_.assign(size_ * size_, false);
  for (const Pair& pair : problem.unreached)
    unreached_[position(pair.sender) * size_ + position(pair.receiver)] = true;
}

std::int64_t Reach::copies(std::size_t sender, std::span<const Selection> receivers) const {
  std::int64_t own = 0, shared = 0;
  for (const Selection& selection : receivers)
    ++(shares(sender, position(selection.receiver)) ? shared : own);
  return own + (shared > 0 ? 1 : 0);
}

}  // namespace selmcast::plan
