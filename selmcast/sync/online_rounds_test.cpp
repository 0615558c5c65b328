// Models of 8 Mbit over uplinks of 800 Mbit/s and downlinks of 8: a lone delivery takes a second. All numbers by hand.
#include "selmcast/sync/online_rounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "selmcast/base/overloaded.h"
#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

using ::testing::HasSubstr;

std::string name(const Transfer& t) {
  return std::to_string(t.id.value()) + ":" + std::to_string(t.sender.value()) + ">" +
         std::to_string(t.receiver.value());
}
std::string mbps(Rate rate) { return std::to_string(static_cast<int>(std::lround(rate.mbps()))); }

// Actions as text: "+1:0>2" committed, "-1:0>2" cancelled, "~" dropped, "plan 1 [1:0>2@8] [2@4]" what is started and
// which rates change, "end 0.3" the multicast of w0's round 3, "on 0" w0 goes on, "out 0" evicted.
std::string text(const Actions& actions) {
  std::string all;
  for (const Action& action : actions) {
    const std::string one = std::visit(
        Overloaded{
            [](const TransferCommitted& c) { return "+" + name(c.transfer); },
            [](const TransferCancelled& c) {
              return (c.why.starts_with("dropped") ? "~" : "-") + name(c.transfer);
            },
            [](const Evicted& e) { return "out " + std::to_string(e.worker.value()); },
            [](const PlanChanged& plan) {
              std::string said = "plan " + std::to_string(plan.number) + " [";
              for (const Transfer& t : plan.started) said += name(t) + "@" + mbps(t.paced) + " ";
              said += "] [";
              for (const auto& change : plan.new_rates)
                said += std::to_string(change.transfer.id.value()) + "@" + mbps(change.transfer.paced) + " ";
              return said + "]";
            },
            [](const MulticastEnded& e) {
              return "end " + std::to_string(e.worker.value()) + "." + std::to_string(e.round.value()) +
                     (e.complete ? "" : " incomplete");
            },
            [](const WentOn& w) { return "on " + std::to_string(w.worker.value()); },
            [](const auto&) { return std::string(); },
        },
        action);
    if (!one.empty()) all += (all.empty() ? "" : " ") + one;
  }
  return all;
}

struct OnlineRoundsTest : ::testing::Test {
  RoundSettings common;
  OnlineChoice choice;
  std::unique_ptr<OnlineRounds> machine;
  Instant now = Instant::at_seconds(10);

  OnlineRoundsTest() {
    common.bursts = false;
    common.age_start = AgeStart::zero;
    choice.policy = "broadcast";
  }
  void start(std::uint32_t workers, std::uint32_t buffers = 8) {
    machine = std::make_unique<OnlineRounds>(common, choice);
    for (std::uint32_t w = 0; w < workers; ++w) {
      machine->join(WorkerId(w),
                    {"w" + std::to_string(w), Rate::megabits_per_second(800), Rate::megabits_per_second(8),
                     kModel, buffers},
                    now);
    }
  }
  void at(double seconds) { now = Instant::at_seconds(10 + seconds); }
  static std::string said(const Result<Actions>& actions) {
    return actions ? text(*actions) : actions.error().message;
  }
  std::string ready(std::uint32_t worker, std::uint64_t round) {
    return said(machine->ready(WorkerId(worker), Round(round), now));
  }
  std::string delivered(std::uint32_t receiver, std::uint64_t transfer, Bytes bytes = kModel) {
    return said(machine->delivered(WorkerId(receiver),
                                   {TransferId(transfer), bytes, Duration(), Duration::seconds(1)}, now));
  }
  std::string failed(std::uint32_t worker, std::uint64_t transfer) {
    return said(machine->failed(WorkerId(worker), {TransferId(transfer), "a fault"}, now));
  }
};

TEST_F(OnlineRoundsTest, AReadyWorkerIsPlannedAtOnceAndGoesOnWhenItsMulticastIsComplete) {
  start(3);
  EXPECT_EQ(ready(0, 0), "plan 1 [1:0>1@8 2:0>2@8 ] []");
  at(1);
  EXPECT_EQ(delivered(1, 1), "+1:0>1");
  EXPECT_EQ(delivered(2, 2), "+2:0>2 end 0.0 on 0");
  EXPECT_EQ(machine->promises()->widest_lead, 1u);
  at(2);
  EXPECT_EQ(ready(0, 1), "plan 2 [3:0>1@8 4:0>2@8 ] []");
}

