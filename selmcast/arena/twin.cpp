#include "selmcast/arena/twin.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/base/overloaded.h"
#include "selmcast/worker/limits.h"

namespace selmcast::arena {
namespace {

constexpr std::size_t kStreamPiece = 4096;  // bytes a chunk in the twin: several chunks even of a small model

wire::Hello hello_of(std::size_t node, std::size_t parameters, int buffers) {
  wire::Hello hello;
  hello.name = "w" + std::to_string(node);
  hello.data_host = "sim";
  hello.data_port = static_cast<std::uint16_t>(node + 1);                          // the port is the node
  hello.declared_uplink = hello.declared_downlink = Rate::megabits_per_second(5);  // and often wrong
  hello.receive_buffers = static_cast<std::uint32_t>(buffers);
  hello.model.tensors = {{"all", {static_cast<std::int64_t>(parameters)}}};
  return hello;
}

}  // namespace

Twin::Twin(const TwinSettings& settings)
    : settings_(settings),
      rng_(settings.seed),
      manager_(settings.manager, Instant()),
      checkers_(settings.manager.rounds.max_age) {
  nodes_.resize(settings.manager.workers);
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    Node& node = nodes_[k];
    node.rng = rng_.fork(100 + k);
    node.session = manager::SessionId(k);
    node.parameters.resize(settings.parameters);
    node.uplink = Rate::megabits_per_second(node.rng.uniform(2, 20));
    node.downlink = Rate::megabits_per_second(node.rng.uniform(1, 10));
    // Fewer buffers than senders now and then, so that deliveries queue.
    const int buffers = 1 + static_cast<int>(node.rng.below(4));
    node.core = std::make_unique<worker::WorkerCore>(hello_of(k, settings.parameters, buffers), buffers);
    queue_.after(delay(node.rng), [this, k] {
      carry_out(manager_.opened(nodes_[k].session, queue_.now()));
      carry_out(k, nodes_[k].core->start(queue_.now()));
    });
  }
  plan_faults(rng_.fork(1));
  schedule_manager_tick();
}

void Twin::plan_faults(Rng rng) {
  const auto strike = [&](bool allowed, auto action) {
    // At most a third of the workers, so that a training remains.
    const std::uint64_t times = allowed ? rng.below(nodes_.size() / 3 + 1) : 0;
    for (std::uint64_t k = 0; k < times; ++k) {
      const std::size_t node = rng.below(nodes_.size());
      queue_.after(Duration::seconds(rng.uniform(0.1, 3.0 * static_cast<double>(settings_.rounds) / 4)),
                   [action, node] { action(node); });
    }
  };
  strike(settings_.faults.crashes, [this](std::size_t node) { crash(node); });
  strike(settings_.faults.silences, [this](std::size_t node) {
    if (!nodes_[node].alive || nodes_[node].silent) return;
    tell("w" + std::to_string(node) + " falls silent");
    nodes_[node].silent = true;
  });
}

void Twin::tell(const std::string& line) {
  char time[32];
  std::snprintf(time, sizeof time, "%10.6f  ", queue_.now().in_seconds());
  result_.story.push_back(time + line);
}

Duration Twin::delay(Rng& rng) {
  // Mostly a local network, now and then a hiccup that lets other connections overtake.
  return rng.below(50) == 0 ? Duration::milliseconds(rng.uniform(20, 300))
                            : Duration::milliseconds(rng.uniform(0.1, 2));
}

void Twin::run(Instant until) {
  while (queue_.now() < until && queue_.step()) {
  }
  result_.virtual_time = queue_.now() - Instant();
}

ArenaResult Twin::result() const {
  ArenaResult result = result_;
  result.workers = static_cast<std::uint32_t>(nodes_.size());
  result.violations = checkers_.violations();
  const auto lost = [](const Node& node) { return !node.alive || node.silent; };
  // Who is lost before the training starts is waited for in vain: then all that is promised is that everybody
  // hears it.
  const bool in_vain = manager_.finished() && !manager_.started() && std::ranges::any_of(nodes_, lost);
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    const Node& node = nodes_[k];
    if (lost(node)) continue;
    ++result.survivors;
    result.rounds_done += node.rounds_done;
    if (node.rounds_done == settings_.rounds || (in_vain && node.over)) continue;
    result.violations.push_back("no progress: w" + std::to_string(k) + " did " +
                                std::to_string(node.rounds_done) + " of " + std::to_string(settings_.rounds) +
                                " rounds" + (node.over ? " (" + *node.over + ")" : ""));
  }
  if (!manager_.finished()) result.violations.push_back("no progress: the manager did not finish");
  return result;
}

