// Workers that come while the training runs, and streams that break while the manager lives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "selmcast/manager/durable_manager.h"
#include "selmcast/manager/manager_core_testing.h"

namespace selmcast::manager {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Elastic : ManagerCoreTest {
  void SetUp() override {
    settings.elastic = true;
    start();
  }
  // Of whoever comes as session 7; the outputs of its CatchUp.
  Outputs comes_and_catches_up(const std::string& name) {
    comes(7, hello_of(name));
    return says(7, wire::CatchUp{});
  }
};

TEST_F(Elastic, AComerIsWelcomeGetsModelsAndIsAMember) {
  const Outputs outputs = comes(7, hello_of("w9"));
  const auto welcome = told<wire::Welcome>(outputs, 7);
  ASSERT_THAT(welcome, SizeIs(1));
  EXPECT_TRUE(welcome[0].catch_up);
  EXPECT_EQ(welcome[0].id, WorkerId(3));
  EXPECT_EQ(welcome[0].workers, 4u);
  EXPECT_THAT(all<Came>(outputs), SizeIs(1));
  says(7, wire::CatchUp{});
  const Outputs planned = everybody_ready(Round(0));  // of the three: nobody waits for it
  const auto plan = all<Planned>(planned).at(0);
  EXPECT_THAT(told<wire::RoundPlan>(planned, 7).at(0).outgoing, IsEmpty());
  EXPECT_THAT(told<wire::RoundPlan>(planned, 7).at(0).incoming, SizeIs(3));
  Outputs last;
  for (const sync::Transfer& t : plan.plan.transfers) {
    const std::uint64_t session = t.receiver == WorkerId(3) ? 7 : t.receiver.value();
    last = says(session, wire::Delivered{t.id, t.bytes, Duration(), Duration::seconds(1)});
  }
  EXPECT_THAT(told<wire::RoundEnd>(last, 7), SizeIs(1));
  EXPECT_THAT(told<wire::CaughtUp>(last, 7), ElementsAre(wire::CaughtUp{Round(1), 4}));
  EXPECT_THAT(told<wire::CaughtUp>(last, 0), IsEmpty());
}

TEST_F(Elastic, AVisitorThatIsNotReadyCostsNobodyAnything) {
  comes(7, hello_of("w9"));
  const Outputs planned = everybody_ready(Round(0));
  EXPECT_THAT(told<wire::RoundPlan>(planned, 7), IsEmpty());
  EXPECT_THAT(told<wire::RoundEnd>(deliver(all<Planned>(planned).at(0)), 0), SizeIs(1));
}

// Nothing reaches w9. After three rounds it is told so, with its address; under its name nobody is welcome at that
// host for 30 s, then 60 s.
TEST_F(Elastic, AGuestThatNothingReachesIsTurnedAwayWithItsAddressAndNotWelcomeAgainAtOnce) {
  std::uint64_t round = 0, session = 7;
  for (const char* wait : {"30 s", "60 s"}) {
    comes(session, hello_of("w9"));
    says(session, wire::CatchUp{});
    Outputs last;
    for (int attempt = 0; attempt < 3; ++attempt, ++round) {
      now = now + Duration::seconds(5);
      const auto plan = all<Planned>(everybody_ready(Round(round))).at(0);
      for (const sync::Transfer& t : plan.plan.transfers) {
        last =
            t.receiver == WorkerId(3)
                ? says(t.sender.value(), wire::TransferFailed{t.id, "no answer", WorkerId(3)})
                : says(t.receiver.value(), wire::Delivered{t.id, t.bytes, Duration(), Duration::seconds(1)});
      }
    }
    ASSERT_THAT(told<wire::Reject>(last, session), SizeIs(1)) << wait;
    const wire::Hello hello = hello_of("w9");
    EXPECT_THAT(told<wire::Reject>(last, session)[0].reason,
                AllOf(HasSubstr("in 3 attempts no model of the others reached it (no answer)"),
                      HasSubstr(hello.data_host + ":" + std::to_string(hello.data_port)), HasSubstr(wait)));
    ASSERT_THAT(all<Left>(last), SizeIs(1));
    EXPECT_THAT(all<Left>(last)[0].why, HasSubstr("no answer"));
    ++session;
    EXPECT_THAT(told<wire::Reject>(comes(session, hello_of("w9")), session).at(0).reason,
                HasSubstr("come again in " + std::string(wait)));
    wire::Hello elsewhere = hello_of("w9");
    elsewhere.data_host = "10.0.0.9";
    ++session;
    EXPECT_THAT(told<wire::Welcome>(comes(session, elsewhere), session), SizeIs(1));
    core->closed(SessionId(session), "gone", now);
    now = now + Duration::seconds(60);
    ++session;
  }
}

TEST_F(Elastic, WhoComesBackUnderItsNameHasItsIdAgain) {
  core->closed(SessionId(1), "connection lost", now);
  EXPECT_EQ(told<wire::Welcome>(comes(7, hello_of("w1")), 7).at(0).id, WorkerId(1));
  EXPECT_EQ(told<wire::Welcome>(comes(8, hello_of("another")), 8).at(0).id, WorkerId(3));
}

TEST_F(Elastic, ANameThatSomebodyHasIsRefusedAndSoIsAnotherModel) {
  EXPECT_THAT(told<wire::Reject>(comes(7, hello_of("w1")), 7).at(0).reason,
              HasSubstr("another worker is called 'w1'"));
  wire::Hello other = hello_of("w9");
  other.model.tensors.pop_back();
  EXPECT_THAT(told<wire::Reject>(comes(8, other), 8).at(0).reason,
              HasSubstr("its model is not that of worker"));
}

TEST_F(Elastic, NamesAreBounded) {
  for (std::uint64_t k = 3; k < kNamesMin; ++k) {
    comes(100 + k, hello_of("n" + std::to_string(k)));
    core->closed(SessionId(100 + k), "gone", now);
  }
  EXPECT_THAT(told<wire::Reject>(comes(7, hello_of("new")), 7).at(0).reason,
              HasSubstr("workers of 1000 names"));
  EXPECT_THAT(told<wire::Welcome>(comes(8, hello_of("n5")), 8), SizeIs(1));
}

TEST_F(Elastic, WhenNoMemberIsLeftTheTrainingIsOverForGuestsToo) {
  comes_and_catches_up("w9");
  for (std::uint64_t k = 0; k < 2; ++k) says(k, wire::Goodbye{"done"});
  const Outputs last = says(2, wire::Goodbye{"done"});
  EXPECT_THAT(told<wire::Reject>(last, 7).at(0).reason, HasSubstr("the training is over"));
  EXPECT_THAT(all<Finished>(last), SizeIs(1));
  EXPECT_FALSE(all<Finished>(last)[0].error.has_value());
}

TEST_F(Elastic, WhoIsThereCannotCatchUpAndAVisitorCannotSpeakOfAnythingElse) {
  EXPECT_THAT(told<wire::Reject>(says(0, wire::CatchUp{}), 0).at(0).reason, HasSubstr("is not behind"));
  comes(7, hello_of("w9"));
  EXPECT_THAT(told<wire::Reject>(says(7, wire::Ready{Round(0)}), 7).at(0).reason,
              HasSubstr("before its welcome"));
}

TEST_F(ManagerCoreTest, WithoutElasticNobodyComesAndIsToldHowTo) {
  start();
  EXPECT_THAT(told<wire::Reject>(comes(7, hello_of("w9")), 7).at(0).reason, HasSubstr("--elastic"));
}

// Stream k is worker k's.
struct Streams : ::testing::Test {
  ManagerSettings settings;
  std::optional<DurableManager> manager;
  Instant now = Instant::at_seconds(100);
  std::vector<Output> observed;

