// The half of the Twin (twin.h) that is the network: control streams, connections and what flows on them.
#include <algorithm>
#include <utility>

#include "selmcast/arena/twin.h"
#include "selmcast/base/check.h"
#include "selmcast/net/limits.h"
#include "selmcast/worker/push_sum_mixer.h"

namespace selmcast::arena {
namespace {

// The most that one of them gets of a link that those who want less leave to the others.
Rate level_of(Rate capacity, std::vector<Rate> wanted) {
  std::ranges::sort(wanted);
  Rate left = capacity;
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const Rate equal = left * (1.0 / static_cast<double>(wanted.size() - k));
    if (wanted[k] > equal) return equal;
    left = left - wanted[k];
  }
  return capacity;
}

}  // namespace

// ---- control streams ----

void Twin::open_stream(std::size_t k) {
  Node& node = nodes_[k];
  node.stream = manager::StreamId(++streams_made_);
  node.has_stream = true;
  node_of_stream_[node.stream] = k;
  node.to_manager_free =
      passes(k, manager_place(), std::max(node.to_manager_free, queue_.now() + delay(node.rng)));
  queue_.at(node.to_manager_free, [this, k, stream = node.stream, life = node.life] {
    when_manager_is_free([this, k, stream, life] {
      if (!nodes_[k].alive || nodes_[k].life != life || nodes_[k].silent) return;
      if (!manager_ || manager_->finished()) return end_stream(stream, "connection refused");
      manager_->opened(stream, manager_time());
      schedule_manager_tick();
    });
  });
}

void Twin::to_manager(std::size_t k, const worker::ManagerLink::Write& said) {
  Node& node = nodes_[k];
  node.to_manager_free =
      passes(k, manager_place(), std::max(node.to_manager_free, queue_.now() + delay(node.rng)));
  queue_.at(node.to_manager_free, [this, k, said, stream = node.stream, life = node.life] {
    when_manager_is_free([this, k, said, stream, life] {
      // Of a process that fell silent nothing is heard, also not once it has come again. Who ended in order, or
      // crashed, is heard to its last word.
      if (life > nodes_[k].silenced && manager_)
        carry_out(manager_->message(stream, said.message, said.heard, manager_time()), k);
    });
  });
}

void Twin::to_worker(const manager::Write& said) {
  const std::size_t k = node_of_stream_.at(said.stream);
  Node& node = nodes_[k];
  const Instant written = std::max(queue_.now(), manager_free_at_);
  node.to_worker_free = passes(manager_place(), k, std::max(node.to_worker_free, written + delay(node.rng)));
  at(k, node.to_worker_free, [this, k, said, written, epoch = epoch_] {
    const auto crash = crashed_at_.find(epoch);
    if (crash != crashed_at_.end() && crash->second < written) return;
    const Node& it = nodes_[k];
    if (!it.alive || it.silent || !it.has_stream || it.stream != said.stream) return;
    carry_out(k, nodes_[k].link.came(said.message, said.heard, time_of(k)));
  });
}

// The manager's end is gone: what it wrote arrives first; when it crashed, perhaps not.
void Twin::end_stream(manager::StreamId stream, const std::string& why) {
  const std::size_t k = node_of_stream_.at(stream);
  Node& node = nodes_[k];
  const bool overtakes = !manager_ && (node.rng.below(2) == 0 || crashed_in_commit_);
  const Instant heard = passes(manager_place(), k, queue_.now() + delay(node.rng));
  node.to_worker_free = overtakes ? heard : std::max(node.to_worker_free, heard);
  at(k, node.to_worker_free, [this, k, stream, why] {
    Node& it = nodes_[k];
    if (!it.alive || it.silent || !it.has_stream || it.stream != stream) return;
    it.has_stream = false;
    carry_out(k, it.link.broken({ErrorCode::unavailable, why}, time_of(k)));
  });
}

// ---- the push-sum books ----

