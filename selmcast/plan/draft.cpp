#include "selmcast/plan/draft.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::plan {

Draft::Draft(const Problem& problem)
    : problem_(problem),
      size_(problem.size()),
      selected_(size_ * size_, 0),
      reach_(problem),
      sends_shared_copy_(size_, 0),
      loads_{std::vector<Bytes>(size_), std::vector<Bytes>(size_)},
      plan_{std::vector<std::vector<Selection>>(size_)} {}

void Draft::add(std::size_t sender, std::size_t receiver, Reason reason) {
  SELMCAST_CHECK(sender != receiver && !has(sender, receiver),
                 "a planner selects a pair once, and nobody himself");
  loads_.uplink[sender] = uplink_load_with(sender, receiver);
  if (reach_.shares(sender, receiver)) sends_shared_copy_[sender] = 1;
  loads_.downlink[receiver] += problem_.workers[sender].volume;
  selected_[sender * size_ + receiver] = 1;
  plan_.selections[sender].push_back({WorkerIndex(static_cast<std::uint32_t>(receiver)), reason});
}

void Draft::add_required() {
  for (const Pair& pair : problem_.required)
    add(position(pair.sender), position(pair.receiver), Reason::required);
}

Bytes Draft::uplink_load_with(std::size_t sender, std::size_t receiver) const {
  const bool is_served = sends_shared_copy_[sender] != 0 && reach_.shares(sender, receiver);
  return loads_.uplink[sender] + (is_served ? Bytes(0) : problem_.workers[sender].volume);
}

Plan Draft::finish() && {
  for (auto& of_sender : plan_.selections) std::ranges::sort(of_sender, {}, &Selection::receiver);
  return std::move(plan_);
}

}  // namespace selmcast::plan