// ---- manager
// -----------------------------------------------------------------------------------------------

void Twin::schedule_manager_tick() {
  const Instant due = manager_.deadline();
  if (due == Instant::never() || due >= manager_tick_at_) return;
  manager_tick_at_ = std::max(due, queue_.now());
  queue_.at(manager_tick_at_, [this] {
    manager_tick_at_ = Instant::never();
    carry_out(manager_.tick(queue_.now()));
  });
}

void Twin::carry_out(const manager::Outputs& outputs) {
  for (const manager::Output& output : outputs) {
    std::visit(Overloaded{
                   [&](const manager::Send& send) { to_worker(send.session.value(), send.message); },
                   [&](const manager::Close&) {},
                   [&](const manager::Started&) { tell("training starts"); },
                   [&](const manager::Planned& plan) {
                     tell("plan " + std::to_string(plan.version.number) + " with " +
                          std::to_string(plan.plan.transfers.size()) + " transfers");
                     checkers_.planned(plan);
                   },
                   [&](const manager::RoundOver& over) {
                     checkers_.round_over(over);
                     result_.widest_gap = over.round.widest_gap;
                     for (const sync::Settled& settled : over.round.transfers) {
                       ++(settled.committed ? result_.deliveries : result_.cancelled);
                       if (settled.committed) continue;
                       tell("cancelled " + to_string(settled.transfer.sender) + " -> " +
                            to_string(settled.transfer.receiver) + ": " + settled.why);
                     }
                     tell("round " + std::to_string(over.round.round.value()) + " ends");
                   },
                   [&](const manager::Left& left) { tell(to_string(left.worker) + " left: " + left.why); },
                   [&](const manager::TurnedAway& away) { tell(away.name + " turned away: " + away.why); },
                   [](const auto&) {},
                   [&](const manager::Finished& end) {
                     tell("manager finished" + (end.error ? ": " + end.error->message : ""));
                   },
               },
               output);
  }
  schedule_manager_tick();
}

// ---- workers
// -----------------------------------------------------------------------------------------------

void Twin::schedule_tick(std::size_t k) {
  const Instant due = nodes_[k].core->deadline();
  if (!nodes_[k].alive || due == Instant::never() || due >= nodes_[k].tick_at) return;
  nodes_[k].tick_at = std::max(due, queue_.now());
  queue_.at(nodes_[k].tick_at, [this, k] {
    nodes_[k].tick_at = Instant::never();
    if (nodes_[k].alive) carry_out(k, nodes_[k].core->tick(queue_.now()));
  });
}

void Twin::carry_out(std::size_t k, const worker::WorkerActions& actions) {
  for (const worker::WorkerAction& action : actions) {
    std::visit(Overloaded{
                   [&](const worker::SendToManager& send) { to_manager(k, send.message); },
                   [&](const worker::Dial& order) { dial(k, order); },
                   [&](const worker::SendFrame& send) { send_frame(k, send.link, send.frame); },
                   [&](const worker::StartStream& order) { stream(k, order); },
                   [](const worker::SetRate&) {},
                   [&](const worker::AbortLink& order) {
                     if (const auto id = connection_of(k, order.link))
                       break_connection(*id, "aborted by the peer", k);
                   },
                   [&](const worker::Joined&) { compute(k); },
                   [&](const worker::Synchronized& done) {
                     Node& node = nodes_[k];
                     ++node.rounds_done;
                     checkers_.synchronized(WorkerId(static_cast<std::uint32_t>(k)), done.report,
                                            node.parameters, node.core->buffers_in_use());
                     compute(k);
                   },
                   [&](const worker::Over& over) { nodes_[k].over = over.error.message; },
               },
               action);
  }
  schedule_tick(k);
}

