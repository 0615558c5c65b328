// The planners of ssp and asp as the simulator runs them: on dense tasks (plan/ssp_tasks.h) that it keeps from event to
// event, without names and without allocation. `paper` is plan/ssp_paper_planner.h; `random` (Orpheus) and `broadcast`
// choose for the ready worker alone and leave what runs as it is, as their namesakes in plan/ssp_planner.h do.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "selmcast/base/rng.h"
#include "selmcast/plan/ssp_tasks.h"

namespace selmcast::sim {

class OnlinePlanner {
 public:
  virtual ~OnlinePlanner() = default;
  // Whether it plans running multicasts too. If not, `tasks` has just one: the ready worker's.
  virtual bool plans_running() const = 0;
  // One verdict a candidate, in the order of tasks and candidates; valid until the next call.
  virtual std::span<const plan::Verdict> plan(const plan::SspTasks& tasks) = 0;
};

// nullptr if there is none of that name. `auto` is `paper`.
std::unique_ptr<OnlinePlanner> make_online_planner(std::string_view name, Rng rng);

}  // namespace selmcast::sim
