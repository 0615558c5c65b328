#include "selmcast/worker/manager_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "selmcast/worker/limits.h"

namespace selmcast::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

template <class Kind>
std::vector<Kind> all(const ManagerLink::Actions& actions) {
  std::vector<Kind> found;
  for (const auto& action : actions) {
    if (const auto* one = std::get_if<Kind>(&action)) found.push_back(*one);
  }
  return found;
}

template <class Message>
std::vector<Message> writes(const ManagerLink::Actions& actions) {
  std::vector<Message> found;
  for (const auto& write : all<ManagerLink::Write>(actions)) {
    if (const auto* one = std::get_if<Message>(&write.message)) found.push_back(*one);
  }
  return found;
}

const Error kReset{ErrorCode::unavailable, "connection reset"};

// Welcomed at 1 s by manager 1; heartbeats every 0.5 s, 10 s of silence at most, 60 s for it to come back.
struct ManagerLinkTest : ::testing::Test {
  ManagerLink link{Duration::seconds(20)};
  Instant now = Instant::at_seconds(1);

  void hello() {
    wire::Hello hello;
    hello.name = "w0";
    EXPECT_THAT(writes<wire::Hello>(link.say(hello, now)), SizeIs(1));
  }
  ManagerLink::Actions came(const wire::ToWorker& message, std::uint64_t heard = 0) {
    return link.came(message, heard, now);
  }
  void join(Duration patience = Duration::seconds(60)) {
    hello();
    came(wire::Welcome{WorkerId(0), 1, 77, 3, Duration::milliseconds(500), Duration::seconds(10), false,
                       false, patience});
  }
  ManagerLink::Actions tick_at(double seconds) {
    now = Instant::at_seconds(seconds);
    return link.tick(now);
  }
};

TEST_F(ManagerLinkTest, BeatsItsHeartAsOftenAsItWasAskedAndSaysHowMuchItHasHeard) {
  join();
  EXPECT_EQ(link.deadline(), Instant::at_seconds(1.5));
  EXPECT_THAT(tick_at(1.4), IsEmpty());
  const auto beat = tick_at(1.5);
  EXPECT_THAT(writes<wire::Heartbeat>(beat), SizeIs(1));
  EXPECT_EQ(all<ManagerLink::Write>(beat)[0].heard, 1u);  // the Welcome
  EXPECT_EQ(link.deadline(), Instant::at_seconds(2));
}

TEST_F(ManagerLinkTest, BeatsItsHeartWhileItWaitsForItsWelcomeAlsoOnTheNextStream) {
  hello();  // at 1 s
  EXPECT_EQ(link.deadline(), Instant::at_seconds(1.5));
  EXPECT_THAT(writes<wire::Heartbeat>(tick_at(1.5)), SizeIs(1));
  EXPECT_THAT(came(wire::Alive{}), IsEmpty());
  link.broken(kReset, now);
  const auto dial = tick_at(1.55);  // kRedialFirst after
  EXPECT_THAT(writes<wire::Hello>(dial), SizeIs(1));
  EXPECT_THAT(writes<wire::Heartbeat>(dial), IsEmpty());
  EXPECT_THAT(writes<wire::Heartbeat>(tick_at(2.05)), SizeIs(1));
}

TEST_F(ManagerLinkTest, WhatWasNotHeardIsSaidAgainToTheNextManagerInOrder) {
  join();
  link.say(wire::Ready{Round(0)}, now);
  link.say(wire::TransferFailed{TransferId(1), "reset"}, now);
  came(wire::Alive{}, 1);  // it has heard Ready
  EXPECT_EQ(link.unheard(), 1u);
  EXPECT_THAT(link.broken(kReset, now), IsEmpty());
  EXPECT_TRUE(link.is_away());
  EXPECT_THAT(link.say(wire::TransferFailed{TransferId(2), "reset"}, now), IsEmpty());  // kept

  const auto dial = tick_at(1.05);  // kRedialFirst after
  EXPECT_THAT(all<ManagerLink::Dial>(dial), SizeIs(1));
  EXPECT_THAT(writes<wire::Resume>(dial),
              ElementsAre(wire::Resume{wire::kControlProtocolVersion, "w0", 77, 1}));
  EXPECT_THAT(link.say(wire::TransferFailed{TransferId(3), "reset"}, now),
              IsEmpty());  // not before it has answered
  const auto resumed = came(wire::Resumed{2}, 1);
  EXPECT_THAT(all<ManagerLink::Hand>(resumed), SizeIs(1));
  const auto again = writes<wire::TransferFailed>(resumed);
  ASSERT_THAT(again, SizeIs(3));
  for (std::uint64_t k : {0, 1, 2}) EXPECT_EQ(again[k].transfer, TransferId(k + 1));
  EXPECT_THAT(writes<wire::Ready>(resumed), IsEmpty());
  EXPECT_FALSE(link.is_away());
}