TEST_F(OnlineRoundsTest, LinksAreSharedAnewAtEveryStartAndEndAndOnlyRatesThatChangeAreTold) {
  start(3);
  ready(0, 0);
  at(0.5);
  // Both send to w2 now: 4 Mbit/s each. 0 -> 1 and 1 -> 0 have a downlink of their own.
  EXPECT_EQ(ready(1, 0), "plan 2 [3:1>0@8 4:1>2@4 ] [2@4 ]");
  at(1);
  EXPECT_EQ(delivered(1, 1), "+1:0>1");
  at(1.5);
  EXPECT_EQ(delivered(2, 2), "+2:0>2 plan 3 [] [4@8 ] end 0.0 on 0");
}

TEST_F(OnlineRoundsTest, ChangesBelowFivePercentAreNotTold) {
  start(22);
  for (std::uint32_t w = 0; w < 21; ++w) ready(w, 0);
  // w21's downlink is shared by 21: when one of them fails the others gain 21 / 20 - 1 = 5 %, and no more.
  const std::string said = failed(21, 21);  // 0 -> 21
  EXPECT_EQ(said, "-21:0>21");
}

TEST_F(OnlineRoundsTest, FewerBuffersThanSendersMeansTurnsAtAHigherRate) {
  start(4, 1);
  ready(0, 0);
  // Two senders to w2 and w3, which take one at a time: each is told the whole 8 Mbit/s.
  EXPECT_EQ(ready(1, 0), "plan 2 [4:1>0@8 5:1>2@8 6:1>3@8 ] []");
}

TEST_F(OnlineRoundsTest, NobodyGetsFurtherAheadThanTheStalenessAllows) {
  choice.staleness = 1;
  start(2);
  EXPECT_EQ(ready(0, 0), "plan 1 [1:0>1@8 ] []");
  EXPECT_EQ(delivered(1, 1), "+1:0>1 end 0.0 on 0");  // one ahead
  EXPECT_EQ(ready(0, 1), "plan 2 [2:0>1@8 ] []");
  EXPECT_EQ(delivered(1, 2), "+2:0>1 end 0.1");  // two would be too many
  EXPECT_THAT(ready(0, 2), HasSubstr("before it was let go on to round 2"));
  at(3);
  EXPECT_EQ(ready(1, 0), "plan 3 [3:1>0@8 ] []");
  at(4);
  const auto actions = *machine->delivered(WorkerId(0), {TransferId(3), kModel, {}, {}}, now);
  EXPECT_EQ(text(actions), "+3:1>0 end 1.0 on 0 on 1");
  for (const Action& action : actions) {
    const auto* went = std::get_if<WentOn>(&action);
    if (went == nullptr) continue;
    const bool first = went->worker == WorkerId(0);
    EXPECT_EQ(went->done, Round(first ? 1 : 0));
    EXPECT_EQ(went->lead, first ? 1u : 0u);
    EXPECT_DOUBLE_EQ(went->waited.in_seconds(), first ? 4 : 0);
    EXPECT_EQ(went->members, 2u);
  }
  EXPECT_EQ(machine->promises()->leads_broken, 0u);
  EXPECT_EQ(machine->promises()->widest_lead, 1u);
}

