#include "selmcast/sync/slack_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace selmcast::sync {
namespace {

Rate rate(double bytes_a_second) { return Rate::bits_per_second(8 * bytes_a_second); }
WorkerIndex w(std::uint32_t i) { return WorkerIndex(i); }

// A training of workers that multicast 100 bytes and compute for 10 s a round, max_age 4. Uplinks and downlinks in
// bytes a second, by worker. Width 0.5: kappa = 2.4 * 0.5^2 = 0.6.
class Training {
 public:
  Training(std::vector<double> uplink, std::vector<double> downlink, double width = 0.5)
      : policy(*Width::from(width)), workers(uplink.size()) {
    for (const double bytes : uplink) uplink_.push_back(rate(bytes));
    for (const double bytes : downlink) downlink_.push_back(rate(bytes));
    for (OnlineWorker& worker : workers) {
      worker.present = worker.computing = true;
      worker.expected_computing = Duration::seconds(10);
      worker.last_multicast = Duration::seconds(5);
    }
  }

  // A second after the last one was. All others are candidates, with age 0; those of `required` with age 4.
  std::vector<WorkerIndex> ready(std::uint32_t sender, int needed,
                                 const std::vector<WorkerIndex>& required = {}) {
    now = now + Duration::seconds(1);
    workers[sender].computing = false;
    workers[sender].sending = true;
    Task task{.sender = w(sender), .needed = needed, .candidates = {}};
    for (std::uint32_t j = 0; j < workers.size(); ++j) {
      const bool is_required = std::ranges::find(required, w(j)) != required.end();
      if (j != sender) task.candidates.push_back({w(j), is_required ? 4U : 0U, Bytes(100), is_required});
    }
    tasks_.push_back(task);
    std::ranges::sort(tasks_, {}, &Task::sender);
    plan(sender);
    return receivers(sender);
  }

  std::vector<WorkerIndex> receivers(std::uint32_t sender) const {
    std::vector<WorkerIndex> result;
    for (const plan::SspCandidate& candidate : task_of(sender).candidates)
      result.push_back(candidate.receiver);
    return result;
  }
  maxmin::Claim claim(std::uint32_t sender) const { return claims_[place_of(sender)]; }
  double limit(std::uint32_t sender) const { return limits_[place_of(sender)].bytes_per_second(); }
  void over(std::uint32_t sender) {
    tasks_.erase(tasks_.begin() + static_cast<std::ptrdiff_t>(place_of(sender)));
    workers[sender].sending = false;
    workers[sender].computing = true;
  }
  void set_downlink(std::uint32_t worker, double bytes) { downlink_[worker] = rate(bytes); }
  void set_remaining(std::uint32_t sender, std::int64_t bytes) {
    for (plan::SspCandidate& candidate : tasks_[place_of(sender)].candidates)
      candidate.remaining = Bytes(bytes);
  }

  SlackPolicy policy;
  std::vector<OnlineWorker> workers;
  Instant now;
  plan::MulticastKind multicast = plan::MulticastKind::network;

 private:
  struct Task {
    WorkerIndex sender;
    int needed = 0;
    std::vector<plan::SspCandidate> candidates;
  };
  std::size_t place_of(std::uint32_t sender) const {
    return static_cast<std::size_t>(std::ranges::find(tasks_, w(sender), &Task::sender) - tasks_.begin());
  }
  const Task& task_of(std::uint32_t sender) const { return tasks_[place_of(sender)]; }

  void plan(std::uint32_t ready) {
    std::vector<plan::SspTask> tasks;
    for (const Task& task : tasks_)
      tasks.push_back({.sender = task.sender,
                       .wait = {},
                       .volume = Bytes(100),
                       .needed = task.needed,
                       .candidates = task.candidates});
    const OnlineDecision decision = policy.decide({.now = now,
                                                   .ready = w(ready),
                                                   .tasks = {.multicast = multicast,
                                                             .keep_fraction = 0.75,
                                                             .uplink = uplink_,
                                                             .downlink = downlink_,
                                                             .tasks = tasks},
                                                   .workers = workers,
                                                   .max_age = 4});
    claims_.assign(decision.claims.begin(), decision.claims.end());
    limits_.assign(decision.limits.begin(), decision.limits.end());
    std::size_t place = 0;
    for (Task& task : tasks_)
      std::erase_if(task.candidates, [&](const auto&) { return !decision.verdicts[place++].has_value(); });
    EXPECT_EQ(place, decision.verdicts.size());
  }

