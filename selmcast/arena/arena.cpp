#include "selmcast/arena/arena.h"

#include "selmcast/arena/twin.h"

namespace selmcast::arena {

namespace {

sync::OnlineChoice drawn_choice(const ArenaSettings& settings, Rng& rng) {
  sync::OnlineChoice choice;
  const auto policies = sync::online_policy_names();
  choice.policy = policies[rng.below(policies.size())];
  if (!settings.policy.empty()) choice.policy = settings.policy;
  choice.staleness = static_cast<std::uint32_t>(rng.below(5));
  if (settings.sync == Sync::asp) choice.staleness.reset();
  choice.keep_fraction = 0.25 * static_cast<double>(rng.below(5));
  choice.sharing = sync::kSharingNames[rng.below(sync::kSharingNames.size())].second;
  choice.overlap =
      settings.overlap.value_or(Rng(settings.seed).fork(9).below(2) == 0) && choice.staleness != 0;
  return choice;
}

}  // namespace

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
  if (settings.relay) rounds.multicast = plan::MulticastKind::relay;
  if (settings.network) rounds.multicast = plan::MulticastKind::network;
  if (settings.planner != nullptr) rounds.planner = settings.planner;
  rounds.min_receivers = sync::MinReceivers::count(1 + static_cast<int>(rng.below(3)));
  rounds.max_age = static_cast<std::uint32_t>(rng.below(7));
  rounds.age_start = rng.below(2) == 0 ? sync::AgeStart::zero : sync::AgeStart::staggered;
  rounds.paced = rng.below(4) != 0;
  if (settings.seldom) {
    rounds.max_age = 30;
    twin.parameters *= 10;
  }
  rounds.compute_patience = Duration::seconds(60);
  twin.manager.manager_patience = Duration::seconds(30);
  twin.manager.elastic = true;
  twin.manager.stream_patience = Duration::seconds(0.5);
  if (settings.sync != Sync::bsp) twin.manager.online = drawn_choice(settings, rng);

  // From a stream of its own: seeds tell the same stories whatever is mixed.
  constexpr wire::MixingKind kMixings[] = {wire::MixingKind::average, wire::MixingKind::push_sum,
                                           wire::MixingKind::staleness};
  twin.mixing = settings.mixing.value_or(kMixings[Rng(settings.seed).fork(8).below(3)]);
  twin.payload = settings.payload;
  Twin arena(twin);
  arena.run(Instant() + settings.virtual_time_max);
  return arena.result();
}

ArenaSettings smallest_that_fails(const ArenaSettings& settings) {
  ArenaSettings smallest = settings;
  const auto fails = [](const ArenaSettings& one) { return !run_arena(one).content(); };
  using Kind = bool Faults::*;
  for (const Kind kind :
       {&Faults::broken_links, &Faults::corruption, &Faults::crashes, &Faults::silences, &Faults::cuts,
        &Faults::bandwidth_changes, &Faults::manager_crashes, &Faults::joins, &Faults::broken_streams,
        &Faults::slow_disks, &Faults::unreachable, &Faults::clocks, &Faults::leaves}) {
    ArenaSettings without = smallest;
    without.faults.*kind = false;
    if (fails(without)) smallest = without;
  }
  while (smallest.rounds > 1) {
    ArenaSettings shorter = smallest;
    shorter.rounds = smallest.rounds > 8 ? smallest.rounds / 2 : smallest.rounds - 1;
    if (!fails(shorter)) break;
    smallest = shorter;
  }
  return smallest;
}

}  // namespace selmcast::arena