TEST_F(OnlineRoundsTest, WithOverlapAWorkerGoesOnWhenItIsPlannedAndIsPlannedWhenItsLastMulticastHasEnded) {
  choice.staleness = 1;
  choice.overlap = true;
  start(2);
  EXPECT_EQ(ready(0, 0), "plan 1 [1:0>1@8 ] [] on 0");
  at(2);
  EXPECT_EQ(ready(0, 1), "") << "held";
  EXPECT_THAT(ready(0, 1), HasSubstr("before it was let go on"));
  at(3);
  const auto over = *machine->delivered(WorkerId(1), {TransferId(1), kModel, {}, {}}, now);
  EXPECT_EQ(text(over), "+1:0>1 end 0.0 plan 2 [2:0>1@8 ] []") << "two computed, none completed by w1";
  const auto ended = [](const Actions& actions) {
    for (const Action& action : actions) {
      if (const auto* one = std::get_if<MulticastEnded>(&action)) return *one;
    }
    return MulticastEnded{};
  };
  const MulticastEnded first = ended(over);
  EXPECT_EQ(first.ready, Instant::at_seconds(10));
  EXPECT_EQ(first.planned, Instant::at_seconds(10));
  at(4);
  EXPECT_EQ(ready(1, 0), "plan 3 [3:1>0@8 ] [] on 1");
  at(5);
  const auto next = *machine->delivered(WorkerId(1), {TransferId(2), kModel, {}, {}}, now);
  EXPECT_EQ(text(next), "+2:0>1 end 0.1");
  const MulticastEnded second = ended(next);
  EXPECT_EQ(second.computing_since, Instant::at_seconds(10));
  EXPECT_EQ(second.ready, Instant::at_seconds(12));
  EXPECT_EQ(second.planned, Instant::at_seconds(13)) << "held for a second";
  const auto slowest = *machine->delivered(WorkerId(0), {TransferId(3), kModel, {}, {}}, now);
  EXPECT_EQ(text(slowest), "+3:1>0 end 1.0 on 0");
  ASSERT_TRUE(std::holds_alternative<WentOn>(slowest.back()));
  const auto& went = std::get<WentOn>(slowest.back());
  EXPECT_EQ(went.lead, 1u);
  EXPECT_EQ(went.done, Round(1));
  EXPECT_DOUBLE_EQ(went.waited.in_seconds(), 2) << "since it was planned";
  EXPECT_EQ(machine->promises()->leads_broken, 0u);
  EXPECT_EQ(machine->promises()->widest_lead, 1u);
}

TEST_F(OnlineRoundsTest, UnderAspNobodyWaits) {
  choice.staleness.reset();
  start(2);
  for (std::uint64_t round = 0; round < 20; ++round) {
    ready(0, round);
    EXPECT_THAT(delivered(1, round + 1), HasSubstr("on 0"));
  }
  EXPECT_EQ(machine->promises()->widest_lead, 20u);
  EXPECT_EQ(machine->promises()->leads_broken, 0u);
}

TEST_F(OnlineRoundsTest, WhatAPlanDropsIsCancelledOnceAndALateReportChangesNothing) {
  common.age_start = AgeStart::staggered;  // age(1 -> 2) = 1, age(0 -> 2) = 2, and 1 -> 0 is required
  choice.policy = "paper";
  choice.keep_fraction = 0;
  start(3);
  EXPECT_EQ(ready(1, 0), "plan 1 [1:1>0@8 2:1>2@8 ] []");
  at(0.1);
  // Algorithm 2: w0 takes w1, its only way to one receiver that ends in 1 s, and as the older pair 0 -> 2 too. With 0.9
  // s left of 1 -> 2 that downlink is full until 1.9 s, later than the 0.9 s that w1 needs anyway: w2 is dropped.
  EXPECT_EQ(ready(0, 0), "~2:1>2 plan 2 [3:0>1@8 4:0>2@8 ] []");
  EXPECT_EQ(delivered(2, 2), "");  // it was on its way
  EXPECT_EQ(failed(1, 2), "");
  EXPECT_EQ(machine->running(), 3u);
  at(1);
  const auto actions = *machine->delivered(WorkerId(0), {TransferId(1), kModel, {}, {}}, now);
  EXPECT_EQ(text(actions), "+1:1>0 end 1.0 on 1");
  const auto& ended = std::get<MulticastEnded>(actions.at(1));
  ASSERT_EQ(ended.transfers.size(), 2u);
  EXPECT_TRUE(ended.transfers[0].committed);
  EXPECT_TRUE(ended.transfers[1].dropped);
  EXPECT_NEAR((ended.transfers[1].at - ended.ready).in_seconds(), 0.1, 1e-9);
}

TEST_F(OnlineRoundsTest, AFailedDeliveryEndsWithoutCountingAndIsExcusedOnlyWhereItWasRequired) {
  common.max_age = 1;  // at most 2 multicasts from one meeting to the next
  start(3);
  ready(0, 0);
  EXPECT_EQ(failed(0, 2), "-2:0>2");
  EXPECT_EQ(failed(2, 2), "");  // the other side says so too
  EXPECT_EQ(delivered(2, 2), "");
  EXPECT_EQ(delivered(1, 1), "+1:0>1 end 0.0 on 0");
  ready(0, 1);  // 0 -> 2 is required now
  delivered(1, 3);
  EXPECT_EQ(failed(2, 4), "-4:0>2 end 0.1 on 0");
  ready(0, 2);
  delivered(1, 5);
  delivered(2, 6);  // after three multicasts: one more than promised, for the one that failed
  EXPECT_EQ(machine->promises()->widest_gap, 3u);
  EXPECT_EQ(machine->promises()->gaps_broken, 0u);
}

