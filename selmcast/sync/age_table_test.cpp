#include "selmcast/sync/age_table.h"

#include <gtest/gtest.h>

#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/sync/meetings.h"

namespace selmcast::sync {
namespace {

const WorkerId a(0), b(1), c(2);

AgeTable three(std::uint32_t max_age = 2) {
  AgeTable ages(max_age, AgeStart::zero);
  for (WorkerId worker : {a, b, c}) ages.join(worker);
  return ages;
}

TEST(AgeTable, OnlyAReachedReceiverStartsAnew) {
  AgeTable ages = three();
  const std::vector<WorkerId> to_b{b};
  ages.complete(a, to_b);
  ages.complete(a, to_b);
  EXPECT_EQ(ages.age({a, b}), 0u);
  EXPECT_EQ(ages.age({a, c}), 2u);  // two multicasts passed it by
  EXPECT_EQ(ages.age({c, a}), 0u);  // c sent nothing yet
  EXPECT_EQ(ages.oldest(), 2u);
}

TEST(AgeTable, RequiredFromMaxAgeOn) {
  AgeTable ages = three();
  ages.complete(a, std::vector<WorkerId>{b});
  EXPECT_TRUE(ages.required().empty());
  ages.complete(a, std::vector<WorkerId>{b});
  EXPECT_EQ(ages.required(), (std::vector<WorkerPair>{{a, c}}));
}

TEST(AgeTable, MaxAgeZeroRequiresEverybody) { EXPECT_EQ(three(0).required().size(), 6u); }

TEST(AgeTable, ALeaverIsInNoPairAndAJoinerStartsAtZero) {
  AgeTable ages = three(0);
  ages.complete(a, std::vector<WorkerId>{b});
  ages.leave(c);
  EXPECT_EQ(ages.oldest(), 0u);
  const WorkerId d(3);
  ages.join(d);
  EXPECT_EQ(ages.age({a, d}), 0u);
  EXPECT_EQ(ages.required().size(), 6u);  // a, b, d
}

TEST(AgeTable, StaggeredAgesAskOfEveryRoundTheSame) {
  // 9 workers, max_age 3, nothing but required pairs sent: 8 pairs a sender over 4 rounds, so 2 in every round, for
  // every sender and every receiver, for ever. From zero it would be none for three rounds and then all 8.
  AgeTable ages(3, AgeStart::staggered);
  for (std::uint32_t w = 0; w < 9; ++w) ages.join(WorkerId(w));
  for (int round = 0; round < 12; ++round) {
    std::vector<std::vector<WorkerId>> reached(9);
    std::vector<int> received(9, 0);
    for (const WorkerPair& pair : ages.required()) {
      reached[pair.sender.value()].push_back(pair.receiver);
      ++received[pair.receiver.value()];
    }
    for (std::uint32_t w = 0; w < 9; ++w) {
      EXPECT_NEAR(static_cast<int>(reached[w].size()), 2, 1) << "round " << round;
      EXPECT_NEAR(received[w], 2, 1) << "round " << round;
      ages.complete(WorkerId(w), reached[w]);
    }
  }
}

TEST(Meetings, CountsMulticastsFromOneMeetingToTheNext) {
  Meetings meetings;
  for (WorkerId worker : {a, b}) meetings.join(worker);
  const auto round = [&](bool meet) {
    if (meet) meetings.met({a, b});
    meetings.multicast_completed(a);
  };
  round(true);
  EXPECT_EQ(meetings.widest_gap(), 1u);
  round(false);
  round(false);
  EXPECT_EQ(meetings.widest_gap(), 2u);  // open gap: two multicasts without b
  round(true);
  EXPECT_EQ(meetings.widest_gap(), 3u);  // met in the third
}

TEST(Meetings, AGapWiderThanPromisedIsBrokenOnceAndAFailedDeliveryExcusesOneMulticast) {
  Meetings meetings(2);  // at most 3 multicasts from one meeting to the next
  for (const WorkerId worker : {a, b, c}) meetings.join(worker);
  const auto multicast = [&] { meetings.multicast_completed(a); };
  for (int k = 0; k < 2; ++k) multicast();
  meetings.met({a, b});
  meetings.excuse({a, c});  // failed
  multicast();              // gaps: a -> b 3 and over, a -> c 3 and open
  EXPECT_EQ(meetings.broken(), 0u);
  multicast();  // a -> c 4, excused
  EXPECT_EQ(meetings.broken(), 0u);
  multicast();  // a -> c 5
  EXPECT_EQ(meetings.broken(), 1u);
  multicast();  // a -> b 3, a -> c 6: counted already
  EXPECT_EQ(meetings.broken(), 1u);
  multicast();  // a -> b 4
  EXPECT_EQ(meetings.broken(), 2u);
  EXPECT_EQ(meetings.widest_gap(), 7u);
}

TEST(Meetings, ForgettingAnAgeWouldShow) {
  // 4 workers, max_age 2, each multicast reaches the required pairs and one at random: no gap over 3. If required
  // pairs are ignored, a gap over 3 appears.
  for (bool obey : {true, false}) {
    AgeTable ages(2, AgeStart::zero);
    Meetings meetings;
    Rng rng(5);
    for (std::uint32_t w = 0; w < 4; ++w) {
      ages.join(WorkerId(w));
      meetings.join(WorkerId(w));
    }
    for (int round = 0; round < 200; ++round) {
      const auto required = ages.required();
      for (std::uint32_t i = 0; i < 4; ++i) {
        const WorkerId random((i + 1 + static_cast<std::uint32_t>(rng.below(3))) % 4);
        std::vector<WorkerId> reached{random};
        for (const WorkerPair& pair : required) {
          if (obey && pair.sender == WorkerId(i) && pair.receiver != random) reached.push_back(pair.receiver);
        }
        for (WorkerId receiver : reached) meetings.met({WorkerId(i), receiver});
        ages.complete(WorkerId(i), reached);
        meetings.multicast_completed(WorkerId(i));
      }
    }
    EXPECT_EQ(meetings.widest_gap() <= 3, obey);
  }
}

}  // namespace
}  // namespace selmcast::sync
