#include "selmcast/sync/online_machine.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace selmcast::sync {
namespace {

constexpr Bytes kVolume = Bytes(100);

// Takes what the test says; by default the required ones and the first others up to min_receivers.
class Scripted : public OnlinePolicy {
 public:
  bool plans_running() const override { return true; }
  OnlineDecision decide(const OnlineView& view) override {
    waits.clear();
    verdicts_.clear();
    claims_.clear();
    limits_.clear();
    for (const plan::SspTask& task : view.tasks.tasks) {
      waits.push_back(task.wait);
      int needed = task.needed;
      for (const plan::SspCandidate& candidate : task.candidates) needed -= candidate.required ? 1 : 0;
      for (const plan::SspCandidate& candidate : task.candidates) {
        const bool dropped = drop == plan::Pair{task.sender, candidate.receiver};
        const bool running = task.sender != view.ready;
        const bool take = candidate.required || (!dropped && (running || needed-- > 0));
        verdicts_.push_back(take ? plan::Verdict(plan::Reason::basic) : std::nullopt);
      }
      if (claim_weight > 0) claims_.push_back({.weight = claim_weight});
      if (claim_weight > 0) limits_.push_back(limit);
    }
    return {verdicts_, claims_, limits_};
  }

  plan::Pair drop{};
  double claim_weight = 0;
  Rate limit;
  std::vector<Duration> waits;  // of the tasks of the last call

 private:
  std::vector<plan::Verdict> verdicts_;
  std::vector<maxmin::Claim> claims_;
  std::vector<Rate> limits_;
};

// Links of 100 byte/s; of every delivery half remains and takes half a second.
class HalfWay : public NetworkView {
 public:
  std::span<const Rate> uplink() const override { return rates_; }
  std::span<const Rate> downlink() const override { return rates_; }
  void read_remaining(WorkerIndex, std::span<plan::SspCandidate> candidates) const override {
    for (plan::SspCandidate& candidate : candidates) candidate.remaining = Bytes(50);
  }
  Duration time_left(WorkerIndex) const override { return Duration::seconds(0.5); }

 private:
  std::vector<Rate> rates_ = std::vector<Rate>(8, Rate::bits_per_second(800));
};

// w0, w1, ... with one receiver each, driven by hand. Actions as text: "1>2!" drop, "1>2,3" start, "1*" claim, "1."
// complete, "1+" go on.
class OnlineMachineTest : public testing::Test {
 protected:
  void start(int workers, OnlineSettings settings) {
    auto policy = std::make_unique<Scripted>();
    policy_ = policy.get();
    machine_ = std::make_unique<OnlineMachine>(settings, std::move(policy));
    for (int i = 0; i < workers; ++i) join(i);
  }
  OnlineSettings lenient() const {
    OnlineSettings settings;
    settings.max_age.reset();
    settings.staleness.reset();
    return settings;
  }
  std::string join(int worker) {
    return text(machine_->join(index(worker), {kVolume, Duration::seconds(2), Duration::seconds(1)}, now_));
  }
  std::string leave(int worker) { return text(machine_->leave(index(worker), now_)); }
  std::string computed(int worker) { return text(machine_->computed(index(worker), network_, now_)); }
  std::string delivered(int sender, int receiver) {
    const std::vector<plan::Pair> pairs{{index(sender), index(receiver)}};
    return text(machine_->delivered(pairs, now_));
  }
  std::string failed(int sender, int receiver) {
    return text(machine_->failed({index(sender), index(receiver)}, now_));
  }
  std::string plan(int worker) { return text(machine_->plan(index(worker), network_, now_)); }
  void at(double seconds) { now_ = Instant::at_seconds(seconds); }
  std::uint32_t age(int sender, int receiver) const {
    return machine_->ages().age(
        {WorkerId(static_cast<std::uint32_t>(sender)), WorkerId(static_cast<std::uint32_t>(receiver))});
  }

