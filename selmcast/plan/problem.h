// The planning problem of one synchronisation, as a value.
//
// Model (paper section III-A): one big non-blocking switch. Worker i sends through its `uplink` (paper:
// ingress b_i^I) and receives through its `downlink` (egress b_j^E); nothing else limits. A plan picks for
// every sender i a set of receivers with
//     sum_j x_ij >= min_receivers_i,  x_ii = 0,  x_ij = 1 on required pairs,
// and its completion time is
//     t = max( max_i s_i / uplink_i, max_j sum_i volume_i x_ij / downlink_j ),
// where s_i = volume_i * copies of i and, of i's receivers,
//       one copy serves all that hear i, and every other one has its own (`network`, L3; reach.h);
//       every one has its own (`unicast`, L7);
//       s_i = the volumes of all copies that i sends, of its own multicast and of those it forwards (`relay`, L7: each
//             multicast spans its receivers with a tree, in which only they and the sender send; plan.h).
// Forwarding is cut-through, so trees add no load / bandwidth but a pipeline latency, stated apart (relay_trees.h).
//
// Invariants of a valid problem (validate()): 1 to kMaxWorkers workers; names are unique and not empty; rates
// are 0 (the link is down) or lie in [kMinRate, kMaxRate]; 1 <= volume <= kMaxVolume; min_receivers >= 0;
// pairs join two different known workers; no required, aged or unreached pair stands twice. The limits keep every
// load of a plan below 2^62 bytes, so that loads are added and compared exactly (link_time.h).
//
// Valid is not feasible: a problem may ask for more than its links can do (feasibility.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"

namespace selmcast::plan {

inline constexpr std::size_t kMaxWorkers = 16384;
inline constexpr Bytes kMaxVolume = Bytes(std::int64_t{1} << 48);
inline constexpr Rate kMinRate = Rate::bits_per_second(1e-3);
inline constexpr Rate kMaxRate = Rate::bits_per_second(1e18);

enum class MulticastKind { network, unicast, relay };
std::string_view to_string(MulticastKind kind);

struct WorkerSpec {
  std::string name;
  Rate uplink;  // 0: down
  Rate downlink;
  int min_receivers = 0;
  Bytes volume;  // of this worker's multicast: the same bytes to every receiver

  bool can_send() const { return uplink > Rate(); }
  bool can_receive() const { return downlink > Rate(); }
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
  // `network`: the receiver does not hear what the sender sends to a group, so its copy comes by unicast, beside the
  // multicast. Of no account for the other kinds.
  std::vector<Pair> unreached = {};

  std::size_t size() const { return workers.size(); }
  const WorkerSpec& worker(WorkerIndex index) const { return workers[position(index)]; }
};

// The first thing in which a problem is not valid: which part, and a sentence naming the worker or pair and
// the remedy.
struct Fault {
  enum class Part { workers, name, uplink, downlink, min_receivers, volume, required, ages, unreached };
  Part part = Part::workers;
  std::size_t index = 0;  // of the worker or pair; 0 for Part::workers
  std::string message;
};
// O(workers + pairs log pairs). For readers of files, who know what `part` is called there.
std::optional<Fault> first_fault(const Problem& problem);

// Error (invalid_input) naming the worker or pair and the remedy; nothing else in this folder checks input.
Result<void> validate(const Problem& problem);

}  // namespace selmcast::plan
