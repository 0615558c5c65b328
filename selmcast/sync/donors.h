// From whom a worker that comes to a running training gets its parameters.
//
// What it gets. Models of workers differ a little, for they meet selectively; so there is no one current state to be
// had in pieces, and pieces of several models would be a model that nobody trained. But the mean of whole models is
// what every mixture is. So a comer takes part in its first exchange as a receiver alone: models are delivered to it
// like any other, planned, paced, verified and committed, and it starts from their mean (worker/mixer.h, start_empty).
// With push_sum their weights come with them, and the account of mass stays exact.
//
// From whom: kDonors others at most, those whose uplinks have the most left when each donor that is chosen for another
// comer counts as one delivery more: greatest uplink / (1 + deliveries to comers), ties on ids. Their pairs with the
// comer are required; whom else a planner adds is welcome. So no single peer bears it. Pure.
//
// A comer that nobody reaches, or that is too slow, must not hold up the others for long. So
//   - it is planned as if its links carried a quarter of what the slowest link of the others does, at least: what it
//     has to receive takes no more than kDonors * kSlowerMax of their models in time, and is cut off then
//     (delivery_patience.h);
//   - each attempt in which nothing came to it asks for one donor fewer, and other ones where the first did not reach
//     it (outages.h);
//   - after kAttempts of them it is turned away, with what went wrong last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/sync/age_table.h"

namespace selmcast::sync {

inline constexpr std::size_t kDonors = 3;
inline constexpr std::uint32_t kAttempts = 3;
inline constexpr double kSlowerMax = 4;

struct DonorRules {
  std::function<Rate(WorkerId)> uplink;
  std::function<bool(WorkerPair)> reaches = nullptr;          // (donor, comer); nothing: all do
  std::function<std::uint32_t(WorkerId)> attempts = nullptr;  // of a comer, in vain; nothing: none
};

// Pairs (donor, comer), by comer, ascending. `others` can give: ascending, none of `comers`.
std::vector<WorkerPair> choose_donors(std::span<const WorkerId> others, std::span<const WorkerId> comers,
                                      const DonorRules& rules);

// What a comer is told that is turned away after its attempts. `last`: what went wrong last.
std::string why_turned_away(const std::string& last);

}  // namespace selmcast::sync