TEST_F(OnlineRoundsTest, AWorkerLostInMidMulticastTakesOnlyItsOwnDeliveriesWithIt) {
  choice.staleness = 0;
  start(3);
  ready(0, 0);                           // 1: 0 -> 1, 2: 0 -> 2
  ready(1, 0);                           // 3: 1 -> 0, 4: 1 -> 2
  EXPECT_EQ(delivered(1, 1), "+1:0>1");  // downlinks of w0 and w1 had one delivery each
  EXPECT_EQ(delivered(0, 3), "+3:1>0");
  // w2 is the receiver of both. Without it both are complete, and nobody is behind.
  EXPECT_EQ(text(machine->leave(WorkerId(2), "crashed", now)), "-2:0>2 -4:1>2 end 0.0 end 1.0 on 0 on 1");
  EXPECT_EQ(text(machine->leave(WorkerId(2), "again", now)), "");
  ready(0, 1);  // 5: 0 -> 1
  // The sender goes: its multicast is incomplete; w1 is alone and trains on.
  EXPECT_EQ(text(machine->leave(WorkerId(0), "crashed", now)), "-5:0>1 end 0.1 incomplete");
  EXPECT_EQ(delivered(1, 5), "");
  EXPECT_EQ(ready(1, 1), "end 1.1 on 1");
  EXPECT_EQ(ready(1, 2), "end 1.2 on 1");
}

TEST_F(OnlineRoundsTest, AStuckDeliveryIsCancelledWhenItsPatienceIsOver) {
  start(2);
  ready(0, 0);  // predicted 1 s: 5 times that is less than the 10 s that it has at least
  EXPECT_DOUBLE_EQ((machine->deadline() - now).in_seconds(), 10);
  at(9.9);
  EXPECT_EQ(text(machine->tick(now)), "");
  at(10);
  EXPECT_EQ(text(machine->tick(now)), "-1:0>1 end 0.0 on 0");
  EXPECT_EQ(machine->deadline(), Instant::never());
}

TEST_F(OnlineRoundsTest, ADeadlineMovesWithWhatIsAddedToItsLinksButNotForEver) {
  common.delivery_patience_min = Duration::seconds(1);
  common.delivery_patience_factor = 2;
  choice.staleness.reset();
  start(40);
  ready(0, 0);  // 39 deliveries: each link has 1 s of load, so 2 s of patience. None is ever delivered.
  EXPECT_DOUBLE_EQ((machine->deadline() - now).in_seconds(), 2);
  ready(1, 0);  // 2 s of load on the downlinks they share; 0 -> 1 has its own for itself
  EXPECT_DOUBLE_EQ((machine->deadline() - now).in_seconds(), 2);
  for (std::uint32_t w = 2; w < 30; ++w) ready(w, 0);
  at(8);  // four times the first patience: all of w0's are over, however much was added
  for (const Action& action : machine->tick(now)) {
    const auto* ended = std::get_if<MulticastEnded>(&action);
    if (ended != nullptr && ended->worker == WorkerId(0)) return;
  }
  FAIL() << "w0's multicast still runs";
}

TEST_F(OnlineRoundsTest, WhoHoldsOthersUpForTooLongIsEvicted) {
  common.compute_patience = Duration::seconds(30);
  choice.staleness = 0;
  start(3);
  for (const std::uint32_t w : {0u, 1u}) ready(w, 0);
  at(100);  // w2 computes: nobody waits yet, so nothing is due but the deliveries
  for (const std::uint64_t t : {1u, 2u}) delivered(t == 1 ? 1 : 2, t);  // w0 is through and waits
  for (const std::uint64_t t : {3u, 4u}) delivered(t == 3 ? 0 : 2, t);
  EXPECT_DOUBLE_EQ((machine->deadline() - now).in_seconds(), 30);
  at(130);
  EXPECT_EQ(text(machine->tick(now)), "out 2 on 0 on 1");
  EXPECT_EQ(machine->deadline(), Instant::never());
}

