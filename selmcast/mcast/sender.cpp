#include "selmcast/mcast/sender.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/mcast/limits.h"

namespace selmcast::mcast {

Sender::Sender(const StreamShape& shape, std::span<const TransferId> peers, Rate rate)
    : shape_(shape), rate_(rate), pace_(rate), last_number_(shape.segments()) {
  SELMCAST_CHECK(rate > Rate(), "a multicast has a rate");
  for (TransferId id : peers) peers_.emplace(id, Peer(shape.segments()));
}

Duration Sender::slot() const {
  return pace_.is_unlimited() ? Duration() : Bytes(shape_.segment_bytes) / pace_;
}

// What is judged by a pace was sent at it.
void Sender::set_pace(Rate pace) {
  pace_ = pace;
  paced_from_ = data_sent_;
}

// ---- peers -------------------------------------------------------------------------------------------------

SenderEvents Sender::joined(TransferId id, Instant now) {
  const auto found = peers_.find(id);
  if (found == peers_.end() || found->second.state != State::waiting) return {};
  Peer& peer = found->second;
  peer.state = State::receiving;
  peer.joined_at = number_;
  peer.last_word = peer.progress = now;
  first_joined_ = std::min(first_joined_, now);
  start_if_time(now);
  return {};
}

void Sender::acknowledged(TransferId id) {
  const auto found = peers_.find(id);
  if (found != peers_.end() && found->second.state == State::receiving) found->second.state = State::complete;
}

void Sender::drop(TransferId id) {
  const auto found = peers_.find(id);
  if (found != peers_.end()) found->second.state = State::gone;
}

void Sender::set_rate(Rate rate, Instant now) {
  SELMCAST_CHECK(rate > Rate(), "a multicast has a rate");
  rate_ = rate;
  set_pace(rate);
  next_slot_ = std::max(next_slot_, now - kCatchUp);
  behind_ = {};
  for (auto& [id, peer] : peers_) {
    peer.bad_windows = peer.lossy_windows = 0;
    peer.slow = false;
  }
}

Result<SenderEvents> Sender::status(TransferId id, const Status& status, Instant now) {
  SenderEvents events;
  const auto found = peers_.find(id);
  if (found == peers_.end() || found->second.state != State::receiving) return events;
  if (status.window.end > frontier_ || status.prefix > frontier_ || status.heard > number_ ||
      status.received > frontier_)
    return failure(ErrorCode::protocol, "a multicast status speaks of what was never sent");
  Peer& peer = found->second;
  if (status.heard > peer.heard || status.received > peer.received) peer.progress = now;
  peer.last_word = now;
  peer.heard = std::max(peer.heard, status.heard);
  peer.received = std::max(peer.received, status.received);
  peer.has.insert_prefix(status.prefix);
  peer.has.insert_bits(status.window, status.bits);
  if (first_poll_ != 0 && status.heard >= first_poll_ &&
      status.window.first <= std::max(peer.told_to, status.prefix))
    peer.told_to = std::max(peer.told_to, status.window.end);
  observe(id, peer, status, now, events);
  if (number_ - peer.heard >= kWindowDatagrams && now - peer.progress >= kUnreachedAfter) {
    hand_over(id, peer, peer.heard == 0 ? "multicast does not reach it" : "multicast no longer reaches it",
              events);
  } else if (!peer.slow) {
    note_losses(id, peer, status);
  }
  judge_all(now);
  promote(now);
  hand_over_slow(now, events);
  return events;
}

void Sender::note_losses(TransferId id, Peer& peer, const Status& status) {
  std::uint32_t segment = peer.has.next_missing(status.window.first, status.window.end);
  for (; segment < status.window.end; segment = peer.has.next_missing(segment + 1, status.window.end)) {
    const std::uint32_t last = last_number_[segment];
    if (last == 0 || last + kReorderMax > status.heard) continue;  // under way
    if (last <= peer.joined_at && !all_sent()) continue;           // missed, not lost: later
    auto entry = ripe_.find(segment);
    if (entry == ripe_.end()) {
      if (fresh_.size() + ripe_.size() >= kRepairsMax) return;
      entry = fresh_.try_emplace(segment, Repair{last, id, false}).first;
    }
    if (entry->second.first != id) entry->second.several = true;
  }
}

// How many data datagrams went to the group up to this number. Polls, which are sent between others only after
// everything was sent once, make numbers skip: what lies before the last one is not known any more.
std::optional<std::uint32_t> Sender::data_until(std::uint32_t number) const {
  if (number < marked_number_) return std::nullopt;
  return std::min(data_sent_, marked_data_ + (number - marked_number_));
}

// Of what was sent at the present pace, once a window of it is over.
std::optional<double> Sender::share_in_window(Peer& peer, const Status& status, Instant now) {
  const std::optional<std::uint32_t> until = data_until(status.heard);
  if (!until || *until < paced_from_) return std::nullopt;
  const auto begin_anew = [&] {
    peer.window_since = now;
    peer.window_sent = *until;
    peer.window_datagrams = status.datagrams;
  };
  // A switch learns of a member some milliseconds after the member says so: what it missed by that was not lost.
  if (!std::exchange(peer.counting, true) || peer.window_sent < paced_from_) {
    begin_anew();
    return std::nullopt;
  }
  const std::uint32_t sent = *until - peer.window_sent;
  const Duration lasted = pace_.is_unlimited() ? now - peer.window_since : slot() * static_cast<double>(sent);
  if (*until < peer.window_sent || sent < kWindowDatagrams || lasted < kWindow) return std::nullopt;
  const std::uint32_t came = status.datagrams - peer.window_datagrams;
  peer.goodput =
      std::max(Bytes(std::int64_t{came} * shape_.segment_bytes) / lasted, Rate::bits_per_second(1));
  begin_anew();
  return static_cast<double>(came) / sent;
}

// One more window of what reaches this peer, if it is over.
void Sender::observe(TransferId id, Peer& peer, const Status& status, Instant now, SenderEvents& events) {
  const std::optional<double> share = share_in_window(peer, status, now);
  if (!share) return;
  const bool above = pace_ > rate_;
  const bool lossy = *share < kFastShare;
  peer.bad_windows = *share * (above ? pace_ / rate_ : 1) < kSlowShare ? peer.bad_windows + 1 : 0;
  peer.lossy_windows = lossy ? peer.lossy_windows + 1 : 0;
  peer.judged = true;
  may_haste_ = std::ranges::none_of(peers_, [](const auto& entry) {
    return entry.second.state == State::receiving && !entry.second.slow && entry.second.lossy_windows > 0;
  });
  if (!lossy) {
    peer.slow = false;
    if (pace_ < rate_ && now >= raise_at_) {
      set_pace(std::min(rate_, pace_ * (1 + kRaise * ++raises_)));
      raise_at_ = now + kRaiseInterval;
    }
  } else if (above) {
    set_pace(std::max(rate_, peer.goodput * kDrainShare));
  }
  const bool slow_now = peer.bad_windows >= kSlowWindows;
  const bool limited = lossy && (above || peer.lossy_windows >= kSlowWindows);
  tell_if_limited(id, peer, limited || slow_now, now, events);
  peer.slow = peer.slow || slow_now;
}

void Sender::tell_if_limited(TransferId id, Peer& peer, bool limited, Instant now, SenderEvents& events) {
  const bool same = std::abs(peer.goodput.bps() - peer.told.bps()) <= peer.told.bps() * 0.1;
  if (!limited || (same && now < peer.told_at + kSlowRepeat)) return;
  peer.told = peer.goodput;
  peer.told_at = now;
  const bool alone = std::ranges::any_of(peers_, [](const auto& entry) {
    return entry.second.state == State::receiving && entry.second.judged && entry.second.lossy_windows == 0;
  });
  events.push_back(PeerSlow{id, peer.goodput, alone});
}

// Nobody can take the rate: then it is too high.
void Sender::judge_all(Instant now) {
  Rate most;
  for (const auto& [id, peer] : peers_) {
    if (peer.state != State::receiving) continue;
    if (!peer.slow) return;
    most = std::max(most, peer.goodput);
  }
  if (!(most > Rate()) || all_sent()) return;
  set_pace(std::min(rate_, most * kDrainShare));
  raise_at_ = now + kRaiseInterval;
  raises_ = 0;
  for (auto& [id, peer] : peers_) {
    peer.slow = false;
    peer.bad_windows = peer.lossy_windows = 0;
  }
}

void Sender::hand_over(TransferId id, Peer& peer, std::string why, SenderEvents& events) {
  peer.state = State::gone;
  const Rate rate = peer.slow ? std::min(rate_, peer.goodput * kHandOverShare) : rate_;
  events.push_back(
      PeerHandedOver{id, peer.has.missing(shape_.segments(), shape_.segments()), std::move(why), rate});
}

// With what it has said that it lacks since everything that was sent has passed its queues, if it says so in time.
void Sender::hand_over_slow(Instant now, SenderEvents& events) {
  if (all_sent_at_ == Instant::never() || !fresh_.empty() || !ripe_.empty()) return;
  for (auto& [id, peer] : peers_) {
    if (peer.state != State::receiving || !peer.slow) continue;
    if (peer.told_to < frontier_ && now < all_sent_at_ + kUnreachedAfter) continue;
    hand_over(id, peer, "its link carries less than the multicast's rate", events);
  }
}

// ---- schedule ----------------------------------------------------------------------------------------------

void Sender::start_if_time(Instant now) {
  if (started() || first_joined_ == Instant::never()) return;
  bool all_there = true;
  for (const auto& [id, peer] : peers_) all_there &= peer.state != State::waiting;
  if (!all_there && now < first_joined_ + kStartPatience) return;
  start_ = next_slot_ = poll_at_ = now;
}

bool Sender::polling() const {
  return std::ranges::any_of(peers_,
                             [](const auto& entry) { return entry.second.state == State::receiving; });
}

bool Sender::all_answered() const {
  return number_ == polled_ && std::ranges::all_of(peers_, [this](const auto& entry) {
           const Peer& peer = entry.second;
           return peer.state != State::receiving || peer.slow || peer.heard >= polled_;
         });
}

void Sender::promote(Instant now) {
  if (fresh_.empty()) {
    promote_at_ = Instant::never();
    return;
  }
  promote_at_ = std::min(promote_at_, now + kMergeWait);
  if (now < promote_at_ && !(all_sent() && ripe_.empty() && all_answered())) return;
  ripe_.merge(fresh_);
  fresh_.clear();
  promote_at_ = Instant::never();
}

bool Sender::next_transmission(Instant now, Transmission& out) {
  while (!ripe_.empty()) {
    const auto [segment, repair] = *ripe_.begin();
    ripe_.erase(ripe_.begin());
    std::size_t lacking = 0;
    TransferId only;
    for (const auto& [id, peer] : peers_) {
      if (peer.state != State::receiving || peer.slow || peer.has.contains(segment)) continue;
      if (!repair.several && id != repair.first) continue;
      ++lacking;
      only = id;
    }
    if (lacking == 0) continue;  // complete, dropped or slow meanwhile
    poll_at_ = now;
    if (lacking == 1) {
      ++counts_.unicast_repairs;
      last_number_[segment] = number_;
      out = {DatagramKind::repair, segment, number_, only};
    } else {
      ++counts_.group_repairs;
      ++data_sent_;
      last_number_[segment] = ++number_;
      out = {DatagramKind::data, segment, number_, {}};
    }
    return true;
  }
  if (all_sent()) return false;
  poll_at_ = now;
  ++counts_.segments;
  ++data_sent_;
  last_number_[frontier_] = ++number_;
  out = {DatagramKind::data, frontier_++, number_, {}};
  if (all_sent()) all_sent_at_ = now;
  return true;
}

// Only of what was planned: in a burst it is ahead, and below the rate more would be lost.
void Sender::make_up_for_delay(Instant now) {
  const Instant earliest = now - kCatchUp;
  if (next_slot_ >= earliest) return;
  const bool has_work = !ripe_.empty() || !all_sent();
  if (has_work && pace_ == rate_) behind_ = std::min(kBehindMax, behind_ + (earliest - next_slot_));
  next_slot_ = earliest;
}

std::size_t Sender::due(Instant now, std::span<Transmission> out) {
  start_if_time(now);
  if (!started() || finished()) return 0;
  promote(now);
  make_up_for_delay(now);
  std::size_t count = 0;
  while (count < out.size() && next_slot_ <= now && next_transmission(now, out[count])) {
    Duration slot = this->slot();
    if (behind_ > Duration() && may_haste_) {
      behind_ = behind_ - slot * (1 - 1 / kHaste);
      slot = slot * (1 / kHaste);
    }
    next_slot_ = next_slot_ + slot;
    ++count;
  }
  const bool idle = ripe_.empty() && all_sent();
  if (!idle) return count;
  next_slot_ = std::max(next_slot_, now);
  if (count < out.size() && now >= poll_at_ && polling()) {
    number_ += kReorderMax;  // whatever was sent before is no longer under way once this is heard
    polled_ = marked_number_ = number_;
    marked_data_ = data_sent_;
    if (first_poll_ == 0) first_poll_ = number_;
    poll_at_ = now + kPollInterval;
    ++counts_.polls;
    out[count++] = {DatagramKind::poll, frontier_, number_, {}};
  }
  return count;
}

SenderEvents Sender::tick(Instant now) {
  SenderEvents events;
  start_if_time(now);
  for (auto& [id, peer] : peers_) {
    if (peer.state != State::receiving || now - peer.last_word < kSilenceMax) continue;
    peer.state = State::gone;
    events.push_back(PeerDead{id, "no status of the multicast for " +
                                      std::to_string(static_cast<int>(kSilenceMax.in_milliseconds())) +
                                      " ms"});
  }
  promote(now);
  hand_over_slow(now, events);
  return events;
}

Instant Sender::deadline() const {
  if (finished()) return Instant::never();
  Instant due = Instant::never();
  if (!started()) return first_joined_ == Instant::never() ? due : first_joined_ + kStartPatience;
  for (const auto& [id, peer] : peers_) {
    if (peer.state == State::receiving) due = std::min(due, peer.last_word + kSilenceMax);
  }
  due = std::min(due, promote_at_);
  if (!ripe_.empty() || !all_sent()) return std::min(due, next_slot_);
  return polling() ? std::min(due, poll_at_) : due;
}

bool Sender::finished() const {
  return std::ranges::none_of(peers_, [](const auto& entry) {
    return entry.second.state == State::waiting || entry.second.state == State::receiving;
  });
}

}  // namespace selmcast::mcast
