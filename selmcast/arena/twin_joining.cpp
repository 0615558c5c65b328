// The part of the Twin (twin.h) for workers that come late, or again.
#include <limits>
#include <utility>

#include "selmcast/arena/twin.h"
#include "selmcast/base/check.h"

namespace selmcast::arena {
namespace {

// What may be said to a comer without a promise being broken: nobody is there any more, or it was lost on the way.
constexpr const char* kMayEnd[] = {"training is over",  "all others have left",
                                   "taken for dead",    "not taken up again",
                                   "did not come back", "not heard for",
                                   "refused",           "is called",
                                   "workers are left",  "turned away: in 3 attempts",
                                   "come again in"};

}  // namespace

// A process of this name starts, the first one or another.
void Twin::boot(std::size_t k) {
  Node& node = nodes_[k];
  if (node.core) dead_cores_.emplace_back(talk_of(k), std::move(node.core));
  const std::uint64_t life = ++node.life;
  node.link = worker::ManagerLink(Duration::seconds(20));
  node.has_stream = node.silent = node.cut_off = node.broke = node.draining = node.fresh = false;
  node.over.reset();
  node.alive = true;
  node.rounds_done = 0;
  node.tick_at = Instant::never();
  // Clocks that only run begin anywhere.
  node.stands_until = queue_.now();
  node.to_happen.clear();
  node.untold = 0;
  if (settings_.faults.clocks) node.ahead = Duration::seconds(rng_.fork(5000 + k).fork(life).uniform(0, 1e5));
  // Fewer buffers than senders now and then, so that deliveries queue.
  const int buffers = 1 + static_cast<int>(node.rng.below(4));
  node.core = std::make_unique<worker::WorkerCore>(hello_of(k, buffers), buffers);
  queue_.after(delay(node.rng), [this, k, life] {
    if (nodes_[k].life != life || !nodes_[k].alive) return;
    open_stream(k);
    carry_out(k, nodes_[k].core->start(time_of(k)));
  });
}

wire::Hello Twin::hello_of(std::size_t k, int buffers) const {
  wire::Hello hello;
  hello.name = "w" + std::to_string(k);
  hello.data_host = "sim";
  hello.data_port = port_of(k);
  hello.declared_uplink = hello.declared_downlink = Rate::megabits_per_second(5);  // and often wrong
  hello.receive_buffers = static_cast<std::uint32_t>(buffers);
  hello.model.tensors = {{"all", {static_cast<std::int64_t>(settings_.parameters)}}};
  hello.model.mixing = settings_.mixing;
  hello.model.payload = settings_.payload;
  return hello;
}

void Twin::plan_joins(Rng rng, Instant until) {
  for (std::size_t k = settings_.manager.workers; k < nodes_.size(); ++k) {
    const Instant when = Instant::at_seconds(rng.uniform(0.1, until.in_seconds()));
    queue_.at(when, [this, k] {
      tell("w" + std::to_string(k) + " comes");
      boot(k);
    });
  }
  for (std::uint64_t times = rng.below(4); times > 0; --times) {
    const Instant when = Instant::at_seconds(rng.uniform(0.1, until.in_seconds()));
    const std::size_t k = rng.below(nodes_.size());
    if (settings_.faults.broken_streams) queue_.at(when, [this, k] { break_stream(k); });
  }
}

// Whoever is lost may come again, after a while.
void Twin::perhaps_again(std::size_t k) {
  Node& node = nodes_[k];
  const bool again = fates_.below(3) != 0;
  const Duration pause =
      Duration::seconds(fates_.below(3) == 0 ? fates_.uniform(0.01, 0.5) : fates_.uniform(0.5, 12));
  if (!settings_.faults.joins || !again) return;
  queue_.after(pause, [this, k, life = node.life] {
    Node& it = nodes_[k];
    if (it.life != life || (manager_ && manager_->finished())) return;
    if (it.alive && !it.over) crash(k);  // fell silent
    tell("w" + std::to_string(k) + " comes again");
    ++result_.returns;
    boot(k);
  });
}

// Both ends notice, and the worker dials again.
void Twin::break_stream(std::size_t k) {
  Node& node = nodes_[k];
  if (!node.alive || node.silent || node.over || !node.has_stream || !node.core->welcome() || !manager_)
    return;
  tell("the stream of w" + std::to_string(k) + " to the manager breaks");
  ++result_.broken_streams;
  node.broke = true;
  const manager::StreamId stream = node.stream;
  queue_.after(delay(node.rng), [this, k, stream] {
    when_manager_is_free([this, k, stream] {
      if (manager_ && !nodes_[k].silent)
        carry_out(manager_->closed(stream, "connection reset", manager_time()));
    });
  });
  end_stream(stream, "connection reset");
}

// A new process has nothing worth keeping: its parameters may hold anything.
void Twin::catch_up(std::size_t k) {
  Node& node = nodes_[k];
  node.parameters.assign(settings_.parameters, std::numeric_limits<float>::quiet_NaN());
  node.fresh = true;
  if (online()) online_checkers_.catch_up_called(id_of(k));
  const auto actions = node.core->catch_up(node.parameters, time_of(k));
  SELMCAST_CHECK(actions.has_value(), "the twin calls as it should");
  carry_out(k, *actions);
}

void Twin::caught_up(std::size_t k, const worker::SyncReport& report) {
  Node& node = nodes_[k];
  node.fresh = false;
  node.rounds_done = report.next.value();
  ++result_.caught_up;
  tell("w" + std::to_string(k) + " has caught up, round " + std::to_string(report.next.value()));
  if (online()) {
    online_checkers_.caught_up_done(id_of(k), report);
  } else {
    checkers_.caught_up(id_of(k), report, node.parameters, node.core->buffers_in_use());
  }
  compute(k);
}

// Of a process that did not do all rounds: whether that breaks a promise.
bool Twin::may_have_ended(const Node& node) const {
  if (!node.over) return false;
  for (const char* reason : kMayEnd) {
    if (node.over->find(reason) != std::string::npos) return true;
  }
  return false;
}

}  // namespace selmcast::arena
