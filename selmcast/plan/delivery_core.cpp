#include "selmcast/plan/delivery_core.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::plan {

DeliveryCore::DeliveryCore(const Problem& problem)
    : problem_(problem),
      n_(problem.size()),
      selected_(n_ * n_, 0),
      receivers_(n_, 0),
      loads_(n_),
      senders_(n_) {
  for (const Pair& pair : problem.required) {
    selected_[position(pair.sender) * n_ + position(pair.receiver)] = kRequired;
    ++receivers_[position(pair.sender)];
    loads_[position(pair.receiver)] += problem.worker(pair.sender).volume;
  }
}

void DeliveryCore::add(std::size_t sender, std::size_t receiver) {
  SELMCAST_CHECK(sender != receiver && !has(sender, receiver), "a pair is selected once, and nobody himself");
  selected_[sender * n_ + receiver] = 1;
  ++receivers_[sender];
  loads_[receiver] += problem_.workers[sender].volume;
  const auto key = [&](std::size_t i) { return std::pair(problem_.workers[i].volume, i); };
  auto& row = senders_[receiver];
  row.insert(std::ranges::upper_bound(row, key(sender), {}, key), sender);
}

void DeliveryCore::remove(std::size_t sender, std::size_t receiver) {
  SELMCAST_CHECK(has(sender, receiver) && !is_required(sender, receiver), "required pairs stay");
  selected_[sender * n_ + receiver] = 0;
  --receivers_[sender];
  loads_[receiver] -= problem_.workers[sender].volume;
  std::erase(senders_[receiver], sender);
}

std::optional<std::size_t> DeliveryCore::busiest() const {
  std::optional<std::size_t> found;
  for (std::size_t j = 0; j < n_; ++j) {
    if (loads_[j] > Bytes(0) && (!found || time_of(j) > time_of(*found))) found = j;
  }
  return found;
}

Plan DeliveryCore::as_plan() const {
  Plan plan{std::vector<std::vector<Selection>>(n_)};
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t j = 0; j < n_; ++j) {
      if (!has(i, j)) continue;
      const Reason reason = is_required(i, j) ? Reason::required : Reason::basic;
      plan.selections[i].push_back({WorkerIndex(static_cast<std::uint32_t>(j)), reason});
    }
  }
  return plan;
}

}  // namespace selmcast::plan