TEST_F(OnlineRoundsTest, ReportsThatCannotBeTrueAreErrors) {
  start(3);
  EXPECT_THAT(ready(0, 1), HasSubstr("while it computes round 0"));
  EXPECT_THAT(delivered(1, 1), HasSubstr("never planned"));
  EXPECT_THAT(delivered(1, 0), HasSubstr("never planned"));
  ready(0, 0);
  EXPECT_THAT(ready(0, 0), HasSubstr("before it was let go on"));
  EXPECT_THAT(delivered(2, 1), HasSubstr("between others"));
  EXPECT_THAT(delivered(0, 1), HasSubstr("another worker's"));
  EXPECT_THAT(failed(2, 1), HasSubstr("between others"));
  EXPECT_THAT(delivered(1, 1, Bytes(5)), HasSubstr("another size"));
  EXPECT_EQ(machine->running(), 2u);
}

TEST_F(OnlineRoundsTest, LearnsFromDeliveriesWhatALinkCarries) {
  common.bursts = true;
  start(2);
  // w1's downlink carries 4 Mbit/s, half of what is declared; w0's what is declared. Every delivery is held back by it.
  std::uint64_t transfer = 0;
  std::vector<Estimate> last;
  for (std::uint64_t round = 0; round < 12; ++round) {
    for (const std::uint32_t w : {0u, 1u}) {
      ready(w, round);
      const double takes = w == 0 ? 2 : 1;
      now = now + Duration::seconds(takes);
      const auto actions = *machine->delivered(
          WorkerId(1 - w), {TransferId(++transfer), kModel, {}, Duration::seconds(takes)}, now);
      for (const Action& action : actions) {
        if (const auto* learnt = std::get_if<Learnt>(&action)) last = learnt->estimates;
      }
    }
  }
  ASSERT_EQ(last.size(), 2u);
  EXPECT_NEAR(last[1].downlink.mbps(), 4, 0.1);
  EXPECT_NEAR(last[0].downlink.mbps(), 8, 0.2);
}

TEST(PaceRecord, TellsWhatATimeConsistedOf) {
  PaceRecord paces;
  const auto at = [](double s) { return Instant::at_seconds(s); };
  const auto told = [&](double from, double to) {
    std::string said;
    for (const PaceRecord::Piece& piece : paces.pieces(at(from), at(to))) {
      char one[64];
      std::snprintf(one, sizeof one, "%g-%g@%g ", piece.from.in_seconds(), piece.to.in_seconds(),
                    piece.rate.mbps());
      said += one;
    }
    return said;
  };
  paces.told(at(1), Rate::megabits_per_second(8));
  EXPECT_EQ(told(0, 3), "0-3@8 ");  // before the first: the first
  paces.told(at(2), Rate::megabits_per_second(4));
  EXPECT_EQ(told(1, 3), "1-2@8 2-3@4 ");
  paces.told(at(3), Rate::megabits_per_second(8));
  EXPECT_EQ(told(2.5, 4), "2.5-3.25@4 3.25-4@8 ");  // raised: counts from 250 ms later on
  paces.told(at(5), Rate::megabits_per_second(7));
  EXPECT_EQ(told(4, 6), "4-6@7.5 ");  // alike
  EXPECT_EQ(told(6, 6), "");
  paces.told(at(7), Rate::unlimited());
  EXPECT_EQ(told(6, 8), "6-7.25@7 7.25-8@inf ");
}

// Three deliveries, one after the other, over a link of 8 Mbit/s: each waits at 80 kbit/s until it is its turn.
TEST(OnlineLearning, WhatWaitedForItsTurnWasNotHeldBack) {
  BandwidthEstimator estimator;
  for (const std::uint32_t w : {0u, 1u, 2u, 3u})
    estimator.join(WorkerId(w), Rate::megabits_per_second(800), Rate::megabits_per_second(8));
  OnlineLearning learning;
  for (int round = 0; round < 5; ++round) {
    const Duration begin = Duration::seconds(10.0 * round);
    for (const std::uint32_t w : {1u, 2u, 3u}) {
      PaceRecord paces;
      const Duration turn = begin + Duration::seconds(w - 1.0);
      if (w > 1) paces.told(Instant() + begin, Rate::megabits_per_second(0.08));
      paces.told(Instant() + turn, Rate::megabits_per_second(8));
      learning.delivered({WorkerId(w), WorkerId(0), kModel, begin, turn + Duration::seconds(1), {}, {}},
                         paces);
    }
    learning.look(estimator);
    EXPECT_GE(estimator.downlink(WorkerId(0)).mbps(), 7.5);
    EXPECT_LE(estimator.downlink(WorkerId(0)).mbps(), 8.7);
  }
}

}  // namespace
}  // namespace selmcast::sync