  Streams() {
    settings.rounds.planner = plan::find_planner("broadcast");
    settings.workers = 3;
    settings.run_token = 99;
    settings.elastic = true;
    settings.stream_patience = Duration::seconds(0.5);
    manager.emplace(settings, now);
    for (std::uint64_t k = 0; k < 3; ++k) comes(k, hello_of("w" + std::to_string(k)));
  }
  Effects done(Effects effects) {
    for (const Effect& effect : effects) {
      if (const auto* output = std::get_if<Observed>(&effect)) observed.push_back(output->output);
    }
    return effects;
  }
  Effects comes(std::uint64_t stream, const wire::FromWorker& first, std::uint64_t heard = 0) {
    manager->opened(StreamId(stream), now);
    return done(manager->message(StreamId(stream), first, heard, now));
  }
  void breaks(std::uint64_t stream) { done(manager->closed(StreamId(stream), "connection lost", now)); }
  template <class Message>
  static std::size_t written(const Effects& effects, std::uint64_t stream) {
    return static_cast<std::size_t>(std::ranges::count_if(effects, [&](const Effect& effect) {
      const auto* write = std::get_if<Write>(&effect);
      return write != nullptr && write->stream == StreamId(stream) &&
             std::holds_alternative<Message>(write->message);
    }));
  }
};

TEST_F(Streams, AWorkerWhoseStreamBreaksMayTakeItUpAgainAndHearsWhatItMissed) {
  breaks(1);
  EXPECT_THAT(all<Left>(observed), IsEmpty());
  now = now + Duration::seconds(0.4);
  done(manager->tick(now));
  // It has heard nothing yet, not even its welcome.
  const Effects effects = comes(11, wire::Resume{wire::kControlProtocolVersion, "w1", 99, 1}, 0);
  EXPECT_EQ(written<wire::Resumed>(effects, 11), 1u);
  EXPECT_EQ(written<wire::Welcome>(effects, 11), 1u);
  now = now + Duration::seconds(1);
  done(manager->tick(now));
  EXPECT_THAT(all<Left>(observed), IsEmpty());
}

TEST_F(Streams, AWorkerThatDoesNotComeBackInTimeIsLost) {
  breaks(1);
  EXPECT_EQ(manager->deadline(), now + Duration::seconds(0.5));
  now = now + Duration::seconds(0.5);
  done(manager->tick(now));
  ASSERT_THAT(all<Left>(observed), SizeIs(1));
  EXPECT_THAT(all<Left>(observed)[0].why, HasSubstr("connection lost, and not taken up again within 0.5 s"));
}

TEST_F(Streams, ANewProcessOfTheNameIsNotMadeToWait) {
  breaks(1);
  wire::Hello hello = hello_of("w1");
  hello.data_port = 4001;
  const Effects effects = comes(11, hello);
  ASSERT_THAT(all<Left>(observed), SizeIs(1));
  EXPECT_THAT(all<Left>(observed)[0].why, HasSubstr("a new process of its name"));
  EXPECT_EQ(written<wire::Welcome>(effects, 11), 1u);
}

}  // namespace
}  // namespace selmcast::manager
