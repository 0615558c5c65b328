// The planning problem of one synchronisation, as a value.
//
// Model (paper section III-A): one big non-blocking switch. Worker i sends through its `uplink` (paper: ingress
// b_i^I) and receives through its `downlink` (egress b_j^E); nothing else limits. A plan picks for every sender i
// a set of receivers with
//     sum_j x_ij >= min_receivers_i,  x_ii = 0,  x_ij = 1 on required pairs,
// and its completion time is
//     t = max( max_i s_i / uplink_i, max_j sum_i volume_i x_ij / downlink_j ),
// where s_i = volume_i if i has a receiver (`network`, L3: one flow for all receivers), and
//       s_i = volume_i * receivers of i   (`unicast`, L7: one flow a receiver).
//
// Invariants of a valid problem (validate()): names are unique and not empty; rates are positive and finite;
// volumes are positive; 0 <= min_receivers <= workers - 1; pairs join two different known workers; no required
// pair stands twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"

namespace selmcast::plan {

enum class MulticastKind { network, unicast };
std::string_view to_string(MulticastKind kind);

struct WorkerSpec {
  std::string name;
  Rate uplink;
  Rate downlink;
  int min_receivers = 0;
  Bytes volume;  // of this worker's multicast: the same bytes to every receiver
};

// sender -> receiver.
struct Pair {
  WorkerIndex sender;
  WorkerIndex receiver;
  constexpr auto operator<=>(const Pair&) const = default;
};

// Multicasts of `pair.sender` completed since the last one that reached `pair.receiver` (paper: c_ij).
struct PairAge {
  Pair pair;
  std::uint32_t age = 0;
};

struct Problem {
  MulticastKind multicast = MulticastKind::unicast;
  std::vector<WorkerSpec> workers;
  std::vector<Pair> required;
  std::vector<PairAge> ages;  // pairs not named have age 0

  std::size_t size() const { return workers.size(); }
  const WorkerSpec& worker(WorkerIndex index) const { return workers[position(index)]; }
};

// Error (invalid_input) naming the worker or pair and the remedy; nothing else in this folder checks input.
Result<void> validate(const Problem& problem);

}  // namespace selmcast::plan
