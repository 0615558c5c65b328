// Looks on while a simulation runs: who did what from when to when. For timelines; it cannot change anything.
//
// Told in the order of ends; what the horizon cuts off is told at the horizon. Of one worker, spans do not overlap and
// leave no gap from its join to its end; with overlap those of sending lie beside, and the others leave no gap. Thread
// rule: called by the run, on its thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/plan.h"

namespace selmcast::sim {

enum class Activity { computing, sending, waiting };
enum class DeliveryEnd { delivered, dropped, unfinished };

struct Span {
  Instant from;
  Instant to;
};

class Observer {
 public:
  virtual ~Observer() = default;
  // `round`: of the worker, from 0. `reached`: receivers delivered to, of sending.
  virtual void did(WorkerIndex worker, Activity activity, Span span, std::uint64_t round,
                   std::size_t reached) = 0;
  virtual void delivery(plan::Pair pair, Span span, DeliveryEnd end) = 0;
};

}  // namespace selmcast::sim
