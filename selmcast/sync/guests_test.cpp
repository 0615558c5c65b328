// Workers that come while a training runs, at both machines. Models of 8 Mbit, numbers by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "selmcast/sync/online_rounds.h"
#include "selmcast/sync/round_machine.h"
#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Uplinks fall with the id: w0, w1 and w2 are the donors.
Member member(std::uint32_t id) {
  return {"w" + std::to_string(id), Rate::megabits_per_second(800 - 10 * id), Rate::megabits_per_second(8),
          kModel, 8};
}

struct BspGuests : ::testing::Test {
  RoundMachine machine = made();
  std::uint32_t members = 5;

  static RoundMachine made() {
    RoundSettings settings;
    settings.planner = plan::find_planner("exact");
    settings.max_age = 3;
    return RoundMachine(settings);
  }
  BspGuests() {
    for (std::uint32_t id = 0; id < members; ++id) machine.join(w(id), member(id), at(0));
  }
  // All that are members in full say that they are ready.
  RoundPlanned plan(const std::set<std::uint32_t>& ready) {
    Actions last;
    for (const std::uint32_t id : ready) {
      auto actions = machine.ready(w(id), machine.round(), at(1));
      EXPECT_TRUE(actions.has_value());
      if (actions) last = *actions;
    }
    return all<RoundPlanned>(last).at(0);
  }
  Actions end(const RoundPlanned& plan, std::optional<WorkerId> nothing_to = std::nullopt) {
    Actions last;
    for (const Transfer& t : plan.transfers) {
      auto actions =
          t.receiver == nothing_to
              ? machine.failed(t.sender, {t.id, "a fault"}, at(2))
              : machine.delivered(t.receiver, {t.id, t.bytes, Duration(), Duration::seconds(1)}, at(2));
      EXPECT_TRUE(actions.has_value());
      last = *actions;
    }
    return last;
  }
  static std::set<WorkerId> senders_to(const RoundPlanned& plan, WorkerId receiver) {
    std::set<WorkerId> senders;
    for (const Transfer& t : plan.transfers) {
      if (t.receiver == receiver) senders.insert(t.sender);
    }
    return senders;
  }
};

TEST_F(BspGuests, AComerReceivesFromThreeWellConnectedOnesSendsNothingAndIsAMemberInTheNextRound) {
  EXPECT_THAT(machine.catch_up(w(5), member(5), at(0)), IsEmpty());  // while the round gathers
  const RoundPlanned first = plan({0, 1, 2, 3, 4});                  // nobody waits for it
  EXPECT_THAT(first.members, ElementsAre(w(0), w(1), w(2), w(3), w(4), w(5)));
  const std::set<WorkerId> donors = senders_to(first, w(5));
  for (const std::uint32_t donor : {0, 1, 2}) EXPECT_TRUE(donors.contains(w(donor)));
  for (const Transfer& t : first.transfers) EXPECT_NE(t.sender, w(5));
  const Actions ended = end(first);
  EXPECT_THAT(all<RoundEnded>(ended).at(0).guests, ElementsAre(w(5)));
  const auto caught_up = all<CaughtUp>(ended);
  ASSERT_EQ(caught_up.size(), 1u);
  EXPECT_EQ(caught_up[0].round, Round(1));
  EXPECT_EQ(std::set<WorkerId>(caught_up[0].from.begin(), caught_up[0].from.end()), donors);
  // From now on the round waits for it, and it sends: one receiver at least.
  for (std::uint32_t id = 0; id < 5; ++id) EXPECT_THAT(*machine.ready(w(id), Round(1), at(3)), IsEmpty());
  const RoundPlanned second = plan({5});
  EXPECT_TRUE(std::ranges::any_of(second.transfers, [](const Transfer& t) { return t.sender == w(5); }));
}

TEST_F(BspGuests, WhoComesInTheMiddleOfARoundIsLetInWhenItHasEnded) {
  const RoundPlanned first = plan({0, 1, 2, 3, 4});
  EXPECT_THAT(machine.catch_up(w(5), member(5), at(1)), IsEmpty());
  EXPECT_THAT(senders_to(first, w(5)), IsEmpty());
  EXPECT_THAT(all<CaughtUp>(end(first)), IsEmpty());
  EXPECT_EQ(senders_to(plan({0, 1, 2, 3, 4}), w(5)).size(), 3u);
}

