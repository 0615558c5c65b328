#include "selmcast/sync/online_policy.h"

#include <array>

#include "selmcast/plan/ssp_baselines.h"
#include "selmcast/plan/ssp_paper_planner.h"
#include "selmcast/sync/slack_policy.h"

namespace selmcast::sync {
namespace {

class Paper : public OnlinePolicy {
 public:
  bool plans_running() const override { return true; }
  OnlineDecision decide(const OnlineView& view) override { return {planner_.plan(view.tasks), {}, {}}; }

 private:
  plan::SspPaperPlanner planner_;
};

class Random : public OnlinePolicy {
 public:
  explicit Random(Rng rng) : rng_(rng) {}
  bool plans_running() const override { return false; }
  OnlineDecision decide(const OnlineView& view) override {
    return {baselines_.random(view.tasks, view.ready, rng_), {}, {}};
  }

 private:
  Rng rng_;
  plan::SspBaselines baselines_;
};

class Broadcast : public OnlinePolicy {
 public:
  bool plans_running() const override { return false; }
  OnlineDecision decide(const OnlineView& view) override {
    return {baselines_.broadcast(view.tasks, view.ready), {}, {}};
  }

 private:
  plan::SspBaselines baselines_;
};

constexpr std::array<std::string_view, 4> kNames{"slack", "paper", "random", "broadcast"};

}  // namespace

std::span<const std::string_view> online_policy_names() { return kNames; }

std::unique_ptr<OnlinePolicy> make_online_policy(std::string_view name, Rng rng, Width width) {
  if (name == "slack" || name == "auto") return std::make_unique<SlackPolicy>(width);
  if (name == "paper") return std::make_unique<Paper>();
  if (name == "random") return std::make_unique<Random>(rng);
  if (name == "broadcast") return std::make_unique<Broadcast>();
  return nullptr;
}

}  // namespace selmcast::sync