  static WorkerIndex index(int worker) { return WorkerIndex(static_cast<std::uint32_t>(worker)); }
  std::string text(OnlineMachine::Actions actions) const {
    std::string out;
    for (const OnlineAction& action : actions) {
      if (!out.empty()) out += ' ';
      out += std::to_string(action.worker.value());
      switch (action.kind) {
        case OnlineAction::Kind::drop: out += ">" + std::to_string(action.receiver.value()) + "!"; break;
        case OnlineAction::Kind::start:
          for (char mark = '>'; const plan::SspCandidate& candidate : machine_->receivers(action.worker)) {
            out += mark + std::to_string(candidate.receiver.value());
            mark = ',';
          }
          break;
        case OnlineAction::Kind::claim: out += "*"; break;
        case OnlineAction::Kind::complete: out += "."; break;
        case OnlineAction::Kind::go_on: out += "+"; break;
      }
    }
    return out;
  }

  Instant now_;
  HalfWay network_;
  Scripted* policy_ = nullptr;
  std::unique_ptr<OnlineMachine> machine_;
};

TEST_F(OnlineMachineTest, ARoundIsComputingSendingAndGoingOn) {
  start(3, lenient());
  at(2);
  EXPECT_EQ(computed(1), "1>0");
  EXPECT_TRUE(machine_->workers()[1].sending);
  at(3);
  EXPECT_EQ(delivered(1, 0), "1. 1+");
  EXPECT_EQ(machine_->workers()[1].completed, 1U);
  EXPECT_EQ(machine_->workers()[1].last_multicast, Duration::seconds(1));
  ASSERT_EQ(machine_->delivered(index(1)).size(), 1U);
}

TEST_F(OnlineMachineTest, NobodyIsMoreThanStalenessRoundsAheadOfTheSlowest) {
  OnlineSettings settings = lenient();
  settings.staleness = 1;
  start(2, settings);
  EXPECT_EQ(computed(0), "0>1");
  EXPECT_EQ(delivered(0, 1), "0. 0+") << "one round ahead is allowed";
  EXPECT_EQ(computed(0), "0>1");
  EXPECT_EQ(delivered(0, 1), "0.") << "two are not";
  EXPECT_EQ(computed(1), "1>0");
  EXPECT_EQ(delivered(1, 0), "1. 0+ 1+") << "the slowest has one more: both go on";
}

TEST_F(OnlineMachineTest, WhereComputedRoundsCountASlowMulticastHoldsNobodyUp) {
  OnlineSettings settings = lenient();
  settings.staleness = 1;
  settings.staleness_rule = StalenessRule::computed;  // may start while less than one ahead
  start(2, settings);
  EXPECT_EQ(computed(0), "0>1");
  EXPECT_EQ(delivered(0, 1), "0.") << "w1 has computed none";
  EXPECT_EQ(computed(1), "0+ 1>0") << "now it has, though its multicast still runs";
}

TEST_F(OnlineMachineTest, TellsThePolicyHowLongAMulticastMayTake) {
  OnlineSettings settings = lenient();
  settings.staleness = 0;
  start(3, settings);
  at(0.5);
  computed(0);
  // w0 will be one round ahead of w1 and w2. Both have 2 - 0.5 s to compute and 1 s to send: it waits 2.5 s.
  EXPECT_EQ(policy_->waits, std::vector{Duration::seconds(2.5)});
  at(1);
  computed(1);
  // w2 has 1 + 1 s. w0 has half a second left, w1 as much as it is expected to take: they wait for w2.
  EXPECT_EQ(policy_->waits, (std::vector{Duration::seconds(2), Duration::seconds(2)}));
  at(2);
  computed(2);
  // All send. The slowest is w2 itself with its 1 s, which waits for those with half a second left.
  EXPECT_EQ(policy_->waits,
            (std::vector{Duration::seconds(1), Duration::seconds(1), Duration::seconds(0.5)}));
}

TEST_F(OnlineMachineTest, ADroppedOrFailedDeliveryEndsAMulticastButResetsNoAge) {
  OnlineSettings settings = lenient();
  settings.min_receivers = MinReceivers::count(2);
  settings.age_start = AgeStart::zero;
  start(3, settings);
  EXPECT_EQ(computed(0), "0>1,2");
  policy_->drop = {index(0), index(2)};
  EXPECT_EQ(computed(1), "0>2! 1>0,2");
  EXPECT_EQ(delivered(0, 1), "0. 0+");
  EXPECT_EQ(age(0, 1), 0U);
  EXPECT_EQ(age(0, 2), 1U);
  EXPECT_EQ(failed(1, 0), "");
  EXPECT_EQ(failed(1, 2), "1. 1+") << "it has reached nobody, and goes on";
  EXPECT_EQ(age(1, 0), 1U);
}

TEST_F(OnlineMachineTest, APairThatIsTooOldIsRequired) {
  OnlineSettings settings = lenient();
  settings.max_age = 1;
  settings.age_start = AgeStart::zero;
  start(3, settings);
  EXPECT_EQ(computed(0), "0>1");
  delivered(0, 1);
  EXPECT_EQ(age(0, 2), 1U);
  EXPECT_EQ(computed(0), "0>2") << "one receiver is enough, and it is the one that is due";
}

TEST_F(OnlineMachineTest, ClaimsAndLimitsOfAPolicyReachAllThatRuns) {
  start(4, lenient());
  policy_->claim_weight = 2;
  policy_->limit = Rate::bits_per_second(8);
  EXPECT_EQ(computed(0), "0>1");
  policy_->claim_weight = 3;
  const auto actions = machine_->computed(index(1), network_, now_);
  EXPECT_EQ(text(actions), "0* 1>0");
  for (const OnlineAction& action : actions) {
    EXPECT_EQ(action.claim.weight, 3);
    EXPECT_EQ(action.limit, Rate::bits_per_second(8));
  }
  EXPECT_EQ(text(machine_->computed(index(2), network_, now_)), "2>0") << "nothing is said twice";
}

TEST_F(OnlineMachineTest, AWorkerThatLeavesFreesThoseThatSendToItOrWaitForIt) {
  OnlineSettings settings = lenient();
  settings.staleness = 0;
  start(3, settings);
  EXPECT_EQ(computed(1), "1>0");
  EXPECT_EQ(delivered(1, 0), "1.") << "it waits for the others";
  EXPECT_EQ(computed(2), "2>0");
  // w2's only receiver is gone: its round is complete. Nobody has less than one round now: w1 and w2 go on.
  EXPECT_EQ(leave(0), "2>0! 2. 1+ 2+");
  EXPECT_EQ(machine_->present(), 2U);
  EXPECT_EQ(computed(1), "1>2");
  EXPECT_EQ(leave(1), "1>2!") << "its own deliveries are cut off, and it completes nothing";
  EXPECT_EQ(leave(2), "");
}

TEST_F(OnlineMachineTest, ANewcomerIsAsFarAsTheSlowest) {
  OnlineSettings settings = lenient();
  settings.staleness = 0;
  start(2, settings);
  computed(0);
  computed(1);
  delivered(0, 1);
  EXPECT_EQ(delivered(1, 0), "1. 0+ 1+");
  EXPECT_EQ(join(2), "2+");
  EXPECT_EQ(machine_->workers()[2].completed, 1U);
  computed(0);
  EXPECT_EQ(delivered(0, 1), "0.");
  computed(1);
  EXPECT_EQ(delivered(1, 0), "1.") << "the newcomer is waited for";
  EXPECT_EQ(computed(2), "2>0");
  EXPECT_EQ(delivered(2, 0), "2. 0+ 1+ 2+");
}

TEST_F(OnlineMachineTest, OneThatIsLeftAloneGoesOn) {
  for (const bool overlap : {false, true}) {
    OnlineSettings settings = lenient();
    settings.overlap = overlap;
    start(1, settings);
    EXPECT_EQ(computed(0), "0. 0+");
  }
}

// ---- overlap -----------------------------------------------------------------------------------------------

TEST_F(OnlineMachineTest, WithOverlapAWorkerComputesWhileItSendsAndIsHeldByItsLastMulticast) {
  OnlineSettings settings = lenient();
  settings.overlap = true;
  start(2, settings);
  at(2);
  EXPECT_EQ(computed(0), "0>1 0+");
  at(3);
  EXPECT_EQ(computed(0), "") << "it has one snapshot, which is still being sent";
  EXPECT_TRUE(machine_->workers()[0].held);
  EXPECT_EQ(machine_->unplanned(), std::nullopt);
  at(4);
  EXPECT_EQ(delivered(0, 1), "0.");
  EXPECT_EQ(machine_->workers()[0].last_multicast, Duration::seconds(2));
  ASSERT_EQ(machine_->unplanned(), index(0));
  EXPECT_EQ(plan(0), "0>1 0+");
  EXPECT_EQ(machine_->unplanned(), std::nullopt);
  at(5);
  EXPECT_EQ(delivered(0, 1), "0.") << "it computes, and so does not go on";
  EXPECT_EQ(machine_->workers()[0].last_multicast, Duration::seconds(1));
}

TEST_F(OnlineMachineTest, WithOverlapTheRoundsComputedCountAgainstTheLeastCompleted) {
  OnlineSettings settings = lenient();
  settings.overlap = true;
  settings.staleness = 1;
  start(2, settings);
  EXPECT_EQ(computed(0), "0>1 0+") << "one ahead of w1, and of its own multicast";
  EXPECT_EQ(delivered(0, 1), "0.");
  EXPECT_EQ(computed(0), "0>1") << "two ahead of w1";
  EXPECT_EQ(computed(1), "1>0 1+");
  EXPECT_EQ(delivered(1, 0), "1. 0+") << "w1 has completed one, and w0 computed two";
  EXPECT_EQ(computed(0), "") << "held: its second multicast runs";
  EXPECT_EQ(delivered(0, 1), "0.");
  EXPECT_EQ(plan(0), "0>1") << "three computed, one completed by w1";
}

TEST_F(OnlineMachineTest, WithOverlapNobodyNeedsItsLinksBeforeItHasComputed) {
  OnlineSettings settings = lenient();
  settings.overlap = true;
  settings.staleness = 1;
  start(3, settings);
  at(0.5);
  computed(0);
  // w0 goes on at once, and expects to compute for 2 s.
  EXPECT_EQ(policy_->waits, std::vector{Duration::seconds(2)});
  at(1.5);
  computed(1);
  EXPECT_EQ(policy_->waits, (std::vector{Duration::seconds(1), Duration::seconds(2)}));
  at(2);
  computed(0);  // held: what runs should end now
  computed(2);
  EXPECT_EQ(policy_->waits, (std::vector{Duration(), Duration::seconds(1.5), Duration::seconds(2)}));
}

TEST_F(OnlineMachineTest, WithOverlapAHeldWorkerMayLeave) {
  OnlineSettings settings = lenient();
  settings.overlap = true;
  start(3, settings);
  EXPECT_EQ(computed(1), "1>0 1+");
  EXPECT_EQ(computed(1), "");
  EXPECT_EQ(leave(1), "1>0!");
  EXPECT_EQ(machine_->unplanned(), std::nullopt);
  EXPECT_EQ(join(1), "1+");
  EXPECT_EQ(computed(1), "1>0 1+");
  EXPECT_EQ(computed(1), "");
  EXPECT_EQ(leave(0), "1>0! 1.") << "its only receiver is gone";
  EXPECT_EQ(plan(1), "1>2 1+");
}

}  // namespace
}  // namespace selmcast::sync
