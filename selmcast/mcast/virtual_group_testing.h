// A sender, its receivers and a network between them, in virtual time: for tests of the protocol as a whole.
//
// Every datagram goes as bytes through its receiver's link: a queue in front of a rate (what finds no room is lost),
// then loss, damage, doubling and delay drawn from the seed. Statuses and patches go over a reliable, ordered
// channel of the same delay; patches at the link's rate. A link that is cut carries neither.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/mcast/datagram.h"
#include "selmcast/mcast/receiver.h"
#include "selmcast/mcast/sender.h"

namespace selmcast::mcast {

struct VirtualLink {
  Rate rate = Rate::unlimited();  // payload of data datagrams
  Duration queue = Duration::milliseconds(50);
  Duration delay = Duration::milliseconds(1);
  Duration jitter = {};  // more delay, uniform up to this: reorders
  double loss = 0, doubled = 0, damaged = 0;
  bool no_multicast = false;  // the group's datagrams do not come, those to this receiver do
  Instant joins = {};         // when it is there
  Instant cut = Instant::never();
};

class VirtualGroup {
 public:
  struct Node {
    VirtualLink link;
    std::vector<std::byte> place;
    std::optional<Receiver> receiver;
    Instant free;                                      // when its link has sent all that waits
    Instant channel;                                   // when the last word on the reliable channel arrives
    Instant held_from = Instant::never(), held_until;  // words said in between arrive then
    Instant done = Instant::never(), patches_end;
    bool lost = false, dropped = false;
    std::uint64_t datagrams_offered = 0;  // that its link was to carry, unicast and group
  };

  VirtualGroup(Bytes total, Rate rate, std::vector<VirtualLink> links, std::uint64_t seed,
               std::uint32_t segment_bytes = kSegmentBytes)
      : rng_(seed),
        shape_{StreamId(0x5eed0000 + seed), total, segment_bytes},
        payload_(static_cast<std::size_t>(total.count())) {
    for (std::byte& byte : payload_) byte = static_cast<std::byte>(rng_.next());
    std::vector<TransferId> peers;
    for (std::size_t k = 0; k < links.size(); ++k) peers.push_back(TransferId(k));
    sender_.emplace(shape_, peers, rate);
    nodes_.resize(links.size());
    for (std::size_t k = 0; k < links.size(); ++k) {
      Node& node = nodes_[k];
      node.link = links[k];
      node.place.resize(payload_.size());
      at(links[k].joins, [this, k] {
        nodes_[k].receiver.emplace(shape_, nodes_[k].place, now_);
        took(sender_->joined(TransferId(k), now_));
        wake(k);
      });
    }
  }

  // Until nobody waits for anything, or `until`.
  void run(Instant until = Instant::at_seconds(60)) {
    while (now_ <= until) {
      pump();
      if (over() || events_.empty()) break;
      auto next = events_.begin();
      now_ = std::max(now_, next->first.first);
      auto act = std::move(next->second);
      events_.erase(next);
      act();
    }
  }
  void at(Instant when, std::function<void()> act) {
    events_.emplace(std::pair(std::max(when, now_), ++order_), std::move(act));
  }

  Sender& sender() { return *sender_; }
  Node& node(std::size_t k) { return nodes_[k]; }
  std::size_t size() const { return nodes_.size(); }
  Instant now() const { return now_; }
  const StreamShape& shape() const { return shape_; }
  bool intact(std::size_t k) const { return nodes_[k].place == payload_; }
  bool done(std::size_t k) const { return nodes_[k].done != Instant::never(); }
  // Sent on the uplink: the group's once, each repair once.
  std::uint64_t datagrams_sent() const { return datagrams_sent_; }
  void drop(std::size_t k) {
    sender_->drop(TransferId(k));
    nodes_[k].dropped = true;
  }
  void kill_sender() { sender_dead_ = true; }
  // Its process does not run in between; the receivers' do.
  void stall_sender(Instant from, Instant until) {
    stalled_from_ = from;
    stalled_until_ = until;
    at(until, [] {});
  }
  void hold_words(std::size_t k, Instant from, Instant until) {
    nodes_[k].held_from = from;
    nodes_[k].held_until = until;
  }

  std::vector<std::pair<Instant, PeerSlow>> slow;
  std::vector<std::pair<Instant, PeerHandedOver>> handed_over;
  std::vector<std::pair<Instant, PeerDead>> dead;
  std::vector<std::pair<Instant, std::size_t>> losers;  // receivers that gave the sender up

 private:
  bool over() const {
    for (const Node& node : nodes_) {
      if (node.done == Instant::never() && !node.lost && !node.dropped) return false;
    }
    return sender_dead_ || sender_->finished();
  }

  void pump() {
    if (sender_dead_ || (now_ >= stalled_from_ && now_ < stalled_until_)) return;
    took(sender_->tick(now_));
    std::vector<Transmission> due(64);
    for (std::size_t count = due.size(); count == due.size();) {
      count = sender_->due(now_, due);
      for (std::size_t i = 0; i < count; ++i) transmit(due[i]);
    }
    const Instant next = std::max(sender_->deadline(), now_ + Duration::milliseconds(0.05));
    if (next != Instant::never() && (pump_at_ <= now_ || next < pump_at_)) {
      pump_at_ = next;
      at(next, [] {});
    }
  }