TEST_F(ManagerLinkTest, DialsLessAndLessOftenAndGivesUpInTheEnd) {
  join();
  link.broken(kReset, now);
  std::vector<double> gaps;
  Instant last = now;
  while (true) {
    const Instant due = link.deadline();
    const auto actions = link.tick(due);
    if (!all<ManagerLink::Lost>(actions).empty()) {
      EXPECT_EQ(due, now + Duration::seconds(60));
      EXPECT_THAT(all<ManagerLink::Lost>(actions)[0].error.message, HasSubstr("did not come back within 60"));
      break;
    }
    ASSERT_THAT(all<ManagerLink::Dial>(actions), SizeIs(1));
    gaps.push_back((due - last).in_seconds());
    last = due;
    link.broken({ErrorCode::unavailable, "refused"}, due);
  }
  // 50, 100, 200, 400, 800 ms, then every second.
  EXPECT_NEAR(gaps.at(0), 0.05, 1e-9);
  EXPECT_NEAR(gaps.at(4), 0.8, 1e-9);
  EXPECT_NEAR(gaps.at(5), 1, 1e-9);
  EXPECT_NEAR(gaps.back(), 1, 1e-9);
  EXPECT_EQ(link.deadline(), Instant::never());
}

TEST_F(ManagerLinkTest, ASilentManagerIsHungUpOnAndDialledAnew) {
  join();
  came(wire::Alive{});
  EXPECT_THAT(all<ManagerLink::HangUp>(tick_at(10.9)), IsEmpty());
  EXPECT_THAT(all<ManagerLink::HangUp>(tick_at(11)), SizeIs(1));
  EXPECT_THAT(all<ManagerLink::Dial>(tick_at(11.05)), SizeIs(1));
}

TEST_F(ManagerLinkTest, AnyWordOfTheManagerIsASignOfLife) {
  join();
  now = Instant::at_seconds(10);
  came(wire::Commit{TransferId(3)});
  EXPECT_THAT(all<ManagerLink::HangUp>(tick_at(19.9)), IsEmpty());
}

TEST_F(ManagerLinkTest, WithoutPatienceALostOrSilentManagerIsTheEnd) {
  join(Duration());
  const auto lost = all<ManagerLink::Lost>(link.broken(kReset, now));
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0].error.message, "connection reset");
  link = ManagerLink(Duration());
  join(Duration());
  const auto silent = all<ManagerLink::Lost>(tick_at(11));
  ASSERT_THAT(silent, SizeIs(1));
  EXPECT_THAT(silent[0].error.message, HasSubstr("not been heard for 10"));
}

TEST_F(ManagerLinkTest, BeforeItsWelcomeItSaysHelloAgain) {
  hello();
  link.broken(kReset, now);
  EXPECT_THAT(writes<wire::Hello>(tick_at(1.05)), SizeIs(1));
  EXPECT_THAT(all<ManagerLink::Lost>(tick_at(21)), SizeIs(1));
}

TEST_F(ManagerLinkTest, AnOlderManagerIsRefused) {
  join();
  link.broken(kReset, now);
  tick_at(1.05);
  came(wire::Resumed{3});
  link.broken(kReset, now);
  tick_at(2);
  const auto lost = all<ManagerLink::Lost>(came(wire::Resumed{2}));
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_THAT(lost[0].error.message, HasSubstr("manager 2 after manager 3"));
}

TEST_F(ManagerLinkTest, WhatComesAfterHangingUpIsNotHeard) {
  join();
  tick_at(11);
  EXPECT_THAT(came(wire::Commit{TransferId(3)}), IsEmpty());
}

TEST_F(ManagerLinkTest, WhoSaidGoodbyeIsNotSorry) {
  join();
  EXPECT_THAT(writes<wire::Goodbye>(link.say(wire::Goodbye{"done"}, now)), SizeIs(1));
  EXPECT_THAT(link.broken(kReset, now), IsEmpty());
  EXPECT_EQ(link.deadline(), Instant::never());
}

}  // namespace
}  // namespace selmcast::worker
