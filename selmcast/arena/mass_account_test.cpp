// The account must be able to fail: each test breaks it in front of it.
#include "selmcast/arena/mass_account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace selmcast::arena {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// w0 sends transfers 1 to w1 and 2 to w2.
struct MassAccountTest : testing::Test {
  worker::MassBook w0, w1, w2;
  MassAccount account;
  std::uint64_t share = 0;

  void heard(std::size_t at, const wire::ToWorker& order) { account.heard(at, order, {&w0, &w1, &w2}); }
  void SetUp() override {
    share = w0.split(std::vector{TransferId(1), TransferId(2)});
    heard(0, wire::RoundPlan{});
  }
};

TEST_F(MassAccountTest, IsContentWhileSharesAreUnderWayCommittedOrBack) {
  EXPECT_THAT(account.violations(), IsEmpty());
  account.offered(TransferId(1), {Round(0), share});
  w1.receive(share);
  heard(1, wire::Commit{TransferId(1)});
  w0.take_back(TransferId(2));
  heard(0, wire::Cancel{TransferId(2), "dropped"});
  heard(2, wire::Cancel{TransferId(2), "dropped"});  // its receiver hears it, too
  w0.finish();
  heard(0, wire::GoOn{});
  EXPECT_THAT(account.violations(), IsEmpty());
}

TEST_F(MassAccountTest, NoticesAShareThatIsFoldedAndTakenBack) {
  w1.receive(share);
  heard(1, wire::Commit{TransferId(1)});
  w0.take_back(TransferId(1));
  heard(0, wire::Alive{});
  EXPECT_THAT(account.violations(), Contains(HasSubstr("off by 366503875925 quanta after an order to w0")));
}

TEST_F(MassAccountTest, NoticesAShareThatIsLost) {
  heard(0, wire::Cancel{TransferId(1), "dropped"});  // and is not taken back
  EXPECT_THAT(account.violations(), Contains(HasSubstr("off by -366503875925")));
}

TEST_F(MassAccountTest, NoticesAnOfferThatWeighsOtherwise) {
  account.offered(TransferId(1), {Round(0), share + 1});
  EXPECT_THAT(account.violations(), Contains(HasSubstr("weighs other than its share")));
}

}  // namespace
}  // namespace selmcast::arena
