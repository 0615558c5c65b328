#include "selmcast/worker/mixer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace selmcast::worker {
namespace {

using ::testing::ElementsAre;

TEST(AverageMixer, IsTheMeanOfTheOwnAndAllReceivedModels) {
  AverageMixer mixer;
  mixer.begin(2);
  mixer.fold(WorkerId(1), std::vector<float>{3, 10});
  mixer.fold(WorkerId(2), std::vector<float>{8, -7});
  std::vector<float> own{1, 3};
  mixer.finish(own);
  EXPECT_THAT(own, ElementsAre(4, 2));  // (1 + 3 + 8) / 3, (3 + 10 - 7) / 3
}

TEST(AverageMixer, LeavesEveryBitAloneIfNothingWasReceived) {
  AverageMixer mixer;
  mixer.begin(3);
  const std::vector<float> before{-0.0F, std::numeric_limits<float>::denorm_min(), 0.1F};
  std::vector<float> own = before;
  mixer.finish(own);
  for (std::size_t k = 0; k < own.size(); ++k) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(own[k]), std::bit_cast<std::uint32_t>(before[k]));
  }
}

TEST(AverageMixer, ARoundThatWasAbandonedLeavesNothingToTheNext) {
  AverageMixer mixer;
  mixer.begin(1);
  mixer.fold(WorkerId(1), std::vector<float>{100});
  mixer.begin(1);
  mixer.fold(WorkerId(2), std::vector<float>{3});
  std::vector<float> own{1};
  mixer.finish(own);
  EXPECT_THAT(own, ElementsAre(2));  // (1 + 3) / 2
}

}  // namespace
}  // namespace selmcast::worker
