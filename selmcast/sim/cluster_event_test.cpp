// Workers that come, go, die and slow down, and links that change, with numbers from a pencil: all links carry 100
// byte/s, a multicast has 100 bytes, computing takes 1 s.
#include "selmcast/sim/cluster_event.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "selmcast/sim/observer.h"
#include "selmcast/sim/simulation.h"

namespace selmcast::sim {
namespace {

using Kind = ClusterEvent::Kind;

Settings everybody_to_everybody(Sync sync, std::size_t workers, double seconds) {
  Settings settings;
  settings.sync = sync;
  settings.planner = "broadcast";
  settings.workers = workers;
  settings.min_receivers = sync::MinReceivers::count(1);
  settings.max_age.reset();
  settings.staleness = 0;
  settings.volume = Bytes(100);
  settings.bandwidth = {.nominal = Rate::bits_per_second(800), .lambda = 0};
  settings.compute = ComputeTimes::constant(Duration::seconds(1));
  settings.horizon = Duration::seconds(seconds);
  return settings;
}

ClusterEvent event(double time, std::uint32_t worker, Kind kind, double factor = 1) {
  return {Instant::at_seconds(time), worker, kind, factor};
}

// Adds up what it is told.
class Account : public Observer {
 public:
  void did(WorkerIndex worker, Activity activity, Span span, std::uint64_t, std::size_t reached) override {
    seconds[activity] += (span.to - span.from).in_seconds();
    reached_ += reached;
    auto& end = ends_[worker.value()];
    if (span.from < end) overlap = true;
    end = span.to;
  }
  void delivery(plan::Pair, Span, DeliveryEnd end) override { ++deliveries[end]; }

  std::map<Activity, double> seconds;
  std::map<DeliveryEnd, std::uint64_t> deliveries;
  bool overlap = false;

