// A plan: who receives from whom, and why. What every planner returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/certificate.h"
#include "selmcast/plan/link_time.h"
#include "selmcast/plan/problem.h"

namespace selmcast::plan {

// Why a receiver was selected.
enum class Reason : std::uint8_t {
  required,   // the pair's age has reached max_age
  basic,      // fills the sender up to min_receivers
  spare,      // fits into bandwidth that would lie idle until the completion time (Pareto improvement)
  random,     // drawn
  broadcast,  // everybody receives
  kept,       // a running transfer that is nearly through (SSP)
};
std::string_view to_string(Reason reason);

struct Selection {
  WorkerIndex receiver;
  Reason reason = Reason::basic;
  constexpr bool operator==(const Selection&) const = default;
};

// selections[i] belongs to sender i, ascending by receiver, no receiver twice, never i itself.
// Of a `relay` plan, parents[i][k] is who sends i's model to selections[i][k].receiver: i itself or another receiver of
// i. They form a tree whose root is i. Empty for the other kinds.
struct Plan {
  std::vector<std::vector<Selection>> selections;
  std::vector<std::vector<WorkerIndex>> parents = {};

  std::size_t receiver_count() const;
  bool has(Pair pair) const;  // O(log receivers)
  bool operator==(const Plan&) const = default;
};

enum class Status { optimal, feasible };
std::string_view to_string(Status status);

struct Planned {
  Plan plan;
  Status status = Status::feasible;
  // That comes with Status::optimal; but for `relay`, where the bounds of relay_planner.h are the proof, and for mixed
  // problems (mixed_planner.h).
  std::optional<Certificate> certificate = std::nullopt;
};

// No plan satisfies the constraints, with the proof: `senders` must make `needed` deliveries that only
// `receivers` could take, but no more than `available` of them can be made (feasibility.h).
struct Infeasible {
  std::string reason;  // the same in words, naming the worker or pair
  std::vector<WorkerIndex> senders = {};
  std::vector<WorkerIndex> receivers = {};
  std::int64_t needed = 0;
  std::int64_t available = 0;
};

using Outcome = std::variant<Planned, Infeasible>;

// What each link has to carry under a plan, by worker (problem.h: s_i and sum_i volume_i x_ij).
// Requires of a `relay` plan that it has its parents.
struct LinkLoads {
  std::vector<Bytes> uplink;
  std::vector<Bytes> downlink;
};
LinkLoads link_loads(const Problem& problem, const Plan& plan);

enum class LinkSide { uplink, downlink };
std::string_view to_string(LinkSide side);

// The link that is busy longest, and for how long; of several the first: uplinks before downlinks, then by
// worker.
struct Bottleneck {
  LinkSide side = LinkSide::uplink;
  WorkerIndex worker;
  LinkTime time;
};
// nullopt if no link carries anything. O(workers).
std::optional<Bottleneck> find_bottleneck(const Problem& problem, const LinkLoads& loads);

// The model's time until the last delivery of `plan` ends (problem.h). 0 for the empty plan. O(workers +
// pairs).
Duration completion_time(const Problem& problem, const Plan& plan);

// Busy time of each link under `plan`: load / bandwidth, by worker.
struct LinkTimes {
  std::vector<Duration> uplink;
  std::vector<Duration> downlink;
};
// 0 for a link that carries nothing, also if it is down.
LinkTimes link_times(const Problem& problem, const Plan& plan);

}  // namespace selmcast::plan