  void transmit(const Transmission& t) {
    ++datagrams_sent_;
    DatagramHeader header{t.kind, shape_.stream, t.segment, t.number, 0, 0};
    std::vector<std::byte> bytes;
    if (t.kind != DatagramKind::poll) header = segment_header(shape_, payload_, t.kind, t.segment, t.number);
    const auto encoded = encode(header);
    bytes.assign(encoded.begin(), encoded.end());
    const auto body =
        std::span(payload_).subspan(header.length ? shape_.offset(t.segment) : 0, header.length);
    bytes.insert(bytes.end(), body.begin(), body.end());
    for (std::size_t k = 0; k < nodes_.size(); ++k) {
      if (t.to ? t.to->value() == k : !nodes_[k].link.no_multicast) carry(k, bytes);
    }
  }

  void carry(std::size_t k, const std::vector<std::byte>& bytes) {
    Node& node = nodes_[k];
    if (!node.receiver || node.dropped || node.lost || now_ >= node.link.cut) return;
    ++node.datagrams_offered;
    node.free = std::max(node.free, now_);
    if (!node.link.rate.is_unlimited()) {
      if (node.free - now_ > node.link.queue) return;
      node.free = node.free + Bytes(std::int64_t(bytes.size() - kDatagramHeaderBytes)) / node.link.rate;
    }
    if (rng_.uniform() < node.link.loss) return;
    const int copies = rng_.uniform() < node.link.doubled ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      std::vector<std::byte> sent = bytes;
      if (rng_.uniform() < node.link.damaged) {
        sent[rng_.below(sent.size())] ^= std::byte{1} << rng_.below(8);
        if (rng_.below(4) == 0) sent.resize(rng_.below(sent.size()));
      }
      at(node.free + node.link.delay + node.link.jitter * rng_.uniform(),
         [this, k, sent = std::move(sent)] { arrives(k, sent); });
    }
  }

  void arrives(std::size_t k, const std::vector<std::byte>& bytes) {
    Node& node = nodes_[k];
    if (node.lost || node.dropped) return;
    const auto header = decode_datagram(bytes);
    if (!header || header->stream != shape_.stream) return;
    node.receiver->datagram(*header, std::span(bytes).subspan(kDatagramHeaderBytes), now_);
    settle(k);
    report(k);
  }

  // The reliable channel, either way.
  void tell(std::size_t k, std::function<void()> word) {
    Node& node = nodes_[k];
    if (now_ >= node.link.cut) return;
    node.channel = std::max(node.channel, now_ + node.link.delay);
    if (now_ >= node.held_from) node.channel = std::max(node.channel, node.held_until);
    at(node.channel, std::move(word));
  }

  void settle(std::size_t k) {
    Node& node = nodes_[k];
    if (!node.receiver->complete() || node.done != Instant::never()) return;
    node.done = now_;
    tell(k, [this, k] {
      if (!sender_dead_) sender_->acknowledged(TransferId(k));
    });
  }

  void report(std::size_t k) {
    Node& node = nodes_[k];
    if (auto status = node.receiver->status_due(now_)) {
      tell(k, [this, k, body = encode(*status)] {
        if (sender_dead_) return;
        const auto decoded = decode_status(body);
        if (!decoded) throw std::runtime_error(decoded.error().message);
        auto events = sender_->status(TransferId(k), *decoded, now_);
        if (!events) throw std::runtime_error(events.error().message);
        took(std::move(*events));
      });
    }
  }

  // At the receiver's own deadlines.
  void wake(std::size_t k) {
    Node& node = nodes_[k];
    if (node.done != Instant::never() || node.lost || node.dropped) return;
    if (node.receiver->lost(now_)) {
      node.lost = true;
      losers.emplace_back(now_, k);
      return;
    }
    report(k);
    at(std::max(node.receiver->deadline(), now_ + Duration::milliseconds(0.1)), [this, k] { wake(k); });
  }

  void took(SenderEvents events) {
    for (SenderEvent& event : events) {
      if (auto* s = std::get_if<PeerSlow>(&event)) slow.emplace_back(now_, *s);
      if (auto* d = std::get_if<PeerDead>(&event)) dead.emplace_back(now_, *d);
      if (auto* h = std::get_if<PeerHandedOver>(&event)) {
        patch(h->peer.value(), h->missing);
        handed_over.emplace_back(now_, std::move(*h));
      }
    }
  }

  // One segment after the other, at the link's rate.
  void patch(std::size_t k, const std::vector<SegmentRange>& ranges) {
    Node& node = nodes_[k];
    Instant when = std::max(node.free, now_) + node.link.delay;
    for (const SegmentRange& range : ranges) {
      for (std::uint32_t s = range.first; s < range.end; ++s) {
        if (!node.link.rate.is_unlimited())
          when = when + Bytes(std::int64_t(shape_.length(s))) / node.link.rate;
        at(when, [this, k, s] {
          Node& to = nodes_[k];
          if (now_ >= to.link.cut || to.lost || to.dropped) return;
          const auto bytes = std::span(payload_).subspan(shape_.offset(s), shape_.length(s));
          if (!to.receiver->patch(s, bytes, now_)) throw std::runtime_error("patch refused");
          settle(k);
        });
      }
    }
  }

  Rng rng_;
  StreamShape shape_;
  std::vector<std::byte> payload_;
  std::optional<Sender> sender_;
  std::vector<Node> nodes_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> events_;
  std::uint64_t order_ = 0, datagrams_sent_ = 0;
  Instant now_, pump_at_, stalled_from_ = Instant::never(), stalled_until_;
  bool sender_dead_ = false;
};

}  // namespace selmcast::mcast