 private:
  std::size_t reached_ = 0;
  std::map<std::uint32_t, Instant> ends_;
};

Outcome run(const Settings& settings, Observer* observer = nullptr) {
  const Result<void> valid = validate(settings);
  EXPECT_TRUE(valid) << valid.error().message;
  return simulate(settings, 1, observer);
}

TEST(ClusterEvents, AStragglerHoldsUpTheOthersByTheRule) {
  // w0 computes 3 s and sends 1 s: 3 rounds in 12 s. Alone (asp) w1 makes 6 of 2 s: (9 + 6) of 24 s. In step: 3, of
  // which it computes 3 s: (9 + 3) of 24 s.
  Settings settings = everybody_to_everybody(Sync::asp, 2, 12.5);
  settings.events = {event(0, 0, Kind::slow, 3)};
  settings.horizon = Duration::seconds(12);
  EXPECT_NEAR(run(settings).npu_utilization, 15.0 / 24, 1e-9);
  for (const Sync sync : {Sync::bsp, Sync::ssp}) {
    settings.sync = sync;
    EXPECT_NEAR(run(settings).npu_utilization, 12.0 / 24, 1e-9);
  }
}

TEST(ClusterEvents, ASlowdownHoldsForComputationsThatStartInIt) {
  // w0 is slow from 0.5 s to 3.5 s: its second computation, from 2 s on, takes 4 s; the third, from 7 s on, 1 s. asp,
  // to 8 s: 1 + 4 + 1 = 6 s. w1 computes every other second: 4 s.
  Settings settings = everybody_to_everybody(Sync::asp, 2, 8);
  settings.events = {event(0.5, 0, Kind::slow, 4), event(3.5, 0, Kind::slow, 1)};
  EXPECT_NEAR(run(settings).npu_utilization, 10.0 / 16, 1e-9);
}

TEST(ClusterEvents, ACrashHoldsUpEverybodyUntilItIsNoticed) {
  // Three send to two each from 1 s on: two flows a downlink, 50 byte/s. At 1.5 s w2 dies with 75 bytes to go
  // everywhere: its uplink and downlink carry nothing, so all three multicasts stand still. At 3.5 s it is out; w0
  // and w1 have each other's downlink alone: 75 bytes in 0.75 s. From 4.25 s: 1 s computing, 1 s sending, computing
  // again up to 7.25 s.
  //   computed: 3 s + 3 s + 1 s (w2 before it died); there: 7.25 + 7.25 + 1.5 = 16 s
  for (const Sync sync : {Sync::bsp, Sync::ssp}) {
    Settings settings = everybody_to_everybody(sync, 3, 7.25);
    settings.events = {event(1.5, 2, Kind::crash)};
    const Outcome outcome = run(settings);
    EXPECT_NEAR(outcome.npu_utilization, 7.0 / 16, 1e-9);
    EXPECT_EQ(outcome.multicasts, 4U) << "w0 and w1, two each";
    EXPECT_EQ(outcome.deliveries, 4U);
    EXPECT_EQ(outcome.dropped, 4U) << "two of w2, one each to it";
    EXPECT_FALSE(outcome.multicast_scale_bound.has_value()) << "of no fixed number of workers";
  }
}

TEST(ClusterEvents, WhoComesBackBeforeItWasMissedIsTakenOutAndInAgain) {
  // As above, but at 2.5 s w2 is back, which tells on it: w0 and w1 go on a second earlier, and end at 3.25 s.
  // ssp: w2 has as many rounds as the slowest, 0, and computes from 2.5 s to 3.5 s, then sends 100 bytes to both. They
  // compute from 3.25 s on? No: the staleness is 0, so they wait until 4.5 s for w2's first round.
  Settings settings = everybody_to_everybody(Sync::ssp, 3, 5);
  settings.events = {event(1.5, 2, Kind::crash), event(2.5, 2, Kind::join)};
  const Outcome outcome = run(settings);
  // Computed up to 5 s: w0 1 + 0.5, w1 the same, w2 1 + 1 + 0.5. There: 5 + 5 + 1.5 + 2.5 = 14 s.
  EXPECT_NEAR(outcome.npu_utilization, 5.5 / 14, 1e-9);
  EXPECT_EQ(outcome.multicasts, 3U);
}

TEST(ClusterEvents, ANewcomerOfSspComputesAtOnce) {
  // w0 and w1 compute and send in turn, 1 s each; w2 comes at 2.5 s and computes to 3.5 s. From 3 s w0 and w1 send to
  // two: w2's downlink gives 50 byte/s to each, so they take until 5 s. w2's own flow has 50 byte/s too (the others'
  // downlinks) and at 5 s 25 bytes to go, then 100 byte/s: 5.25 s. All compute from then on; the horizon is at 6.25
  // s.
  //   computed: 3 + 3 + 2; there: 6.25 + 6.25 + 3.75
  Settings settings = everybody_to_everybody(Sync::ssp, 3, 6.25);
  settings.events = {event(2.5, 2, Kind::join)};
  const Outcome outcome = run(settings);
  EXPECT_NEAR(outcome.npu_utilization, 8 / 16.25, 1e-9);
  EXPECT_EQ(outcome.multicasts, 5U);
  EXPECT_EQ(outcome.deliveries, 8U) << "one each, then two each of three";
}

TEST(ClusterEvents, ANewcomerOfBspWaitsForTheNextRound) {
  // Rounds of w0 and w1 start at 0, 2 and 4 s; w2 came at 2.5 s and is in the third: 1 s computing, then 50 byte/s
  // each, to 7 s. The horizon is at 7.5 s. computed: 3.5 + 3.5 + 1.5; there: 7.5 + 7.5 + 5.
  Settings settings = everybody_to_everybody(Sync::bsp, 3, 7.5);
  settings.events = {event(2.5, 2, Kind::join)};
  const Outcome outcome = run(settings);
  EXPECT_NEAR(outcome.npu_utilization, 8.5 / 20, 1e-9);
  EXPECT_EQ(outcome.rounds, 3U);
  EXPECT_EQ(outcome.multicasts, 7U);
  EXPECT_EQ(outcome.deliveries, 10U);
}

TEST(ClusterEvents, WhoLeavesFinishesWhatItSends) {
  // ssp: w2 leaves at 0.5 s while it computes, at once: 0.5 of 0.5 s. The others 2 of 4 s each.
  Settings settings = everybody_to_everybody(Sync::ssp, 3, 4);
  settings.events = {event(0.5, 2, Kind::leave)};
  EXPECT_NEAR(run(settings).npu_utilization, 4.5 / 8.5, 1e-9);
  // At 1.5 s it sends: to 3 s, as all do. Then the two compute 3 to 4 s: 2 + 2 + 1 of 4 + 4 + 3 s.
  settings.events = {event(1.5, 2, Kind::leave)};
  Outcome outcome = run(settings);
  EXPECT_NEAR(outcome.npu_utilization, 5.0 / 11, 1e-9);
  EXPECT_EQ(outcome.multicasts, 3U);
  // bsp: the round is finished, whenever in it a worker says that it leaves.
  settings.sync = Sync::bsp;
  for (const double time : {0.5, 1.5}) {
    settings.events = {event(time, 2, Kind::leave)};
    outcome = run(settings);
    EXPECT_NEAR(outcome.npu_utilization, 5.0 / 11, 1e-9);
    EXPECT_EQ(outcome.multicasts, 3U);
  }
}

TEST(ClusterEvents, WhenAllAreGoneNothingHangs) {
  for (const Sync sync : {Sync::bsp, Sync::ssp, Sync::asp}) {
    Settings settings = everybody_to_everybody(sync, 2, 20);
    settings.events = {event(0.25, 0, Kind::crash), event(0.5, 1, Kind::crash), event(10, 0, Kind::join)};
    const Outcome outcome = run(settings);
    // 0.25 and 0.5 s before the crashes; from 10 s on w0 is alone and only computes. There: 0.25 + 0.5 + 10 s.
    EXPECT_NEAR(outcome.npu_utilization, 1, 1e-9);
    EXPECT_EQ(outcome.deliveries, 0U);
  }
}

TEST(ClusterEvents, TheDeadCompleteNothing) {
  // Both send from 1 s on and die, w0 at 1.25 s, w1 at 1.5 s. At 3.25 s w0 is out, and w1 has no receiver left: that
  // completes neither a multicast nor a round. They computed 1 s each, of 1.25 and 1.5 s; observed: the same, and 0.25
  // and 0.5 s of sending.
  for (const Sync sync : {Sync::bsp, Sync::ssp, Sync::asp}) {
    Settings settings = everybody_to_everybody(sync, 2, 8);
    settings.events = {event(1.25, 0, Kind::crash), event(1.5, 1, Kind::crash)};
    Account account;
    const Outcome outcome = run(settings, &account);
    EXPECT_NEAR(outcome.npu_utilization, 2 / 2.75, 1e-9);
    EXPECT_EQ(outcome.multicasts, 0U);
    EXPECT_EQ(outcome.rounds, 0U);
    EXPECT_EQ(outcome.dropped, 2U);
    EXPECT_NEAR(account.seconds[Activity::sending], 0.75, 1e-9);
    EXPECT_FALSE(account.overlap);
  }
}

TEST(ClusterEvents, WhoLeavesAndComesBackInOneRoundOfBspIsCountedOnce) {
  // Rounds of 2 s. w1 takes its leave at 0.5 s and says at 1.5 s that it comes back: it finishes the first round and is
  // in the second. To 4 s both compute 2 s of 4.
  Settings settings = everybody_to_everybody(Sync::bsp, 2, 4);
  settings.events = {event(0.5, 1, Kind::leave), event(1.5, 1, Kind::join)};
  Account account;
  const Outcome outcome = run(settings, &account);
  EXPECT_NEAR(outcome.npu_utilization, 4.0 / 8, 1e-9);
  EXPECT_FALSE(account.overlap);
}

TEST(ClusterEvents, SlowFromTheStartWhateverComesBeforeItInTheList) {
  // w1 goes at 0 s. w0 computes 3 s alone, at 0 s already: 3 rounds of 3 s and no receivers in 9.5 s, all computing.
  for (const Sync sync : {Sync::bsp, Sync::ssp}) {
    Settings settings = everybody_to_everybody(sync, 2, 9.5);
    settings.events = {event(0, 1, Kind::leave), event(0, 0, Kind::slow, 3)};
    EXPECT_EQ(run(settings).multicasts, 3U);
  }
}

TEST(BandwidthTrace, ALinkThatIsDownStandsStillUntilItIsUp) {
  // From 1 s on w1 sends to w0, whose downlink is down from 1.5 to 2.5 s: complete at 3 s instead of 2. asp, to 4.9
  // s: w0 computes 0-1, 2-3 and 4-4.9, w1 0-1 and 3-4.
  Settings settings = everybody_to_everybody(Sync::asp, 2, 4.9);
  const Rate full = settings.bandwidth.nominal;
  settings.bandwidth_trace = {{Instant::at_seconds(1.5), 0, full, Rate()},
                              {Instant::at_seconds(2.5), 0, full, full}};
  const Outcome outcome = run(settings);
  EXPECT_NEAR(outcome.npu_utilization, 4.9 / 9.8, 1e-9);
  EXPECT_EQ(outcome.multicasts, 3U);
  // T = 1 s / 0.5 = 2 s. Mean downlinks: w0 800 bit/s for 3.9 of 4.9 s, w1 800; two multicasts fit into T at most, of
  // which one other worker can send one: (n - 1) / n = 0.5 is the least for both.
  EXPECT_NEAR(outcome.multicast_scale_bound.value(), 0.5, 1e-9);
}

TEST(BandwidthTrace, NobodyIsRequiredOverALinkThatIsDown) {
  for (const char* planner : {"broadcast", "paper", "random"}) {
    Settings settings = everybody_to_everybody(Sync::asp, 2, 4.9);
    settings.planner = planner;
    settings.max_age = 0;  // every pair, always
    const Rate full = settings.bandwidth.nominal;
    settings.bandwidth_trace = {{Instant::at_seconds(0.5), 0, full, Rate()}};
    // w1 reaches nobody and computes on: 4.9 s, multicasts at 1, 2, 3 and 4 s. w0 as ever: 2.9 s, complete at 2 and 4
    // s.
    Outcome outcome = run(settings);
    EXPECT_NEAR(outcome.npu_utilization, 7.8 / 9.8, 1e-9) << planner;
    EXPECT_EQ(outcome.multicasts, 6U);
    EXPECT_EQ(outcome.deliveries, 2U);
    // bsp: two rounds of 2 s and 0.9 s of computing.
    settings.sync = Sync::bsp;
    outcome = run(settings);
    EXPECT_NEAR(outcome.npu_utilization, 5.8 / 9.8, 1e-9) << planner;
    EXPECT_EQ(outcome.multicasts, 4U);
    EXPECT_EQ(outcome.deliveries, 2U);
  }
}

TEST(ClusterEvents, MistakesAreNamed) {
  const auto message = [](std::vector<ClusterEvent> events) {
    Settings settings = everybody_to_everybody(Sync::ssp, 2, 4);
    settings.events = std::move(events);
    const Result<void> result = validate(settings);
    return result ? std::string() : result.error().message;
  };
  EXPECT_EQ(message({event(1, 0, Kind::crash), event(2, 0, Kind::join)}), "");
  EXPECT_EQ(message({event(1, 2, Kind::crash)}), "events[0], w2: there is no such worker");
  EXPECT_EQ(message({event(2, 0, Kind::crash), event(1, 1, Kind::crash)}),
            "events[1], w1: times start at 0 and never decrease");
  EXPECT_EQ(message({event(1, 0, Kind::crash), event(2, 0, Kind::leave)}),
            "events[1], w0: goes, but is not there");
  EXPECT_EQ(message({event(1, 0, Kind::slow, 0)}), "events[0], w0: slow by a factor of 0.001 to 1000");
}

// Sending lies beside what else a worker does.
class WorkAccount : public Account {
 public:
  void did(WorkerIndex worker, Activity activity, Span span, std::uint64_t round,
           std::size_t reached) override {
    if (activity != Activity::sending) return Account::did(worker, activity, span, round, reached);
    auto& end = sent_until_[worker.value()];
    if (span.from < end) sends_twice = true;
    end = span.to;
  }
  bool sends_twice = false;

