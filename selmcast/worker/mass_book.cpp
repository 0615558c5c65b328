#include "selmcast/worker/mass_book.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::worker {

void MassBook::start_empty() {
  SELMCAST_CHECK(arrived_ == 0 && in_flight_.empty(), "who starts with nothing has had nothing");
  held_ = 0;
}

std::uint64_t MassBook::split(std::span<const TransferId> transfers) {
  SELMCAST_CHECK(in_flight_.empty(), "a worker has one multicast at a time");
  const std::uint64_t share = held_ / (transfers.size() + 1);
  for (const TransferId transfer : transfers) {
    SELMCAST_CHECK(in_flight_.emplace(transfer, share).second, "a transfer is planned once");
    held_ -= share;
  }
  return share;
}

bool MassBook::take_back(TransferId transfer) {
  const auto found = in_flight_.find(transfer);
  if (found == in_flight_.end()) return false;
  held_ += found->second;
  in_flight_.erase(found);
  return true;
}

void MassBook::receive(std::uint64_t mass) {
  arrived_ = std::min(wire::kMixWeightMax, arrived_ + std::min(mass, wire::kMixWeightMax));
}

void MassBook::finish() {
  in_flight_.clear();
  held_ = std::min(wire::kMixWeightMax, held_ + arrived_);
  arrived_ = 0;
}

std::uint64_t MassBook::in_flight() const {
  std::uint64_t sum = 0;
  for (const auto& [transfer, mass] : in_flight_) sum += mass;
  return sum;
}

}  // namespace selmcast::worker