TEST_F(BspGuests, AGuestThatGotNothingIsOneForAnotherRound) {
  machine.catch_up(w(5), member(5), at(0));
  EXPECT_THAT(all<CaughtUp>(end(plan({0, 1, 2, 3, 4}), w(5))), IsEmpty());
  EXPECT_EQ(machine.ready(w(5), Round(1), at(3)).error().code, ErrorCode::protocol);
  EXPECT_EQ(all<CaughtUp>(end(plan({0, 1, 2, 3, 4}))).size(), 1u);
}

TEST_F(BspGuests, AGuestMayLeaveAndAWorkerMayComeBackUnderItsId) {
  machine.catch_up(w(5), member(5), at(0));
  machine.leave(w(5), "gone", at(0));
  end(plan({0, 1, 2, 3, 4}));
  machine.leave(w(2), "gone", at(3));
  machine.catch_up(w(2), member(2), at(3));
  const RoundPlanned second = plan({0, 1, 3, 4});
  EXPECT_EQ(senders_to(second, w(2)), (std::set<WorkerId>{w(0), w(1), w(3)}));  // the donors that are left
  EXPECT_EQ(all<CaughtUp>(end(second)).size(), 1u);
}

// The promise counts from when both are there: in max_age + 1 = 4 rounds after its catching up each pair has met.
TEST_F(BspGuests, PairsWithAComerMeetWithinTheirAge) {
  machine.catch_up(w(5), member(5), at(0));
  end(plan({0, 1, 2, 3, 4}));
  std::set<std::pair<WorkerId, WorkerId>> met;
  for (int round = 0; round < 4; ++round) {
    const RoundPlanned planned = plan({0, 1, 2, 3, 4, 5});
    for (const Transfer& t : planned.transfers) met.insert({t.sender, t.receiver});
    end(planned);
  }
  for (std::uint32_t other = 0; other < 5; ++other) {
    EXPECT_TRUE(met.contains({w(5), w(other)})) << other;
    EXPECT_TRUE(met.contains({w(other), w(5)})) << other;
  }
}

TEST_F(BspGuests, GuestsAloneMakeNoRound) {
  machine.catch_up(w(5), member(5), at(0));
  Actions last;
  for (std::uint32_t id = 0; id < 5; ++id) last = machine.leave(w(id), "gone", at(1));
  EXPECT_THAT(all<RoundPlanned>(last), IsEmpty());
}

// All that is sent to w5 fails. Three rounds, and it is out; with it gone the next round has nothing to do with it.
TEST_F(BspGuests, AGuestThatNobodyReachesIsTurnedAwayAfterThreeAttemptsWithTheReason) {
  machine.catch_up(w(5), member(5), at(0));
  std::vector<std::size_t> asked;
  for (int round = 0; round < 3; ++round) {
    const RoundPlanned planned = plan({0, 1, 2, 3, 4});
    std::size_t required = 0;
    for (const Transfer& t : planned.transfers)
      required += t.receiver == w(5) && t.reason == plan::Reason::required ? 1 : 0;
    asked.push_back(required);
    const auto evicted = all<Evicted>(end(planned, w(5)));
    EXPECT_EQ(evicted.size(), round == 2 ? 1u : 0u);
    if (evicted.empty()) continue;
    EXPECT_EQ(evicted[0].worker, w(5));
    EXPECT_EQ(evicted[0].why, "turned away: in 3 attempts no model of the others reached it (a fault)");
  }
  EXPECT_EQ(machine.members(), 5u);
  EXPECT_THAT(senders_to(plan({0, 1, 2, 3, 4}), w(5)), IsEmpty());
  EXPECT_GE(asked[0], 3u);
}