// By worker: by the order of names, which is that of nodes.
MassAccount::Books Twin::mass_books() const {
  MassAccount::Books books;
  const auto add = [&](const worker::WorkerCore* core, bool counts) {
    const auto* mixer =
        counts && core != nullptr ? dynamic_cast<const worker::PushSumMixer*>(&core->mixer()) : nullptr;
    books.push_back(mixer == nullptr ? nullptr : &mixer->book());
  };
  // Before its welcome a comer's book does not know that it is one.
  for (std::size_t k = 0; k < nodes_.size(); ++k)
    add(nodes_[k].core.get(), has_book(talk_of(k), nodes_[k].core.get()));
  for (const auto& [talk, core] : dead_cores_) add(core.get(), has_book(talk, core.get()));
  return books;
}

bool Twin::cut_off(const Connection& c) const { return nodes_[c.from].silent || nodes_[c.to].silent; }

std::size_t Twin::connections_with(std::size_t k) const {
  std::size_t count = 0;
  for (const auto& [id, c] : connections_)
    count += (c.from == k && c.from_link ? 1U : 0U) + (c.to == k && c.to_link ? 1U : 0U);
  return count;
}

std::optional<Twin::ConnectionId> Twin::connection_of(std::size_t k, worker::LinkId link) const {
  for (const auto& [id, c] : connections_) {
    if ((c.from == k && c.from_link == link) || (c.to == k && c.to_link == link)) return id;
  }
  return std::nullopt;
}

void Twin::dial(std::size_t k, const worker::Dial& order) {
  const ConnectionId id = ++connections_made_;
  const std::size_t to = node_at(order.peer.port);
  connections_[id] = {k, to, order.link, std::nullopt, queue_.now(), queue_.now(), queue_.now()};
  if (nodes_[to].unreachable) {
    queue_.after(net::kConnectTimeout, [this, id, to] { break_connection(id, "no answer", to); });
    return;
  }
  if (is_cut(k, to)) watch_cut(k, to);
  const Instant arrives = passes(k, to, queue_.now() + delay(nodes_[k].rng));
  at(to, arrives, [this, id, k, to, port = order.peer.port] {
    const auto found = connections_.find(id);
    if (found == connections_.end() || cut_off(found->second)) return;
    if (!nodes_[to].alive || port_of(to) != port || nodes_[to].core->is_over())
      return break_connection(id, "connection refused", to);
    found->second.to_link = nodes_[to].core->accepted(time_of(to));
    schedule_tick(to);
    happen(k, [this, id, k] {
      const auto still = connections_.find(id);
      if (still != connections_.end() && nodes_[k].alive)
        carry_out(k, nodes_[k].core->connected(*still->second.from_link));
    });
  });
}

void Twin::send_frame(std::size_t k, worker::LinkId link, std::vector<std::byte> frame) {
  const auto id = connection_of(k, link);
  if (!id) return;
  Connection& c = connections_.at(*id);
  const bool forth = c.from == k;
  Instant& free = forth ? c.forth_free : c.back_free;
  free = passes(k, forth ? c.to : c.from, std::max(free, queue_.now() + delay(nodes_[k].rng)));
  const auto header =
      wire::decode_header(std::span<const std::byte, wire::kHeaderBytes>(frame.data(), wire::kHeaderBytes));
  SELMCAST_CHECK(header.has_value(), "our own frames are well formed");
  std::vector<std::byte> payload(frame.begin() + wire::kHeaderBytes, frame.end());
  if (header->kind == wire::FrameKind::offer) {
    const auto offer = wire::decode_offer(payload);
    SELMCAST_CHECK(offer.has_value(), "our own offers are well formed");
    checkers_.offered(header->transfer, offer->mix);
    online_checkers_.offered(header->transfer, offer->mix);
    mass_account_.offered(header->transfer, offer->mix);
  }
  queue_.at(free, [this, id = *id, forth, header = *header, payload = std::move(payload)] {
    deliver(id, forth, header, payload);
  });
}

