// The checkers must be able to fail: each test breaks one promise in front of them.
#include "selmcast/arena/checkers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace selmcast::arena {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const WorkerId a(0), b(1);
const std::vector<float> model_a{1, 2}, model_b{3, 6};

sync::Transfer transfer(std::uint64_t id) {
  return {TransferId(id),     a, b, Bytes(8), Rate::megabits_per_second(1), Rate::megabits_per_second(1),
          plan::Reason::basic};
}

// One round in which a sent to b and b mixed.
struct Story {
  Checkers checkers{3};
  worker::SyncReport report{
      .round = Round(0), .mixed_with = {a}, .sent_to = {}, .workers = 2, .predicted = {}, .elapsed = {}};
  std::vector<float> mixed{2, 4};  // (1 + 3) / 2, (2 + 6) / 2

  void run(bool streamed = true, bool committed = true, Rate rate = Rate::megabits_per_second(1),
           WorkerId to = b) {
    checkers.synchronize_called(a, Round(0), model_a);
    checkers.synchronize_called(b, Round(0), model_b);
    checkers.planned({{1, 1}, {1, Round(0), {transfer(1)}, {}, {}}});
    if (streamed) checkers.stream_started(a, to, TransferId(1), rate);
    sync::RoundEnded ended;
    ended.round = Round(0);
    ended.members = {a, b};
    ended.transfers = {{transfer(1), committed, "", {}, {}}};
    checkers.round_over({{1, 1}, ended});
    checkers.synchronized(b, report, mixed, 0);
  }
};

TEST(Checkers, AreContentWithARightRound) {
  Story story;
  story.run();
  EXPECT_THAT(story.checkers.violations(), IsEmpty());
}

TEST(Checkers, NoticeAWrongMix) {
  Story story;
  story.mixed[1] = 4.001F;
  story.run();
  EXPECT_THAT(story.checkers.violations(), Contains(HasSubstr("wrong mix")));
}

TEST(Checkers, NoticeTrafficThatWasNotPlanned) {
  Story wrong_rate, wrong_peer, unknown;
  wrong_rate.run(true, true, Rate::megabits_per_second(2));
  EXPECT_THAT(wrong_rate.checkers.violations(), Contains(HasSubstr("another rate")));
  wrong_peer.run(true, true, Rate::megabits_per_second(1), a);
  EXPECT_THAT(wrong_peer.checkers.violations(), Contains(HasSubstr("other workers than planned")));
  unknown.checkers.stream_started(a, b, TransferId(9), Rate());
  EXPECT_THAT(unknown.checkers.violations(), Contains(HasSubstr("not of the plan")));
}

TEST(Checkers, NoticeACommitWithoutTrafficAndAMixWithoutCommit) {
  Story unsent, uncommitted;
  unsent.run(false);
  EXPECT_THAT(unsent.checkers.violations(), Contains(HasSubstr("never sent")));
  uncommitted.run(true, false);
  EXPECT_THAT(uncommitted.checkers.violations(),
              Contains(HasSubstr("mixed with others than were committed")));
}

TEST(Checkers, NoticeAPairThatDoesNotMeet) {
  Checkers checkers(1);
  sync::RoundEnded ended;
  ended.members = {a, b};
  for (int round = 0; round < 2; ++round) checkers.round_over({{1, 1}, ended});
  EXPECT_THAT(checkers.violations(),
              IsEmpty());  // two rounds without a meeting are allowed: the third must not be
  checkers.round_over({{1, 1}, ended});
  EXPECT_THAT(checkers.violations(), Contains(HasSubstr("has not met for 3 rounds")));
}

TEST(Checkers, NoticeALeakedBuffer) {
  Story story;
  story.run();
  story.checkers.synchronized(b, story.report, story.mixed, 1);
  EXPECT_THAT(story.checkers.violations(), Contains(HasSubstr("receive buffers")));
}

}  // namespace
}  // namespace selmcast::arena
