#include "selmcast/sync/age_table.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::sync {

void AgeTable::join(WorkerId worker) {
  const std::size_t id = worker.value();
  if (id >= present_.size()) {
    present_.resize(id + 1, false);
    ages_.resize(id + 1);
    for (auto& row : ages_) row.resize(id + 1, 0);
  }
  SELMCAST_CHECK(!present_[id], "a worker joins once");
  present_[id] = true;
  for (std::uint32_t other = 0; other < present_.size(); ++other) {
    ages_[id][other] = first_age({worker, WorkerId(other)});
    ages_[other][id] = first_age({WorkerId(other), worker});
  }
}

std::uint32_t AgeTable::first_age(WorkerPair pair) const {
  if (start_ == AgeStart::zero || pair.sender == pair.receiver) return 0;
  const std::uint64_t cycle = std::uint64_t{max_age_} + 1;
  return static_cast<std::uint32_t>((pair.receiver.value() + cycle - pair.sender.value() % cycle) % cycle);
}

void AgeTable::require(WorkerPair pair) {
  std::uint32_t& age = ages_[pair.sender.value()][pair.receiver.value()];
  age = std::max(age, max_age_);
}

void AgeTable::leave(WorkerId worker) {
  SELMCAST_CHECK(worker.value() < present_.size() && present_[worker.value()], "only a member can leave");
  present_[worker.value()] = false;
}

void AgeTable::complete(WorkerId sender, std::span<const WorkerId> reached) {
  auto& row = ages_[sender.value()];
  for (std::size_t j = 0; j < row.size(); ++j) {
    if (present_[j] && j != sender.value()) ++row[j];
  }
  for (WorkerId receiver : reached) row[receiver.value()] = 0;
}

std::uint32_t AgeTable::age(WorkerPair pair) const {
  return ages_[pair.sender.value()][pair.receiver.value()];
}

std::uint32_t AgeTable::oldest() const {
  std::uint32_t oldest = 0;
  for (std::size_t i = 0; i < present_.size(); ++i) {
    for (std::size_t j = 0; present_[i] && j < present_.size(); ++j) {
      if (present_[j] && i != j) oldest = std::max(oldest, ages_[i][j]);
    }
  }
  return oldest;
}

std::vector<WorkerPair> AgeTable::required() const {
  std::vector<WorkerPair> pairs;
  for (std::uint32_t i = 0; i < present_.size(); ++i) {
    for (std::uint32_t j = 0; present_[i] && j < present_.size(); ++j) {
      if (present_[j] && i != j && ages_[i][j] >= max_age_) pairs.push_back({WorkerId(i), WorkerId(j)});
    }
  }
  return pairs;
}

}  // namespace selmcast::sync
