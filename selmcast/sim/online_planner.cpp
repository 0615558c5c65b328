#include "selmcast/sim/online_planner.h"

#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/plan/ssp_paper_planner.h"

namespace selmcast::sim {
namespace {

class Paper : public OnlinePlanner {
 public:
  bool plans_running() const override { return true; }
  std::span<const plan::Verdict> plan(const plan::SspTasks& tasks) override { return planner_.plan(tasks); }

 private:
  plan::SspPaperPlanner planner_;
};

class Broadcast : public OnlinePlanner {
 public:
  bool plans_running() const override { return false; }
  std::span<const plan::Verdict> plan(const plan::SspTasks& tasks) override {
    verdicts_.assign(tasks.candidate_count(), plan::Reason::broadcast);
    return verdicts_;
  }

 private:
  std::vector<plan::Verdict> verdicts_;
};

class Random : public OnlinePlanner {
 public:
  explicit Random(Rng rng) : rng_(rng) {}
  bool plans_running() const override { return false; }

  std::span<const plan::Verdict> plan(const plan::SspTasks& tasks) override {
    SELMCAST_CHECK(tasks.tasks.size() == 1, "it plans the ready worker only");
    const plan::SspTask& task = tasks.tasks.front();
    verdicts_.assign(task.candidates.size(), std::nullopt);
    others_.clear();
    int missing = task.needed;
    for (std::size_t k = 0; k < task.candidates.size(); ++k) {
      if (task.candidates[k].required) {
        verdicts_[k] = plan::Reason::required;
        --missing;
      } else {
        others_.push_back(k);
      }
    }
    // Fisher-Yates from the front, as far as receivers are needed.
    for (std::size_t k = 0; missing > 0 && k < others_.size(); ++k, --missing) {
      std::swap(others_[k], others_[k + rng_.below(others_.size() - k)]);
      verdicts_[others_[k]] = plan::Reason::random;
    }
    return verdicts_;
  }

 private:
  Rng rng_;
  std::vector<std::size_t> others_;
  std::vector<plan::Verdict> verdicts_;
};

}  // namespace

std::unique_ptr<OnlinePlanner> make_online_planner(std::string_view name, Rng rng) {
  if (name == "paper" || name == "auto") return std::make_unique<Paper>();
  if (name == "random") return std::make_unique<Random>(rng);
  if (name == "broadcast") return std::make_unique<Broadcast>();
  return nullptr;
}

}  // namespace selmcast::sim