// All that the guest would have got was to come from w0, w1 and w2, who leave in mid-round: it is not to blame. Were
// it an attempt, the two rounds after would be the last ones.
TEST_F(BspGuests, ADonorThatLeavesIsNoAttempt) {
  machine.catch_up(w(5), member(5), at(0));
  const RoundPlanned first = plan({0, 1, 2, 3, 4});
  std::set<WorkerId> donors = senders_to(first, w(5));
  for (const std::uint32_t id : {3, 4}) {  // w3 and w4 leave, too, if the plan adds them, but for the last
    if (donors.contains(w(id)) && donors.size() > 4) donors.erase(w(id));
  }
  for (const Transfer& t : first.transfers) {
    if (t.receiver != w(5) && !donors.contains(t.sender) && !donors.contains(t.receiver)) {
      EXPECT_TRUE(machine.delivered(t.receiver, {t.id, t.bytes, Duration(), Duration::seconds(1)}, at(2)));
    }
    if (t.receiver == w(5) && !donors.contains(t.sender)) {
      EXPECT_TRUE(machine.failed(t.sender, {t.id, "a fault"}, at(2)));
    }
  }
  for (const WorkerId donor : donors)
    EXPECT_THAT(all<Evicted>(machine.leave(donor, "gone", at(2))), IsEmpty());
  ASSERT_TRUE(machine.gathering());
  std::set<std::uint32_t> left;
  for (std::uint32_t id = 0; id < 5; ++id) {
    if (!donors.contains(w(id))) left.insert(id);
  }
  ASSERT_FALSE(left.empty());
  const bool counted = std::ranges::any_of(
      first.transfers, [&](const Transfer& t) { return t.receiver == w(5) && !donors.contains(t.sender); });
  for (int round = counted ? 1 : 0; round < 2; ++round)
    EXPECT_THAT(all<Evicted>(end(plan(left), w(5))), IsEmpty());
}

// A guest declares 1 kbit/s, where the slowest link of the others carries 8 Mbit/s: planned as such it would hold them
// up for 3 * 8 Mbit / 1 kbit/s, over six hours. It is planned with a quarter of that link, 2 Mbit/s: 3 * 8 / 2 = 12 s.
TEST_F(BspGuests, ASlowGuestHoldsNobodyUpForLong) {
  Member slow = member(5);
  slow.declared_downlink = slow.declared_uplink = Rate::bits_per_second(1000);
  machine.catch_up(w(5), slow, at(0));
  const RoundPlanned planned = plan({0, 1, 2, 3, 4});
  EXPECT_LE(planned.predicted, Duration::seconds(12.1));
  EXPECT_LE(machine.deadline(), at(1 + 5 * 12.1));
  for (const Transfer& t : planned.transfers) {
    if (t.receiver == w(5)) continue;
    EXPECT_TRUE(machine.delivered(t.receiver, {t.id, t.bytes, Duration(), Duration::seconds(1)}, at(2)));
  }
  const Actions cut_off = machine.tick(machine.deadline());
  EXPECT_THAT(all<RoundEnded>(cut_off), ::testing::SizeIs(1));
  EXPECT_THAT(all<Evicted>(cut_off), IsEmpty());  // it has two attempts left, of fewer donors each
  const RoundPlanned second = plan({0, 1, 2, 3, 4});
  EXPECT_LE(second.predicted, Duration::seconds(16.1));  // four donors now: 4 * 8 / 2
}

// w0 -> w1 fails in two rounds, and so is left out of the third: w0 reaches somebody else, and w1 is reached by others.
TEST_F(BspGuests, APairWhoseDeliveriesFailIsLeftOutForAWhile) {
  bool seen = false;
  int failures = 0;
  for (int round = 0; round < 12; ++round) {
    const RoundPlanned planned = plan({0, 1, 2, 3, 4});
    const bool rests = std::ranges::any_of(planned.resting, [](const Resting& r) {
      return r.pair == WorkerPair{w(0), w(1)};
    });
    std::size_t of_w0 = 0;
    Actions last;
    for (const Transfer& t : planned.transfers) {
      const bool fails = t.sender == w(0) && t.receiver == w(1);
      of_w0 += t.sender == w(0) ? 1 : 0;
      EXPECT_FALSE(fails && rests);
      failures += fails ? 1 : 0;
      auto actions =
          fails ? machine.failed(t.sender, {t.id, "a cut", w(1)}, at(2 + 0.15 * round))
                : machine.delivered(t.receiver, {t.id, t.bytes, Duration(), Duration::seconds(1)}, at(2));
      ASSERT_TRUE(actions.has_value());
      last = *actions;
    }
    EXPECT_GE(of_w0, 1u);
    EXPECT_EQ(all<RoundEnded>(last).at(0).resting.size(), planned.resting.size());
    seen = seen || rests;
  }
  EXPECT_TRUE(seen);
  EXPECT_EQ(failures, 2);  // 0.15 s apart: the rest of 2 s is not over in 12 rounds
}

