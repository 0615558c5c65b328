// What no policy can do better, for the scale of multicasts at a given speed of training.
//
// A worker's cycle takes T = mean computing time / NPU utilisation. In that time its downlink can carry T b_j bits,
// that is T b_j / (8 v) multicasts of v bytes, and it cannot hear from more than the n - 1 others:
//     scale <= mean_j min((n - 1) / n, T b_j / (8 n v)).
// Unicast sends a copy to each, so the same holds of uplinks. Loose: a multicast must also fit between two
// computations, with its sender waiting.
//
// Sharper, for network multicast and workers that send before they compute on (joint_scale_bound()). With m_i = v /
// uplink_i, the least time of a multicast of i; t_ij = max(m_i, v / downlink_j), the least of one that reaches j;
// k = max_age; C the mean computing time. In the long run, when all have done as many rounds (SSP):
//   - of any k + 1 multicasts of i one reaches the slowest other: T >= C + (k m_i + max_j t_ij) / (k + 1) for all i;
//   - receiver j hears from each other once in k + 1 rounds: T >= (n - 1) v / ((k + 1) b_j) for all j;
//   - p receivers each: T >= n p v / sum_j b_j;
//   - i's multicasts last T - C on average at most. One that lasts d reaches at most f_i(d) = #{j: t_ij <= d}, so their
//     mean is at most F_i(T - C), F_i being the least concave function above f_i:
//     scale <= mean_i F_i(T - C) / n, and the first bound.
// What is left out: that multicasts that share a receiver do not fit together without gaps, and that computing times
// vary (sim::npu_utilization_bounds() knows these, but no downlinks).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "selmcast/base/units.h"

namespace selmcast::sim {

// Requires at least one link, volume > 0. `cycle` may be infinite.
double scale_bound(std::span<const Rate> links, Duration cycle, Bytes volume);

struct Demands {
  Duration computing;  // mean of a round
  Bytes volume;
  std::size_t min_receivers = 0;
  std::optional<std::uint32_t> max_age;  // nullopt: no pair has to meet
};
// By worker; as many uplinks as downlinks, at least two, all > 0.
Duration least_cycle(std::span<const Rate> uplink, std::span<const Rate> downlink, const Demands& demands);
// 0 if the cycle is shorter than the least.
double joint_scale_bound(std::span<const Rate> uplink, std::span<const Rate> downlink, Duration cycle,
                         const Demands& demands);

}  // namespace selmcast::sim
