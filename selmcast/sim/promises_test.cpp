// What every policy promises, watched from outside on whole simulated trainings.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "selmcast/sim/observer.h"
#include "selmcast/sim/simulation.h"

namespace selmcast::sim {
namespace {

// Of each pair: how many multicasts of the sender were completed since the last one that reached the receiver.
class Ages : public Observer {
 public:
  explicit Ages(std::size_t workers) : ages_(workers, std::vector<std::uint32_t>(workers)), reached_(ages_) {}

  void delivery(plan::Pair pair, Span, DeliveryEnd end) override {
    if (end == DeliveryEnd::delivered) reached_[position(pair.sender)][position(pair.receiver)] = 1;
    if (end == DeliveryEnd::dropped) ++dropped;
  }
  void did(WorkerIndex worker, Activity activity, Span, std::uint64_t, std::size_t reached) override {
    if (activity != Activity::sending) return;
    if (reached == 0) return;  // cut off by the horizon
    const std::size_t i = position(worker);
    for (std::size_t j = 0; j < ages_.size(); ++j) {
      if (j == i) continue;
      ages_[i][j] = reached_[i][j] == 1 ? 0 : ages_[i][j] + 1;
      reached_[i][j] = 0;
      oldest = std::max(oldest, ages_[i][j]);
    }
  }

  std::uint32_t oldest = 0;
  std::size_t dropped = 0;

 private:
  std::vector<std::vector<std::uint32_t>> ages_, reached_;
};

TEST(Promises, EveryPairMeetsInMaxAgePlusOneMulticasts) {
  // So no pair is ever older than max_age when a multicast is complete; with 15 of 50 some must get that old.
  for (const char* planner : {"slack", "paper", "random"}) {
    for (const auto& [gamma, overlap] : {std::pair(0.0, false), {1.0, false}, {1.0, true}}) {
      for (const std::uint32_t max_age : {1U, 4U}) {
        SCOPED_TRACE(std::string(planner) + ", gamma " + std::to_string(gamma) + ", max age " +
                     std::to_string(max_age) + (overlap ? ", overlap" : ""));
        Settings settings;
        settings.planner = planner;
        settings.max_age = max_age;
        settings.overlap = overlap;
        settings.bandwidth.gamma = gamma;
        settings.horizon = Duration::seconds(30);
        Ages ages(settings.workers);
        simulate(settings, 7, &ages);
        EXPECT_EQ(ages.oldest, max_age);
      }
    }
  }
}

TEST(Promises, SlackDropsAReceiverInAHundredAtMostWhereLinksStayAsTheyAre) {
  // What it drops there is what somebody who was behind passed. Where links change, it is several times as much.
  std::size_t steady = 0;
  for (const double gamma : {0.0, 1.0}) {
    Settings settings;
    settings.planner = "slack";
    settings.bandwidth.gamma = gamma;
    settings.horizon = Duration::seconds(30);
    Ages ages(settings.workers);
    const Outcome outcome = simulate(settings, 7, &ages);
    if (gamma == 0) {
      steady = ages.dropped;
      EXPECT_LT(steady, outcome.deliveries / 100);
    } else {
      EXPECT_GT(ages.dropped, 3 * steady);
    }
  }
}

TEST(Promises, SlackTradesUtilisationForScale) {
  // Each width must reach more and compute less than the one before, down to everybody at width 1.
  double npu = 1, scale = 0;
  for (const double width : {0.25, 0.5, 0.75, 1.0}) {
    Settings settings;
    settings.planner = "slack";
    settings.width = *sync::Width::from(width);
    settings.horizon = Duration::seconds(60);
    const Outcome outcome = simulate(settings, 7);
    EXPECT_LT(outcome.npu_utilization, npu) << width;
    EXPECT_GT(outcome.multicast_scale, scale) << width;
    npu = outcome.npu_utilization;
    scale = outcome.multicast_scale;
  }
  EXPECT_DOUBLE_EQ(scale, 49.0 / 50);
}

}  // namespace
}  // namespace selmcast::sim
