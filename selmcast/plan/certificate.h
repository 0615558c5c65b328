// Why no plan can be better: the proof that comes with an optimal plan, and that anyone can check.
//
// Problems with equal volumes v. d_i = max(min_receivers_i, required receivers of i). For a set S of senders,
// r_j(S) = required pairs that end at j and start outside S. m_j(t) = floor(t downlink_j / v) deliveries fit
// into j's downlink by t, u_i(t) receivers fit into i's uplink (network: n - 1, or 0 if v alone does not
// fit).
//
// Cut. Take any S. Receiver j takes r_j(S) required deliveries from outside, so from S at most
//     c_j(S, t) = min(m_j(t) - r_j(S), |S \ {j}|),
// and no plan exists at all by t if some m_j(t) < r_j(S). Therefore
//   time:   if sum_{i in S} d_i > sum_j c_j(S, t') for every t' < t, no plan ends before t.
//   count:  a plan that ends at t has at most sum_{i not in S} u_i(t) + sum_j c_j(S, t) receivers.
// (S is the sender side of a minimum cut: max-flow min-cut says that a fitting S always exists.) The time may
// also be bound by one uplink: d_i receivers of i need it until t; or by one downlink: r_j(all) required
// senders of j.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "selmcast/base/ids.h"

namespace selmcast::plan {

struct Certificate {
  enum class TimeBound {
    nothing,   // nobody needs a receiver: t = 0
    uplink,    // of `worker`, under its d_i receivers
    downlink,  // of `worker`, under its required senders
    cut,       // the needs of `time_senders` against all downlinks
  };
  TimeBound time_bound = TimeBound::nothing;
  std::optional<WorkerIndex> worker;
  std::vector<WorkerIndex> time_senders;   // S of the time; ascending; only for `cut`
  std::vector<WorkerIndex> count_senders;  // S of the count; ascending
};

std::string_view to_string(Certificate::TimeBound bound);

}  // namespace selmcast::plan