 private:
  std::map<std::uint32_t, Instant> sent_until_;
};

TEST(Observer, WithOverlapWorkersComputeOrWaitAndSendOneMulticastAtATime) {
  for (const char* planner : {"slack", "paper", "random"}) {
    Settings settings;
    settings.planner = planner;
    settings.overlap = true;
    settings.workers = 10;
    settings.min_receivers = sync::MinReceivers::count(3);
    settings.horizon = Duration::seconds(20);
    settings.staleness = 1;
    WorkAccount plain;
    const Outcome outcome = simulate(settings, 3, &plain);
    EXPECT_NEAR(plain.seconds[Activity::computing], outcome.npu_utilization * 10 * 20, 1e-6);
    EXPECT_NEAR(plain.seconds[Activity::computing] + plain.seconds[Activity::waiting], 10 * 20, 1e-6);
    EXPECT_EQ(plain.deliveries[DeliveryEnd::dropped], outcome.dropped);
    EXPECT_FALSE(plain.overlap || plain.sends_twice);
    settings.events = {event(3, 1, Kind::crash), event(7, 1, Kind::join), event(8, 2, Kind::leave),
                       event(9, 3, Kind::crash), event(9.5, 3, Kind::join)};
    WorkAccount account;
    const Outcome seen = simulate(settings, 3, &account);
    EXPECT_FALSE(account.overlap || account.sends_twice);
    EXPECT_EQ(account.deliveries[DeliveryEnd::dropped], seen.dropped);
    EXPECT_GT(seen.npu_utilization, 0.5);
  }
}

TEST(Observer, ItsAccountIsThatOfTheOutcome) {
  for (const Sync sync : {Sync::bsp, Sync::ssp, Sync::asp}) {
    for (const auto kind :
         {plan::MulticastKind::network, plan::MulticastKind::unicast, plan::MulticastKind::relay}) {
      if (kind == plan::MulticastKind::relay && sync != Sync::bsp) continue;
      Settings settings;
      settings.sync = sync;
      settings.multicast = kind;
      settings.workers = 10;
      settings.min_receivers = sync::MinReceivers::count(3);
      settings.horizon = Duration::seconds(20);
      Account plain;
      const Outcome outcome = simulate(settings, 3, &plain);
      EXPECT_NEAR(plain.seconds[Activity::computing], outcome.npu_utilization * 10 * 20, 1e-6);
      // Nobody is ever doing nothing.
      EXPECT_NEAR(plain.seconds[Activity::computing] + plain.seconds[Activity::sending] +
                      plain.seconds[Activity::waiting],
                  10 * 20, 1e-6);
      EXPECT_EQ(plain.deliveries[DeliveryEnd::dropped], outcome.dropped);
      EXPECT_GE(plain.deliveries[DeliveryEnd::delivered], outcome.deliveries)
          << "some of multicasts cut off by the end";
      EXPECT_FALSE(plain.overlap);
      // With crashes as well, and the same run with nobody looking.
      settings.events = {event(3, 1, Kind::crash), event(7, 1, Kind::join), event(8, 2, Kind::leave),
                         event(9, 3, Kind::crash), event(9.5, 3, Kind::join)};
      Account account;
      const Outcome seen = simulate(settings, 3, &account);
      EXPECT_FALSE(account.overlap);
      EXPECT_EQ(account.deliveries[DeliveryEnd::dropped], seen.dropped);
      EXPECT_EQ(seen.npu_utilization, simulate(settings, 3).npu_utilization);
    }
  }
}

}  // namespace
}  // namespace selmcast::sim
