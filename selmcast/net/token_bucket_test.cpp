// The emulated link in virtual time.
#include "selmcast/net/token_bucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "selmcast/base/rng.h"

namespace selmcast::net {
namespace {

constexpr Bytes kQuantum = kBudgetQuantum;  // 16,384 bytes

Instant at(double seconds) { return Instant::at_seconds(seconds); }

// One quantum takes one second.
Rate quantum_a_second() { return Rate::bits_per_second(8 * 16384); }

// Drives users who ask again as soon as they are served, until `end`; returns what each got.
std::vector<std::int64_t> serve_greedy_users(TokenBucket& bucket, const std::vector<Bytes>& wants,
                                             Instant end) {
  std::map<TokenBucket::Ticket, std::size_t> user_of;
  std::vector<std::int64_t> got(wants.size());
  for (std::size_t user = 0; user < wants.size(); ++user) user_of[bucket.ask(wants[user], Instant())] = user;
  Instant now;
  while (true) {
    now = std::max(now, bucket.next_due());
    if (now >= end) return got;
    const auto grant = bucket.next_grant(now);
    if (!grant) continue;
    const std::size_t user = user_of.at(grant->ticket);
    got[user] += grant->bytes.count();
    user_of[bucket.ask(wants[user], now)] = user;
  }
}

TEST(TokenBucket, BurstIsTwoMillisecondsBetweenAQuantumAndTheLimit) {
  EXPECT_EQ(TokenBucket::burst(Rate::megabits_per_second(20)), kQuantum);        // 5,000 bytes would be less
  EXPECT_EQ(TokenBucket::burst(Rate::megabits_per_second(120)), Bytes(30'000));  // 15e6 B/s * 2 ms
  EXPECT_EQ(TokenBucket::burst(Rate::megabits_per_second(1000)), kBudgetBurst);  // 250,000 would be more
  EXPECT_EQ(TokenBucket::burst(Rate::unlimited()), kBudgetBurst);
}

TEST(TokenBucket, GrantsAtMostAQuantumAndLessIfLessIsWanted) {
  TokenBucket bucket(Rate::megabits_per_second(1000), at(0));
  const auto small = bucket.ask(Bytes(100), at(0));
  const auto large = bucket.ask(Bytes(1'000'000), at(0));
  const auto first = bucket.next_grant(at(0));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->ticket, small);
  EXPECT_EQ(first->bytes, Bytes(100));
  const auto second = bucket.next_grant(at(0));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->ticket, large);
  EXPECT_EQ(second->bytes, kQuantum);
  EXPECT_FALSE(bucket.next_grant(at(0)).has_value());
  EXPECT_EQ(bucket.next_due(), Instant::never());
}

TEST(TokenBucket, SaysWhenTheNextGrantIsDueAndIsRight) {
  TokenBucket bucket(quantum_a_second(), at(0));
  bucket.ask(kQuantum, at(0));
  ASSERT_TRUE(bucket.next_grant(at(0)).has_value());  // the burst
  bucket.ask(kQuantum, at(0));
  EXPECT_DOUBLE_EQ(bucket.next_due().in_seconds(), 1.0);  // 16,384 bytes at 16,384 bytes a second
  EXPECT_FALSE(bucket.next_grant(at(0.999)).has_value());
  EXPECT_TRUE(bucket.next_grant(bucket.next_due()).has_value());
}

TEST(TokenBucket, BusyUsersGetEqualShares) {
  for (const std::size_t users : {1u, 2u, 7u}) {
    TokenBucket bucket(Rate::megabits_per_second(20), at(0));
    const auto got = serve_greedy_users(bucket, std::vector<Bytes>(users, Bytes(1'000'000)), at(10));
    // 2.5e6 bytes a second for 10 s and a burst of one quantum; nobody is ahead of anybody by more than a
    // quantum.
    std::int64_t total = 0;
    for (const std::int64_t bytes : got) total += bytes;
    EXPECT_NEAR(static_cast<double>(total), 25e6, 16384.0) << users;
    EXPECT_LE(std::ranges::max(got) - std::ranges::min(got), kQuantum.count()) << users;
  }
}

TEST(TokenBucket, IsServedInTheOrderOfAskingEvenIfALaterRequestIsSmaller) {
  TokenBucket bucket(quantum_a_second(), at(0));
  bucket.ask(kQuantum, at(0));
  ASSERT_TRUE(bucket.next_grant(at(0)).has_value());
  const auto large = bucket.ask(kQuantum, at(0));
  bucket.ask(Bytes(1), at(0));
  EXPECT_FALSE(
      bucket.next_grant(at(0.5)).has_value());  // half a quantum is there, but the large one was first
  EXPECT_EQ(bucket.next_grant(at(1))->ticket, large);
}

TEST(TokenBucket, AnIdleLinkSavesUpNoMoreThanItsBurst) {
  TokenBucket bucket(Rate::megabits_per_second(20), at(0));
  std::int64_t at_once = 0;
  for (int i = 0; i < 10; ++i) bucket.ask(kQuantum, at(1000));
  while (const auto grant = bucket.next_grant(at(1000))) at_once += grant->bytes.count();
  EXPECT_EQ(at_once, kQuantum.count());  // burst(20 Mbit/s)
}

TEST(TokenBucket, TimeThatSomebodyWaitedIsMadeUpForUpToTheLimit) {
  // 1000 Mbit/s = 125e6 B/s; a full burst of 65,536 is taken away first.
  const auto granted_when_served_late = [](double lateness) {
    TokenBucket bucket(Rate::megabits_per_second(1000), at(0));
    for (int i = 0; i < 4; ++i) {
      bucket.ask(kQuantum, at(0));
      EXPECT_TRUE(bucket.next_grant(at(0)).has_value());
    }
    for (int i = 0; i < 2000; ++i) bucket.ask(kQuantum, at(0));
    std::int64_t total = 0;
    while (const auto grant = bucket.next_grant(at(lateness))) total += grant->bytes.count();
    return total;
  };
  EXPECT_EQ(granted_when_served_late(0.010), 76 * 16384);  // 1,250,000 / 16,384 = 76.3
  EXPECT_EQ(granted_when_served_late(10.0), 385 * 16384);  // (65,536 + 125e6 * 0.05) / 16,384 = 385.5
}

TEST(TokenBucket, WhatWasMadeUpForIsForfeitedByAnIdleTime) {
  const auto at_once_after_pause = [](double pause) {
    TokenBucket bucket(Rate::megabits_per_second(1000), at(0));
    bucket.ask(kQuantum, at(0));
    EXPECT_TRUE(bucket.next_grant(at(0.040)).has_value());  // 40 ms late
    std::int64_t total = 0;
    for (int i = 0; i < 1000; ++i) bucket.ask(kQuantum, at(0.040 + pause));
    while (const auto grant = bucket.next_grant(at(0.040 + pause))) total += grant->bytes.count();
    return total;
  };
  // 65,536 + 125e6 * 0.04 - 16,384 = 5,049,152 tokens are left: 308.2 quanta. They outlive a moment, not 50
  // ms.
  EXPECT_EQ(at_once_after_pause(0.001), 308 * 16384);
  EXPECT_EQ(at_once_after_pause(0.051), kBudgetBurst.count());
}

TEST(TokenBucket, GivenBackBytesAreThereForTheNext) {
  TokenBucket bucket(quantum_a_second(), at(0));
  bucket.ask(kQuantum, at(0));
  ASSERT_TRUE(bucket.next_grant(at(0)).has_value());
  const auto next = bucket.ask(kQuantum, at(0));
  bucket.give_back(Bytes(16384 / 4), at(0));
  EXPECT_DOUBLE_EQ(bucket.next_due().in_seconds(), 0.75);  // three quarters of a quantum are missing
  EXPECT_EQ(bucket.next_grant(at(0.75))->ticket, next);
}

TEST(TokenBucket, AWithdrawnRequestHoldsNobodyUp) {
  TokenBucket bucket(quantum_a_second(), at(0));
  const auto withdrawn = bucket.ask(kQuantum, at(0));
  const auto other = bucket.ask(Bytes(10), at(0));
  bucket.withdraw(withdrawn, at(0));
  EXPECT_EQ(bucket.waiting(), 1u);
  EXPECT_EQ(bucket.next_grant(at(0))->ticket, other);
}

TEST(TokenBucket, ANewRateHoldsFromThatMomentOn) {
  TokenBucket bucket(quantum_a_second(), at(0));
  bucket.ask(kQuantum, at(0));
  ASSERT_TRUE(bucket.next_grant(at(0)).has_value());
  bucket.ask(kQuantum, at(0));
  bucket.set_rate(quantum_a_second() * 2, at(0.5));
  EXPECT_DOUBLE_EQ(bucket.next_due().in_seconds(),
                   0.75);  // half a quantum by 0.5 s, the other at twice the rate
}

TEST(TokenBucket, AnUnlimitedRateGrantsAtOnce) {
  TokenBucket bucket(Rate::unlimited(), at(0));
  for (int i = 0; i < 1000; ++i) {
    bucket.ask(Bytes(1 << 20), at(0));
    ASSERT_TRUE(bucket.next_grant(at(0)).has_value());
  }
  bucket.set_rate(quantum_a_second(), at(0));
  bucket.ask(kQuantum, at(0));
  ASSERT_TRUE(bucket.next_grant(at(0)).has_value());  // the burst
  bucket.ask(kQuantum, at(0));
  EXPECT_FALSE(bucket.next_grant(at(0.5)).has_value());
}

TEST(TokenBucket, NeverExceedsItsBoundUnderRandomUse) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const Rate rate = Rate::megabits_per_second(rng.uniform(1, 1000));
    TokenBucket bucket(rate, at(0));
    const double slack = static_cast<double>(TokenBucket::burst(rate).count()) +
                         rate.bytes_per_second() * kBudgetCatchUp.in_seconds();
    double now = 0;
    std::vector<std::pair<double, double>> grants;  // (when, bytes)
    for (int step = 0; step < 400; ++step) {
      now += rng.below(4) == 0 ? rng.uniform(0, 0.2) : rng.uniform(0, 0.002);
      for (std::uint64_t i = rng.below(4); i > 0; --i) {
        bucket.ask(Bytes(1 + static_cast<std::int64_t>(rng.below(40'000))), at(now));
      }
      for (std::uint64_t i = rng.below(4); i > 0; --i) {
        if (const auto grant = bucket.next_grant(at(now))) {
          grants.emplace_back(now, static_cast<double>(grant->bytes.count()));
        }
      }
    }
    for (std::size_t first = 0; first < grants.size(); ++first) {
      double sum = 0;
      for (std::size_t last = first; last < grants.size(); ++last) {
        sum += grants[last].second;
        const double allowed = rate.bytes_per_second() * (grants[last].first - grants[first].first) + slack;
        ASSERT_LE(sum, allowed + 1) << "grants " << first << " to " << last;
      }
    }
  }
}

TEST(TokenBucketDeathTest, AskingForNothingIsOurBug) {
  TokenBucket bucket(quantum_a_second(), at(0));
  EXPECT_DEATH(bucket.ask(Bytes(0), at(0)), "wants something");
}

}  // namespace
}  // namespace selmcast::net