void Twin::compute(std::size_t k) {
  Node& node = nodes_[k];
  queue_.after(Duration::milliseconds(node.rng.uniform(5, 60)), [this, k] {
    Node& it = nodes_[k];
    if (!it.alive || it.core->is_over()) return;
    if (it.rounds_done == settings_.rounds) {
      carry_out(k, it.core->leave("training done"));
      return;
    }
    for (float& parameter : it.parameters) parameter = static_cast<float>(it.rng.uniform(-1, 1));
    checkers_.synchronize_called(WorkerId(static_cast<std::uint32_t>(k)), Round(it.rounds_done),
                                 it.parameters);
    const auto actions = it.core->synchronize(it.parameters, queue_.now());
    SELMCAST_CHECK(actions.has_value(), "the twin calls synchronize() as it should");
    carry_out(k, *actions);
  });
}

void Twin::crash(std::size_t k) {
  Node& node = nodes_[k];
  if (!node.alive || node.over || node.rounds_done == settings_.rounds) return;
  tell("w" + std::to_string(k) + " crashes");
  node.alive = false;
  std::vector<ConnectionId> broken;
  for (const auto& [id, connection] : connections_) {
    if (connection.from == k || connection.to == k) broken.push_back(id);
  }
  for (ConnectionId id : broken) break_connection(id, "connection reset", k);
  queue_.after(delay(node.rng), [this, k] {
    if (!nodes_[k].silent) carry_out(manager_.closed(nodes_[k].session, "connection reset", queue_.now()));
  });
}

// ---- network
// -----------------------------------------------------------------------------------------------

void Twin::to_manager(std::size_t k, const wire::FromWorker& message) {
  Node& node = nodes_[k];
  node.to_manager_free = std::max(node.to_manager_free, queue_.now() + delay(node.rng));
  queue_.at(node.to_manager_free, [this, k, message] {
    if (!nodes_[k].silent) carry_out(manager_.message(nodes_[k].session, message, queue_.now()));
  });
}

void Twin::to_worker(std::size_t k, const wire::ToWorker& message) {
  Node& node = nodes_[k];
  node.to_worker_free = std::max(node.to_worker_free, queue_.now() + delay(node.rng));
  queue_.at(node.to_worker_free, [this, k, message] {
    if (nodes_[k].alive && !nodes_[k].silent)
      carry_out(k, nodes_[k].core->from_manager(message, queue_.now()));
  });
}

bool Twin::cut_off(const Connection& c) const { return nodes_[c.from].silent || nodes_[c.to].silent; }

std::optional<Twin::ConnectionId> Twin::connection_of(std::size_t k, worker::LinkId link) const {
  for (const auto& [id, c] : connections_) {
    if ((c.from == k && c.from_link == link) || (c.to == k && c.to_link == link)) return id;
  }
  return std::nullopt;
}

void Twin::dial(std::size_t k, const worker::Dial& order) {
  const ConnectionId id = ++connections_made_;
  const std::size_t to = order.peer.port - 1U;
  connections_[id] = {k, to, order.link, std::nullopt, queue_.now(), queue_.now()};
  queue_.after(delay(nodes_[k].rng), [this, id, k, to] {
    const auto found = connections_.find(id);
    if (found == connections_.end() || cut_off(found->second)) return;
    if (!nodes_[to].alive || nodes_[to].core->is_over())
      return break_connection(id, "connection refused", to);
    found->second.to_link = nodes_[to].core->accepted(queue_.now());
    schedule_tick(to);
    carry_out(k, nodes_[k].core->connected(*found->second.from_link));
  });
}

void Twin::send_frame(std::size_t k, worker::LinkId link, std::vector<std::byte> frame) {
  const auto id = connection_of(k, link);
  if (!id) return;
  Connection& c = connections_.at(*id);
  const bool forth = c.from == k;
  Instant& free = forth ? c.forth_free : c.back_free;
  free = std::max(free, queue_.now() + delay(nodes_[k].rng));
  const auto header =
      wire::decode_header(std::span<const std::byte, wire::kHeaderBytes>(frame.data(), wire::kHeaderBytes));
  SELMCAST_CHECK(header.has_value(), "our own frames are well formed");
  std::vector<std::byte> payload(frame.begin() + wire::kHeaderBytes, frame.end());
  queue_.at(free, [this, id = *id, forth, header = *header, payload = std::move(payload)] {
    deliver(id, forth, header, payload);
  });
}