struct OnlineGuests : ::testing::Test {
  std::optional<OnlineRounds> machine;

  void start(std::uint32_t workers, std::optional<std::uint32_t> staleness) {
    RoundSettings common;
    common.max_age = 30;  // nobody is required to meet but donors and comers
    common.min_receivers = MinReceivers::count(1);
    OnlineChoice choice;
    choice.policy = "random";
    choice.staleness = staleness;
    machine.emplace(common, choice);
    for (std::uint32_t id = 0; id < workers; ++id) machine->join(w(id), member(id), at(0));
  }
  // A worker computes and sends; what it sends arrives at once. All that happened.
  Actions round_of(std::uint32_t id, std::uint64_t round, double when) {
    auto actions = machine->ready(w(id), Round(round), at(when));
    EXPECT_TRUE(actions.has_value()) << actions.error().message;
    Actions happened = *actions;
    for (const PlanChanged& plan : all<PlanChanged>(*actions)) {
      for (const Transfer& t : plan.started) {
        const auto more =
            machine->delivered(t.receiver, {t.id, t.bytes, Duration(), Duration::seconds(1)}, at(when));
        EXPECT_TRUE(more.has_value());
        happened.insert(happened.end(), more->begin(), more->end());
      }
    }
    return happened;
  }
};

TEST_F(OnlineGuests, AComerHasCaughtUpWhenItHasTheModelsOfThreeAndStartsWhereTheSlowestIs) {
  start(5, 4);
  for (std::uint32_t id = 0; id < 5; ++id) round_of(id, 0, 1);
  for (std::uint32_t id = 0; id < 2; ++id) round_of(id, 1, 2);
  EXPECT_THAT(machine->catch_up(w(5), member(5), at(3)), IsEmpty());
  EXPECT_EQ(machine->ready(w(5), Round(1), at(3)).error().code, ErrorCode::protocol);
  std::set<WorkerId> from;
  std::vector<CaughtUp> caught_up;
  // The donors are w0, w1 and w2: each must reach it.
  for (std::uint32_t id = 0; id < 3; ++id) {
    EXPECT_THAT(caught_up, IsEmpty());
    caught_up = all<CaughtUp>(round_of(id, id == 2 ? 1 : 2, 4));
  }
  ASSERT_EQ(caught_up.size(), 1u);
  EXPECT_THAT(caught_up[0].from, ElementsAre(w(0), w(1), w(2)));
  EXPECT_EQ(caught_up[0].round, Round(1));  // w3 and w4 have completed one
  EXPECT_FALSE(all<MulticastEnded>(round_of(5, 1, 5)).empty());
}

// With a staleness of 0 nobody goes on before the slowest has completed; a guest is nobody's slowest, and while it
// waits for its donors they do not wait for it.
TEST_F(OnlineGuests, NobodyWaitsForAGuest) {
  start(3, 0);
  machine->catch_up(w(3), member(3), at(1));
  round_of(0, 0, 2);
  round_of(1, 0, 2);
  const Actions last = round_of(2, 0, 2);
  EXPECT_EQ(all<CaughtUp>(last).size(), 1u);
  EXPECT_EQ(all<WentOn>(last).size(), 3u);
}

TEST_F(OnlineGuests, FewerDonorsThanThreeAreEnoughWhereThereAreNoMore) {
  start(3, std::nullopt);
  machine->catch_up(w(3), member(3), at(1));
  round_of(0, 0, 2);
  machine->leave(w(1), "gone", at(2));
  EXPECT_EQ(all<CaughtUp>(machine->leave(w(2), "gone", at(2))).size(), 1u);  // of w0 alone, which it has
}