  std::vector<Rate> uplink_;
  std::vector<Rate> downlink_;
  std::vector<Task> tasks_;
  std::vector<maxmin::Claim> claims_;
  std::vector<Rate> limits_;
};

using Workers = std::vector<WorkerIndex>;

TEST(SlackPolicy, TakesReceiversThatDoNotMakeItEndLater) {
  // Uplink 5: 20 s to w1, to w2 as well. To w3, too, 50 s: with a mean downlink of 8, tau is 12.5 s, and a second is
  // worth 0.6 * 4 / 12.5 = 0.192 receivers; 30 s are worth 5.76.
  Training training({5, 5, 5, 5}, {10, 10, 10, 2});
  EXPECT_EQ(training.ready(0, 1), (Workers{w(1), w(2)}));
  // At constant rate within 1.2 * 20 s: 100 / 24 bytes a second.
  EXPECT_NEAR(training.limit(0), 100 / 24.0, 1e-4);
}

TEST(SlackPolicy, ReachesEverybodyWhereTimeCostsNothing) {
  Training training({5, 5, 5, 5}, {10, 10, 10, 2}, 1);
  EXPECT_EQ(training.ready(0, 1), (Workers{w(1), w(2), w(3)}));
}

TEST(SlackPolicy, TakesRequiredReceiversAndAsManyAsAreNeededWhateverTheyCost) {
  Training slow({5, 5, 5, 5}, {10, 10, 10, 2});
  EXPECT_EQ(slow.ready(0, 1, {w(3)}), (Workers{w(1), w(2), w(3)}));
  Training many({5, 5, 5, 5}, {10, 10, 10, 2});
  EXPECT_EQ(many.ready(0, 3), (Workers{w(1), w(2), w(3)}));
}

TEST(SlackPolicy, SendsNothingOverLinksThatAreDown) {
  Training training({5, 5, 5}, {10, 10, 0});
  EXPECT_EQ(training.ready(0, 2), (Workers{w(1)}));
  Training alone({5}, {10});
  EXPECT_TRUE(alone.ready(0, 0).empty());
}

TEST(SlackPolicy, KeepsTheOrderOfThoseWhoAreAlikeAndLeavesTheFirstItsRate) {
  // w0 sends to both others at 5 of their 10 (limit 100 / 24). w1 gets the other part of w2 and all of w0.
  Training training({5, 5, 5}, {10, 10, 10}, 1);
  training.ready(0, 1);
  const double first = training.limit(0);
  EXPECT_EQ(training.ready(1, 1), (Workers{w(0), w(2)}));
  EXPECT_LT(training.claim(0).priority, training.claim(1).priority);
  EXPECT_DOUBLE_EQ(training.limit(0), first);
}

TEST(SlackPolicy, LetsThosePassWhoAreBehind) {
  // w0 has done four rounds of 15 s more than the two others: of the mean (4 / 3 rounds) it is 8 / 3 rounds or 40 s
  // ahead; w1, ready 1 s later, 4 / 3 rounds or 20 s behind (but for what they have computed). 0.025 * 60 s > 1 s.
  Training training({5, 5, 5}, {10, 10, 10}, 1);
  training.workers[0].completed = 4;
  training.ready(0, 1);
  training.ready(1, 1);
  EXPECT_GT(training.claim(0).priority, training.claim(1).priority);
}

TEST(SlackPolicy, PrefersReceiversWithoutAQueue) {
  // w0's multicast to all takes 100 / 24 of their 5 for 24 s. w1 gets w0 for 20 s; with w2 or w3 it would take 24 s for
  // 20 bytes and 16 s for the rest: 20 s more, at 0.6 * 4 / 20 receivers a second, are worth 2.4.
  Training training({5, 5, 5, 5}, {5, 5, 5, 5});
  EXPECT_EQ(training.ready(0, 1).size(), 3U);
  EXPECT_EQ(training.ready(1, 1), (Workers{w(0)}));
}

TEST(SlackPolicy, DropsAReceiverWhoseLinkBrokeDownUnlessItIsRequiredOrNearlyThrough) {
  for (const bool required : {false, true}) {
    for (const std::int64_t remaining : {90, 70}) {
      SCOPED_TRACE(required);
      SCOPED_TRACE(remaining);
      Training training({5, 5, 5, 5}, {10, 10, 10, 10}, 0.5);
      training.ready(0, 1, required ? Workers{w(3)} : Workers{});
      ASSERT_EQ(training.receivers(0).size(), 3U);
      // At 0.1 bytes a second w3 would take 900 s more. 75 of 100 bytes are nearly through.
      training.set_downlink(3, 0.1);
      training.set_remaining(0, remaining);
      training.ready(1, 1);
      EXPECT_EQ(training.receivers(0).size(), required || remaining == 70 ? 3U : 2U);
    }
  }
}

TEST(SlackPolicy, CountsEveryCopyOfAUnicastMulticast) {
  // One copy takes 100 / 5 = 20 s, two 40 s. With a mean downlink of 10 tau is 10 s, and at width 0.5 a second is worth
  // 6 * 0.6 / 10 receivers: 20 s cost 7.2 and bring 1. At width 1 they cost nothing. There is no limit to the uplink.
  for (const double width : {0.5, 1.0}) {
    Training training({5, 5, 5, 5}, {10, 10, 10, 10}, width);
    training.multicast = plan::MulticastKind::unicast;
    EXPECT_EQ(training.ready(0, 1).size(), width == 1 ? 3U : 1U);
    EXPECT_EQ(training.limit(0), Rate::unlimited().bytes_per_second());
  }
}

TEST(Width, IsAShare) {
  EXPECT_TRUE(Width::from(0).has_value());
  EXPECT_TRUE(Width::from(1).has_value());
  EXPECT_FALSE(Width::from(1.01).has_value());
  EXPECT_FALSE(Width::from(-0.1).has_value());
}

TEST(SlackPolicy, SharesFairlyWhereNobodyMayChoose) {
  // Whoever needs 3 receivers of 3 is forced. After k such plans of 4 workers the mean is 1 - (3/4)^k: .68 after 4, .76
  // after 5, and from .75 on nobody has the right of way, or a limit. w3 is idle: one that took its time.
  Training t({100, 100, 100, 100}, {100, 100, 100, 100});
  for (std::uint32_t k = 0; k < 4; ++k) {
    t.ready(k % 3, 3);
    EXPECT_GT(t.claim(k % 3).priority, 0U) << k;
    EXPECT_LE(t.limit(k % 3), 100) << k;
    t.over(k % 3);
  }
  t.ready(0, 3);
  t.ready(1, 3);
  EXPECT_EQ(t.claim(0).priority, 0U);
  EXPECT_EQ(t.claim(1).priority, 0U);
  EXPECT_EQ(t.limit(1), Rate::unlimited().bytes_per_second());
  // Two multicasts of 100 bytes are on their way to w2 (and to w0 and w1, one each): 300 bytes at 100 a second are 3 s
  // there, at w0 200 bytes at 50 are 4 s. So one receiver is w2 or w1 (2 s): w1.
  t.set_downlink(0, 50);
  EXPECT_EQ(t.ready(3, 1).front(), w(1));
}

TEST(SlackPolicy, GivesTheRightOfWayAgainWhenThereIsAChoice) {
  // As above, .76 after 5. Then nobody needs anybody, and takes who is worth it: .76 * (3/4)^k is .43 after 2 such
  // plans, .32 after 3.
  Training t({100, 100, 100, 100}, {100, 100, 100, 100}, 1);
  for (std::uint32_t k = 0; k < 5; ++k) {
    t.ready(k % 3, 3);
    t.over(k % 3);
  }
  for (std::uint32_t k = 0; k < 3; ++k) {
    EXPECT_FALSE(t.ready(k, 0).empty());
    EXPECT_EQ(t.claim(k).priority, 0U) << k;
    t.over(k);
  }
  t.ready(0, 0);
  EXPECT_GT(t.claim(0).priority, 0U);
}

}  // namespace
}  // namespace selmcast::sync
