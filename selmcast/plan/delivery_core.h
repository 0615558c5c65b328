// The core of a plan while the local search of unequal_planner.h changes it: every sender's least number of receivers,
// and what the downlinks carry. For that planner only.
//
// Invariant: load(j) is the sum of the volumes of senders_of(j). Required pairs stay. Thread rule: none shared.
#pragma once

#include <optional>
#include <vector>

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

class DeliveryCore {
 public:
  // Only the required pairs.
  explicit DeliveryCore(const Problem& problem);

  bool has(std::size_t sender, std::size_t receiver) const { return selected_[sender * n_ + receiver] != 0; }
  bool is_required(std::size_t sender, std::size_t receiver) const {
    return selected_[sender * n_ + receiver] == kRequired;
  }
  std::size_t receivers_of(std::size_t sender) const { return receivers_[sender]; }
  // Those that may be taken away: not the required ones. Ascending by volume, then by index.
  const std::vector<std::size_t>& senders_of(std::size_t receiver) const { return senders_[receiver]; }
  LinkTime time_of(std::size_t receiver) const { return time_with(receiver, Bytes(0)); }
  LinkTime time_with(std::size_t receiver, Bytes more) const {
    return {loads_[receiver] + more, problem_.workers[receiver].downlink};
  }

  void add(std::size_t sender, std::size_t receiver);
  void remove(std::size_t sender, std::size_t receiver);

  // The busiest downlink, of several the first; nullopt if none carries anything.
  std::optional<std::size_t> busiest() const;
  Plan as_plan() const;

 private:
  static constexpr char kRequired = 2;

  const Problem& problem_;
  std::size_t n_;
  std::vector<char> selected_;  // n x n, by sender: 0, 1, kRequired
  std::vector<std::size_t> receivers_;
  std::vector<Bytes> loads_;
  std::vector<std::vector<std::size_t>> senders_;
};

}  // namespace selmcast::plan