std::size_t Twin::Stream::pieces() const {
  return parts.empty() ? (payload.size() + piece - 1) / piece : parts.size();
}

Rate Twin::Stream::pace(Instant now) const {
  const auto later = std::ranges::upper_bound(steps, now - began, {}, &PaceStep::after);
  return later == steps.begin() ? paced : std::prev(later)->rate;
}

void Twin::stream(std::size_t k, const worker::StartStream& order) {
  const auto id = connection_of(k, order.link);
  if (!id) return;
  Connection& c = connections_.at(*id);
  const WorkerId from = id_of(k), to = id_of(c.to);
  if (online()) {
    online_checkers_.stream_started(from, to, order.transfer, order.rate);
  } else {
    checkers_.stream_started(from, to, order.transfer, order.rate);
  }
  Rng& rng = nodes_[k].rng;
  Stream made{.transfer = order.transfer,
              .payload = order.payload,
              .paced = order.rate,
              .steps = order.steps,
              .began = queue_.now()};
  if (order.cut) {
    made.piece = static_cast<std::size_t>(order.cut->chunk.count());
    made.next = order.cut->first;
    made.available = static_cast<std::size_t>(order.cut->available.count());
    result_.resumed += order.cut->first > 0 ? 1 : 0;
  }
  made.breaks = settings_.faults.broken_links && rng.below(60) == 0;
  made.corrupts = settings_.faults.corruption && rng.below(80) == 0;
  made.struck = rng.below(made.pieces());
  made.luck = rng.uniform(0.9, 1.0);
  SELMCAST_CHECK(streams_.emplace(*id, made).second, "one stream at a time on a link");
  c.forth_free = std::max(c.forth_free, queue_.now() + delay(rng));
  next_piece(*id);
}

void Twin::extend(std::size_t k, const worker::ExtendStream& order) {
  const auto id = connection_of(k, order.link);
  const auto found = id ? streams_.find(*id) : streams_.end();
  if (found == streams_.end() || found->second.transfer != order.transfer) return;
  found->second.available = static_cast<std::size_t>(order.available.count());
  if (std::exchange(found->second.waits, false)) next_piece(*id);
}

void Twin::set_rate(std::size_t k, const worker::SetRate& order) {
  online_checkers_.rate_set(id_of(k), order.transfer, order.rate);
  const auto id = connection_of(k, order.link);
  if (!id) return;
  const auto found = streams_.find(*id);
  if (found != streams_.end() && found->second.transfer == order.transfer)
    found->second.paced = order.rate, found->second.steps.clear();
}

// What the two links give a stream beside those that run, which leave what they do not want; pacing may ask for less.
Rate Twin::rate_of(const Stream& stream, const Connection& c) const {
  std::vector<Rate> out, in;
  for (const auto& [id, other] : streams_) {
    const Connection& of = connections_.at(id);
    if (of.from == c.from) out.push_back(other.pace(queue_.now()));
    if (of.to == c.to) in.push_back(other.pace(queue_.now()));
  }
  const Rate share = std::min(level_of(nodes_[c.from].uplink, std::move(out)),
                              level_of(nodes_[c.to].downlink, std::move(in)));
  return std::min(stream.pace(queue_.now()), share) * stream.luck;
}

void Twin::next_piece(ConnectionId id) {
  Connection& c = connections_.at(id);
  Stream& s = streams_.at(id);
  const bool patches = !s.parts.empty();
  const std::size_t begin = patches ? s.parts[s.next].offset : s.next * s.piece;
  const auto chunk = s.payload.subspan(
      begin, patches ? s.parts[s.next].length : std::min(s.piece, s.payload.size() - begin));
  s.waits = begin + chunk.size() > s.available;
  if (s.waits) return;
  const wire::FrameHeader header =
      patches ? wire::chunk_header(s.transfer, s.parts[s.next].first, chunk, wire::FrameKind::patch)
              : wire::chunk_header(s.transfer, static_cast<std::uint32_t>(s.next), chunk);
  std::vector<std::byte> payload(chunk.begin(), chunk.end());
  if (s.corrupts && s.next == s.struck) payload[nodes_[c.from].rng.below(payload.size())] ^= std::byte{0x40};
  c.forth_free = passes(
      c.from, c.to,
      std::max(c.forth_free, queue_.now()) + Bytes(static_cast<std::int64_t>(chunk.size())) / rate_of(s, c));
  queue_.at(c.forth_free, [this, id, header, payload = std::move(payload)]() mutable {
    piece_arrives(id, header, std::move(payload));
  });
}

