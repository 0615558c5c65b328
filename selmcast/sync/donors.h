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
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/sync/age_table.h"

namespace selmcast::sync {

inline constexpr std::size_t kDonors = 3;

// Pairs (donor, comer), by comer, ascending. `others` can give: ascending, none of `comers`.
std::vector<WorkerPair> choose_donors(std::span<const WorkerId> others, std::span<const WorkerId> comers,
                                      const std::function<Rate(WorkerId)>& uplink);

}  // namespace selmcast::sync
