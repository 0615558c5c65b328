// A budget that concurrent requests share: who is answered, when, and how much is granted.
#include "selmcast/net/budget.h"

#include <gtest/gtest.h>

#include <vector>

#include "selmcast/net/link_testing.h"

namespace selmcast::net {
namespace {

class BudgetTest : public LinkTest {};

TEST_F(BudgetTest, AnswersFromTheLoopAndNeverFromInsideAsk) {
  const auto budget = make_budget(io, Rate::unlimited());
  std::vector<Bytes> granted;
  budget->ask(Bytes(100), [&](Bytes bytes) {
    granted.push_back(bytes);
    budget->ask(Bytes(1 << 20), [&](Bytes more) { granted.push_back(more); });
    EXPECT_EQ(granted.size(), 1u);
  });
  EXPECT_TRUE(granted.empty());
  ASSERT_TRUE(run_until([&] { return granted.size() == 2; }));
  EXPECT_EQ(granted, (std::vector{Bytes(100), kBudgetQuantum}));
}

TEST_F(BudgetTest, AWithdrawnRequestIsNeverAnswered) {
  const auto budget = make_budget(io, Rate::unlimited());
  bool withdrawn_answered = false;
  bool other_answered = false;
  const auto ticket = budget->ask(Bytes(1), [&](Bytes) { withdrawn_answered = true; });
  budget->ask(Bytes(1), [&](Bytes) { other_answered = true; });
  budget->withdraw(ticket);
  ASSERT_TRUE(run_until([&] { return other_answered; }));
  run_what_is_ready();
  EXPECT_FALSE(withdrawn_answered);
}

TEST_F(BudgetTest, ARequestMayWithdrawAnotherOneThatIsAboutToBeAnswered) {
  const auto budget = make_budget(io, Rate::unlimited());
  bool second_answered = false;
  bool third_answered = false;
  Budget::Ticket second = 0;
  budget->ask(Bytes(1), [&](Bytes) { budget->withdraw(second); });
  second = budget->ask(Bytes(1), [&](Bytes) { second_answered = true; });
  budget->ask(Bytes(1), [&](Bytes) { third_answered = true; });
  ASSERT_TRUE(run_until([&] { return third_answered; }));
  EXPECT_FALSE(second_answered);
}

TEST_F(BudgetTest, AHigherRateReachesThoseWhoWaitAlready) {
  const auto budget = make_budget(io, Rate::bits_per_second(8));  // 16,384 s a quantum
  int answered = 0;
  for (int i = 0; i < 2; ++i) budget->ask(kBudgetQuantum, [&](Bytes) { ++answered; });
  ASSERT_TRUE(run_until([&] { return answered == 1; }));  // the burst
  budget->set_rate(Rate::megabits_per_second(100));
  EXPECT_TRUE(run_until([&] { return answered == 2; }));
}

}  // namespace
}  // namespace selmcast::net