void Twin::stream(std::size_t k, const worker::StartStream& order) {
  const auto id = connection_of(k, order.link);
  if (!id) return;
  Connection& c = connections_.at(*id);
  checkers_.stream_started(WorkerId(static_cast<std::uint32_t>(k)),
                           WorkerId(static_cast<std::uint32_t>(c.to)), order.transfer, order.rate);
  Rng& rng = nodes_[k].rng;
  const bool breaks = settings_.faults.broken_links && rng.below(60) == 0;
  const bool corrupts = settings_.faults.corruption && rng.below(80) == 0;
  const std::size_t pieces = (order.payload.size() + kStreamPiece - 1) / kStreamPiece;
  const std::size_t struck = rng.below(pieces);
  const Rate rate = started_stream(c, order.rate) * rng.uniform(0.9, 1.0);
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const auto chunk = order.payload.subspan(
        piece * kStreamPiece, std::min(kStreamPiece, order.payload.size() - piece * kStreamPiece));
    c.forth_free = std::max(c.forth_free, queue_.now() + delay(rng)) +
                   Bytes(static_cast<std::int64_t>(chunk.size())) / rate;
    const wire::FrameHeader header =
        wire::chunk_header(order.transfer, static_cast<std::uint32_t>(piece), chunk);
    std::vector<std::byte> payload(chunk.begin(), chunk.end());
    if (corrupts && piece == struck) payload[rng.below(payload.size())] ^= std::byte{0x40};
    if (breaks && piece == struck) {
      queue_.at(c.forth_free, [this, id = *id, from = c.from, to = c.to] {
        ended_stream(from, to);
        break_connection(id, "connection reset", std::nullopt);
      });
      return;
    }
    queue_.at(c.forth_free,
              [this, id = *id, header, payload = std::move(payload)] { deliver(id, true, header, payload); });
  }
  queue_.at(c.forth_free, [this, k, to = c.to, link = order.link, transfer = order.transfer] {
    ended_stream(k, to);
    if (nodes_[k].alive) carry_out(k, nodes_[k].core->stream_sent(link, transfer));
  });
}

// What the two links give a stream that starts now, beside those that run; pacing may ask for less.
Rate Twin::started_stream(const Connection& c, Rate paced) {
  Node& from = nodes_[c.from];
  Node& to = nodes_[c.to];
  const Rate share =
      std::min(from.uplink * (1.0 / ++from.streams_out), to.downlink * (1.0 / ++to.streams_in));
  return std::min(paced, share);
}

void Twin::ended_stream(std::size_t from, std::size_t to) {
  --nodes_[from].streams_out;
  --nodes_[to].streams_in;
}

void Twin::deliver(ConnectionId id, bool forth, const wire::FrameHeader& header,
                   std::vector<std::byte> payload) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || cut_off(found->second)) return;
  const std::size_t k = forth ? found->second.to : found->second.from;
  const worker::LinkId link = forth ? *found->second.to_link : *found->second.from_link;
  if (!nodes_[k].alive) return;
  worker::WorkerCore& core = *nodes_[k].core;
  if (header.kind == wire::FrameKind::chunk) {
    const auto place = core.chunk_place(link, header);
    if (!place) return break_connection(id, place.error().message, std::nullopt);
    std::ranges::copy(payload, place->begin());
    core.chunk_bytes(link, queue_.now());
  }
  const auto actions = core.frame(link, header, payload, queue_.now());
  if (!actions) return break_connection(id, actions.error().message, std::nullopt);
  carry_out(k, *actions);
}

void Twin::break_connection(ConnectionId id, const std::string& why, std::optional<std::size_t> tell_not) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const Connection broken = found->second;
  connections_.erase(found);
  const auto& c = broken;
  tell("connection w" + std::to_string(c.from) + " -> w" + std::to_string(c.to) + " breaks: " + why);
  const bool cut = cut_off(broken);
  const auto inform = [&](std::size_t k, std::optional<worker::LinkId> link) {
    if (!link || k == tell_not || cut) return;
    queue_.after(delay(rng_), [this, k, link = *link, why] {
      if (nodes_[k].alive) {
        carry_out(k, nodes_[k].core->closed(link, {ErrorCode::unavailable, why}, queue_.now()));
      }
    });
  };
  inform(broken.from, broken.from_link);
  inform(broken.to, broken.to_link);
}

}  // namespace selmcast::arena
