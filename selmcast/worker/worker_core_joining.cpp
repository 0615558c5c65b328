// The part of WorkerCore (worker_core.h) for a worker that comes while the training runs.
#include <algorithm>
#include <iterator>
#include <utility>

#include "selmcast/worker/worker_core.h"

namespace selmcast::worker {

Result<WorkerActions> WorkerCore::catch_up(std::span<float> parameters, Instant now) {
  if (over_) return WorkerActions{Over{*over_}};
  if (auto good = check_call("catch_up()", parameters, true); !good) return std::unexpected(good.error());
  parameters_ = parameters;
  synchronize_since_ = now;
  if (is_guest_) return WorkerActions{SendToManager{wire::CatchUp{}}};
  answer_ = {};
  answer_.workers = workers_;
  return answer(round_, now);
}

// A round of others, in which this worker only received. If nothing came to it, there will be another one.
void WorkerCore::end_round_of_others() {
  inbox_.close();
  outgoing_.clear();
  plan_.reset();
  folded_.clear();
}

Result<WorkerActions> WorkerCore::caught_up(const wire::CaughtUp& order, Instant now) {
  if (!is_guest_ || parameters_.empty() || plan_ || report_.mixed_with.empty())
    return failure(ErrorCode::protocol, "it calls this worker caught up, which it is not");
  is_guest_ = false;
  round_ = order.round;
  mix(parameters_);
  workers_ = order.workers;
  answer_.workers = order.workers;
  return answer(round_, now);
}

}  // namespace selmcast::worker
