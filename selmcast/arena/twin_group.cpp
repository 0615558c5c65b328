// The part of the Twin (twin.h) that is IP multicast, as far as cores hear of it: who has joined what, and what becomes
// of each receiver's part of a multicast.
//
// A receiver that has joined gets all of the payload after the time that the slower of the two links and the rate make
// of it; or is handed over in the middle, and gets the rest over its link; or hears nothing of the sender any more, as
// the sender does of it: by lot, when the way between them is cut, or when either has stopped. Some cannot join, and
// get a plain stream. What a core has ordered otherwise meanwhile happens to nobody.
#include <algorithm>
#include <array>
#include <utility>

#include "selmcast/arena/twin.h"
#include "selmcast/base/check.h"
#include "selmcast/base/overloaded.h"
#include "selmcast/mcast/limits.h"

namespace selmcast::arena {
namespace {

constexpr Duration kSlowIsSeen = Duration::milliseconds(20);  // models are small here

}  // namespace

void Twin::obey(std::size_t k, const worker::GroupOrder& order) {
  std::visit(
      Overloaded{
          [&](const worker::StartGroup& start) {
            // Rates are bounded by links below: who cannot take a burst gives way.
            groups_[k] = {start.group.stream, start.payload, start.burst, start.group.segment_bytes, {}};
          },
          [&](const worker::SetGroupRate& change) { group_rate(k, change.rate); },
          [&](const worker::PeerJoined& it) { joined(k, it); }, [](const worker::PeerStatus&) {},
          [&](const worker::PeerAcknowledged& it) {
            if (const auto found = groups_.find(k); found != groups_.end())
              found->second.peers.erase(it.transfer);
          },
          [&](const worker::DropPeer& it) {
            if (const auto found = groups_.find(k); found != groups_.end())
              found->second.peers.erase(it.transfer);
          },
          [&](const worker::StopGroup&) { groups_.erase(k); },
          [&](const worker::JoinGroup& join) {
            const bool cannot = settings_.faults.broken_links && nodes_[k].rng.below(25) == 0;
            if (!cannot) memberships_[{k, join.transfer}] = {join.group.stream, join.place};
            const auto repairs = cannot ? std::nullopt : std::optional(wire::JoinedBody{0x0a000001, 1});
            carry_out(k, nodes_[k].core->group_joined(join.transfer, repairs));
          },
          [&](const worker::LeaveGroup& it) {
            memberships_.erase({k, it.transfer});
          },
          [&](const worker::PlacePatch& patch) {
            const auto found = memberships_.find({k, patch.transfer});
            if (found == memberships_.end() || !found->second.missing) return;
            *found->second.missing -= std::min(*found->second.missing, patch.payload.size());
            if (*found->second.missing > 0) return;
            queue_.after(Duration(), [this, k, transfer = patch.transfer, stream = found->second.stream] {
              if (is_member(k, transfer, stream)) group_complete(k, transfer);
            });
          },
          [&](const worker::LeaveAllGroups&) {
            std::erase_if(memberships_, [k](const auto& one) { return one.first.first == k; });
          },
          [](const worker::StartProbe&) {},  // nobody asks for it here
      },
      order);
}

bool Twin::is_sending(std::size_t k, TransferId transfer, std::uint64_t stream) const {
  const auto found = groups_.find(k);
  return nodes_[k].alive && found != groups_.end() && found->second.stream == stream &&
         found->second.peers.contains(transfer);
}

bool Twin::is_member(std::size_t k, TransferId transfer, std::uint64_t stream) const {
  const auto found = memberships_.find({k, transfer});
  return nodes_[k].alive && found != memberships_.end() && found->second.stream == stream;
}

std::optional<std::size_t> Twin::receiver_of(std::size_t from, TransferId transfer) const {
  for (const auto& [key, membership] : memberships_) {
    if (key.second == transfer && key.first != from) return key.first;
  }
  return std::nullopt;
}

// What becomes of it is drawn now; when, depends on the rates to come.
void Twin::joined(std::size_t k, const worker::PeerJoined& order) {
  const auto found = groups_.find(k);
  const auto to = receiver_of(k, order.transfer);
  if (found == groups_.end() || !to) return;  // it has left again
  Group& group = found->second;
  ++result_.grouped;
  if (online()) {
    online_checkers_.stream_started(id_of(k), id_of(*to), order.transfer, group.rate);
  } else {
    checkers_.stream_started(id_of(k), id_of(*to), order.transfer, group.rate);
  }
  Rng& rng = nodes_[k].rng;
  Part part;
  part.to = *to;
  part.link = std::min(nodes_[k].uplink, nodes_[*to].downlink) * rng.uniform(0.9, 1.0);
  const bool slow = settings_.faults.broken_links && rng.below(8) == 0;
  const bool lost = settings_.faults.broken_links && rng.below(40) == 0;
  const double share = rng.uniform(0, 1);
  part.fate = lost ? Fate::is_unheard : slow ? Fate::is_handed_over : Fate::passes;
  const auto all = static_cast<double>(group.payload.size());
  part.until = Bytes(static_cast<std::int64_t>(part.fate == Fate::passes ? all : all * share));
  part.since = queue_.now();
  group.peers[order.transfer] = part;
  go_on_with(k, order.transfer);
  miss_if_it_stopped(k, *to, order.transfer, group.stream);
  tell_of_slow(k, order.transfer, group.stream, kSlowIsSeen);
}

// A receiver whose links carry less than is sent: the sender sees it, and says it again.
void Twin::tell_of_slow(std::size_t k, TransferId transfer, std::uint64_t stream, Duration after) {
  at(k, queue_.now() + after, [this, k, transfer, stream] {
    if (!is_sending(k, transfer, stream)) return;
    const Group& group = groups_.at(k);
    const Part& part = group.peers.at(transfer);
    if (part.is_met) return;
    tell_of_slow(k, transfer, stream, mcast::kSlowRepeat);
    if (!(part.link < group.rate * mcast::kFastShare)) return;
    const bool alone =
        std::ranges::any_of(group.peers, [&](const auto& other) { return other.second.link >= group.rate; });
    ++result_.told_slow;
    carry_out(k, nodes_[k].core->group_slow({transfer, part.link, alone}));
  });
}

// From now on.
void Twin::group_rate(std::size_t k, Rate rate) {
  const auto found = groups_.find(k);
  if (found == groups_.end()) return;
  Group& group = found->second;
  for (auto& [transfer, part] : group.peers) {
    const Duration lasted = queue_.now() - part.since;
    part.came = std::min(part.until, part.came + std::min(group.rate, part.link) * lasted);
    part.since = queue_.now();
  }
  group.rate = rate;
  for (const auto& [transfer, part] : group.peers) {
    if (!part.is_met) go_on_with(k, transfer);
  }
}

void Twin::go_on_with(std::size_t k, TransferId transfer) {
  Group& group = groups_.at(k);
  Part& part = group.peers.at(transfer);
  const Duration left = (part.until - part.came) / std::min(group.rate, part.link);
  at(k, part.since + left, [this, k, transfer, stream = group.stream, order = ++part.order] {
    if (!is_sending(k, transfer, stream)) return;
    Part& now = groups_.at(k).peers.at(transfer);
    if (now.order != order) return;
    now.is_met = true;
    meet_fate(k, transfer, Part(now));
  });
}

void Twin::meet_fate(std::size_t k, TransferId transfer, const Part& part) {
  const std::uint64_t stream = groups_.at(k).stream;
  switch (part.fate) {
    case Fate::passes: return multicast_passes(k, transfer, stream);
    case Fate::is_handed_over: return hand_over(k, transfer, stream, part.until);
    case Fate::is_unheard: return multicast_unheard(k, part.to, transfer, stream);
  }
}

// Whoever stops without a word is missed by the other.
void Twin::miss_if_it_stopped(std::size_t k, std::size_t to, TransferId transfer, std::uint64_t stream) {
  queue_.after(mcast::kSilenceMax, [this, k, to, transfer, stream] {
    if (!is_member(to, transfer, stream) || memberships_.at({to, transfer}).missing) return;
    if (is_sending(k, transfer, stream) && !nodes_[k].silent)
      return miss_if_it_stopped(k, to, transfer, stream);
    multicast_unheard(k, to, transfer, stream);
  });
}

// All of it has come.
void Twin::multicast_passes(std::size_t from, TransferId transfer, std::uint64_t stream) {
  const auto to = receiver_of(from, transfer);
  if (!to || !is_sending(from, transfer, stream) || !is_member(*to, transfer, stream)) {
    if (is_sending(from, transfer, stream)) multicast_unheard(from, to.value_or(from), transfer, stream);
    return;
  }
  if (is_cut(from, *to) || nodes_[from].silent || nodes_[*to].silent)
    return multicast_unheard(from, *to, transfer, stream);
  std::ranges::copy(groups_.at(from).payload, memberships_.at({*to, transfer}).place.begin());
  happen(*to, [this, to = *to, transfer, stream] {
    if (is_member(to, transfer, stream)) group_complete(to, transfer);
  });
}

void Twin::group_complete(std::size_t k, TransferId transfer) {
  memberships_.erase({k, transfer});
  carry_out(k, nodes_[k].core->group_complete(transfer, time_of(k), time_of(k)));
}

// So much has come, in whole segments; the rest goes over the link.
void Twin::hand_over(std::size_t from, TransferId transfer, std::uint64_t stream, Bytes came) {
  const auto to = receiver_of(from, transfer);
  if (!to || !is_sending(from, transfer, stream) || !is_member(*to, transfer, stream)) return;
  Group& group = groups_.at(from);
  Membership& membership = memberships_.at({*to, transfer});
  const mcast::StreamShape shape{mcast::StreamId(stream),
                                 Bytes(static_cast<std::int64_t>(group.payload.size())),
                                 static_cast<std::uint32_t>(group.segment)};
  const auto segments =
      std::min(static_cast<std::uint32_t>(static_cast<std::size_t>(came.count()) / group.segment),
               shape.segments() - 1);
  const std::size_t there = segments * group.segment;
  std::ranges::copy(group.payload.first(there), membership.place.begin());
  membership.missing = group.payload.size() - there;
  group.peers.erase(transfer);
  ++result_.handed_over;
  const std::array rest = {mcast::SegmentRange{segments, shape.segments()}};
  carry_out(from, nodes_[from].core->group_handed_over(transfer, mcast::parts_of(shape, rest), group.rate));
}

// Each notices for itself, if it can notice anything.
void Twin::multicast_unheard(std::size_t from, std::size_t to, TransferId transfer, std::uint64_t stream) {
  ++result_.unheard;
  const auto notices = [this](std::size_t k) { return mcast::kSilenceMax + delay(nodes_[k].rng); };
  at(from, queue_.now() + notices(from), [this, from, transfer, stream] {
    if (!is_sending(from, transfer, stream)) return;
    groups_.at(from).peers.erase(transfer);
    carry_out(from, nodes_[from].core->group_peer_dead(transfer, "says nothing any more", time_of(from)));
  });
  at(to, queue_.now() + notices(to), [this, to, transfer, stream] {
    if (!is_member(to, transfer, stream)) return;
    memberships_.erase({to, transfer});
    carry_out(to,
              nodes_[to].core->group_lost(transfer, {ErrorCode::timeout, "the sender has fallen silent"}));
  });
}

void Twin::stream_parts(std::size_t k, const worker::StreamParts& order) {
  const auto id = connection_of(k, order.link);
  if (!id || order.parts.empty()) return;
  Connection& c = connections_.at(*id);
  Rng& rng = nodes_[k].rng;
  Stream made{
      .transfer = order.transfer, .payload = order.payload, .paced = order.rate, .parts = order.parts};
  made.breaks = settings_.faults.broken_links && rng.below(60) == 0;
  made.corrupts = settings_.faults.corruption && rng.below(80) == 0;
  made.struck = rng.below(made.pieces());
  made.luck = rng.uniform(0.9, 1.0);
  SELMCAST_CHECK(streams_.emplace(*id, made).second, "one stream at a time on a link");
  c.forth_free = std::max(c.forth_free, queue_.now() + delay(rng));
  next_piece(*id);
}

}  // namespace selmcast::arena
