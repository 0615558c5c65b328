#include "selmcast/arena/arena.h"

#include "selmcast/arena/twin.h"

namespace selmcast::arena {

ArenaResult run_arena(const ArenaSettings& settings) {
  Rng rng = Rng(settings.seed).fork(7);
  TwinSettings twin;
  twin.seed = settings.seed;
  twin.rounds = settings.rounds;
  twin.faults = settings.faults;
  twin.manager.workers = static_cast<std::uint32_t>(3 + rng.below(14));
  if (settings.workers != 0) twin.manager.workers = settings.workers;
  twin.manager.run_token = rng.next();
  sync::RoundSettings& rounds = twin.manager.rounds;
  rounds.seed = settings.seed;
  const auto all = plan::planners();
  rounds.planner = &all[rng.below(all.size())];
  if (settings.planner != nullptr) rounds.planner = settings.planner;
  rounds.min_receivers = sync::MinReceivers::count(1 + static_cast<int>(rng.below(3)));
  rounds.max_age = static_cast<std::uint32_t>(rng.below(7));
  rounds.age_start = rng.below(2) == 0 ? sync::AgeStart::zero : sync::AgeStart::staggered;
  rounds.paced = rng.below(4) != 0;
  rounds.compute_patience = Duration::seconds(60);

  Twin arena(twin);
  arena.run(Instant() + settings.virtual_time_max);
  return arena.result();
}

}  // namespace selmcast::arena