void Twin::piece_arrives(ConnectionId id, const wire::FrameHeader& header, std::vector<std::byte> payload) {
  const auto running = streams_.find(id);
  if (running == streams_.end() || running->second.transfer != header.transfer) return;  // broken meanwhile
  Stream& s = running->second;
  if (s.breaks && s.next == s.struck) return break_connection(id, "connection reset", std::nullopt);
  const Connection c = connections_.at(id);
  const bool last = ++s.next == s.pieces();
  if (last) {
    streams_.erase(id);
    happen(c.from, [this, id, c, transfer = header.transfer] {
      if (nodes_[c.from].alive && connections_.contains(id))
        carry_out(c.from, nodes_[c.from].core->stream_sent(*c.from_link, transfer, time_of(c.from)));
    });
  } else {
    next_piece(id);
  }
  deliver(id, true, header, std::move(payload));
}

void Twin::deliver(ConnectionId id, bool forth, const wire::FrameHeader& header,
                   std::vector<std::byte> payload) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || cut_off(found->second)) return;
  const std::size_t k = forth ? found->second.to : found->second.from;
  happen(k, [this, id, forth, header, payload = std::move(payload)] { arrive(id, forth, header, payload); });
}

void Twin::arrive(ConnectionId id, bool forth, const wire::FrameHeader& header,
                  const std::vector<std::byte>& payload) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const std::size_t k = forth ? found->second.to : found->second.from;
  const worker::LinkId link = forth ? *found->second.to_link : *found->second.from_link;
  if (!nodes_[k].alive) return;
  worker::WorkerCore& core = *nodes_[k].core;
  std::span<const std::byte> body = payload;
  if (header.kind == wire::FrameKind::chunk || header.kind == wire::FrameKind::patch) {
    const auto place = core.chunk_place(link, header);
    if (!place) return break_connection(id, place.error().message, std::nullopt);
    std::ranges::copy(payload, place->begin());
    core.chunk_bytes(link, Bytes(static_cast<std::int64_t>(payload.size())), time_of(k));
    body = *place;
  }
  const auto actions = core.frame(link, header, body, time_of(k));
  if (!actions) return break_connection(id, actions.error().message, std::nullopt);
  carry_out(k, *actions);
}

void Twin::break_connection(ConnectionId id, const std::string& why, std::optional<std::size_t> tell_not,
                            bool at_once) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const Connection broken = found->second;
  connections_.erase(found);
  streams_.erase(id);
  const auto& c = broken;
  tell("connection w" + std::to_string(c.from) + " -> w" + std::to_string(c.to) + " breaks: " + why);
  const bool cut = cut_off(broken);
  const auto inform = [&](std::size_t k, std::optional<worker::LinkId> link) {
    if (!link || k == tell_not) return;
    ++nodes_[k].untold;
    if (cut) return;
    const std::size_t peer = k == broken.from ? broken.to : broken.from;
    const Instant noticed = queue_.now() + delay(rng_);
    at(k, at_once ? noticed : passes(peer, k, noticed), [this, k, link = *link, why, life = nodes_[k].life] {
      if (nodes_[k].life != life) return;
      --nodes_[k].untold;
      if (nodes_[k].alive)
        carry_out(k, nodes_[k].core->closed(link, {ErrorCode::unavailable, why}, time_of(k)));
    });
  };
  inform(broken.from, broken.from_link);
  inform(broken.to, broken.to_link);
}

}  // namespace selmcast::arena