// Ids are welcome before they catch up, in another order perhaps.
TEST_F(OnlineGuests, ComersMayCatchUpInAnyOrder) {
  start(3, std::nullopt);
  machine->catch_up(w(4), member(4), at(1));
  machine->catch_up(w(3), member(3), at(1));
  round_of(0, 0, 2);
  round_of(1, 0, 2);
  EXPECT_EQ(all<CaughtUp>(round_of(2, 0, 2)).size(), 2u);
}

// Nothing reaches w3: each of the three donors tries three times, and whatever it says, the others go on.
TEST_F(OnlineGuests, AGuestThatNobodyReachesIsTurnedAwayAfterThreeAttemptsOfEachDonor) {
  start(3, std::nullopt);
  machine->catch_up(w(3), member(3), at(1));
  std::vector<Evicted> evicted;
  std::size_t failures = 0;
  for (std::uint64_t round = 0; round < 20 && evicted.empty(); ++round) {
    for (std::uint32_t id = 0; id < 3; ++id) {
      const double when = 10.0 * static_cast<double>(round + 1);  // rests of the pairs are over
      auto actions = machine->ready(w(id), Round(round), at(when));
      ASSERT_TRUE(actions.has_value()) << actions.error().message;
      for (const PlanChanged& plan : all<PlanChanged>(*actions)) {
        for (const Transfer& t : plan.started) {
          const bool lost = t.receiver == w(3);
          failures += lost ? 1 : 0;
          const auto more =
              lost ? machine->failed(t.sender, {t.id, "no answer", w(3)}, at(when))
                   : machine->delivered(t.receiver, {t.id, t.bytes, {}, Duration::seconds(1)}, at(when));
          ASSERT_TRUE(more.has_value());
          for (const Evicted& one : all<Evicted>(*more)) evicted.push_back(one);
        }
      }
    }
  }
  ASSERT_EQ(evicted.size(), 1u);
  EXPECT_EQ(evicted[0].why, "turned away: in 3 attempts no model of the others reached it (no answer)");
  EXPECT_EQ(failures, 9u);
}

// w0's model came, those of w1 and w2 never do.
TEST_F(OnlineGuests, AGuestThatOnlyOneReachesMakesDoWithThat) {
  start(3, std::nullopt);
  machine->catch_up(w(3), member(3), at(1));
  round_of(0, 0, 2);
  std::vector<CaughtUp> caught_up;
  for (std::uint64_t round = 0; round < 20 && caught_up.empty(); ++round) {
    for (std::uint32_t id = 1; id < 3; ++id) {
      const double when = 10.0 * static_cast<double>(round + 1);
      auto actions = machine->ready(w(id), Round(round), at(when));
      ASSERT_TRUE(actions.has_value()) << actions.error().message;
      for (const PlanChanged& plan : all<PlanChanged>(*actions)) {
        for (const Transfer& t : plan.started) {
          const auto more =
              t.receiver == w(3)
                  ? machine->failed(t.sender, {t.id, "no answer", w(3)}, at(when))
                  : machine->delivered(t.receiver, {t.id, t.bytes, {}, Duration::seconds(1)}, at(when));
          ASSERT_TRUE(more.has_value());
          EXPECT_THAT(all<Evicted>(*more), IsEmpty());
          for (const CaughtUp& one : all<CaughtUp>(*more)) caught_up.push_back(one);
        }
      }
    }
  }
  ASSERT_EQ(caught_up.size(), 1u);
  EXPECT_THAT(caught_up[0].from, ElementsAre(w(0)));
}

// As for BSP: 2 Mbit/s are a quarter of the others' 8, and 8 Mbit then take 4 s.
TEST_F(OnlineGuests, ASlowGuestHoldsNobodyUpForLong) {
  start(3, std::nullopt);
  Member slow = member(3);
  slow.declared_downlink = slow.declared_uplink = Rate::bits_per_second(1000);
  machine->catch_up(w(3), slow, at(1));
  const auto plans = all<PlanChanged>(*machine->ready(w(0), Round(0), at(2)));
  ASSERT_EQ(plans.size(), 1u);
  EXPECT_LE(plans[0].predicted, Duration::seconds(4.1));
  EXPECT_LE(machine->deadline(), at(2 + 5 * 4.1));
}

}  // namespace
}  // namespace selmcast::sync
