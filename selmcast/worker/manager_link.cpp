#include "selmcast/worker/manager_link.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "selmcast/worker/limits.h"

namespace selmcast::worker {

ManagerLink::Actions ManagerLink::say(const wire::FromWorker& message, Instant now) {
  if (over_) return {};
  if (const auto* hello = std::get_if<wire::Hello>(&message)) {
    hello_ = *hello;
    last_heard_ = now;
    next_heartbeat_ = now + heartbeat_interval();
    return {Write{message, 0}};
  }
  over_ = std::holds_alternative<wire::Goodbye>(message);
  unheard_.said(message);
  if (has_stream_ && !resuming_) return {Write{message, heard_}};
  return {};
}

ManagerLink::Actions ManagerLink::came(const wire::ToWorker& message, std::uint64_t heard, Instant now) {
  if (over_ || !has_stream_) return {};
  last_heard_ = now;
  const bool knows = unheard_.heard(heard);
  if (const auto* resumed = std::get_if<wire::Resumed>(&message)) {
    if (!resuming_ || resumed->epoch < epoch_) {
      return lost({ErrorCode::protocol, "it goes on as manager " + std::to_string(resumed->epoch) +
                                            " after manager " + std::to_string(epoch_)});
    }
    if (!knows) return lost({ErrorCode::protocol, "it has forgotten what it heard"});
    epoch_ = resumed->epoch;
    resuming_ = false;
    away_since_.reset();
    wait_ = {};
    Actions actions{Hand{message}};
    for (const wire::FromWorker& kept : unheard_.waiting()) actions.push_back(Write{kept, heard_});
    if (welcome_) next_heartbeat_ = now;
    return actions;
  }
  if (std::holds_alternative<wire::Reject>(message)) {
    over_ = true;
    return {Hand{message}};
  }
  if (!knows) return lost({ErrorCode::protocol, "it claims to have heard what was never said"});
  if (std::holds_alternative<wire::Alive>(message)) return {};
  ++heard_;
  if (const auto* welcome = std::get_if<wire::Welcome>(&message); welcome && !welcome_) {
    welcome_ = *welcome;
    epoch_ = std::max(epoch_, welcome->epoch);
    resuming_ = false;  // a manager that never knew of this worker answers Hello with it
    away_since_.reset();
    wait_ = {};
    next_heartbeat_ = now + heartbeat_interval();
  }
  return {Hand{message}};
}

ManagerLink::Actions ManagerLink::lost(const Error& error) {
  Actions actions;
  if (std::exchange(has_stream_, false)) actions.push_back(HangUp{});
  over_ = true;
  actions.push_back(Lost{error});
  return actions;
}

void ManagerLink::leave_stream(const Error& error, Instant now) {
  has_stream_ = resuming_ = false;
  next_heartbeat_ = Instant::never();
  if (!away_since_) {
    away_since_ = now;
    why_away_ = error;
  }
  wait_ = wait_ == Duration() ? kRedialFirst : std::min(wait_ * 2, kRedialMost);
  dial_at_ = now + wait_;
}

ManagerLink::Actions ManagerLink::broken(const Error& error, Instant now) {
  if (over_ || !has_stream_) return {};
  if (!hello_ || patience() == Duration()) {
    has_stream_ = false;
    return lost(error);
  }
  leave_stream(error, now);
  return {};
}

wire::FromWorker ManagerLink::greeting() const {
  if (!welcome_) return *hello_;
  return wire::Resume{wire::kControlProtocolVersion, hello_->name, welcome_->run_token, epoch_};
}

ManagerLink::Actions ManagerLink::tick(Instant now) {
  if (over_) return {};
  if (away_since_ && now >= *away_since_ + patience()) {
    return lost(
        {why_away_.code, why_away_.message + "; it did not come back within " + to_string(patience())});
  }
  if (!has_stream_ && now >= dial_at_) {
    has_stream_ = resuming_ = true;
    last_heard_ = now;
    dial_at_ = Instant::never();
    if (!welcome_) next_heartbeat_ = now + heartbeat_interval();
    return {Dial{}, Write{greeting(), heard_}};
  }
  Actions actions;
  if (!has_stream_) return actions;
  if (welcome_ && now >= last_heard_ + welcome_->manager_timeout) {
    const Error silent{ErrorCode::timeout,
                       "the manager has not been heard for " + to_string(welcome_->manager_timeout)};
    if (patience() == Duration()) return lost(silent);
    actions.push_back(HangUp{});
    leave_stream(silent, now);
    return actions;
  }
  if (now >= next_heartbeat_ && !is_resuming()) {
    actions.push_back(Write{wire::Heartbeat{}, heard_});
    next_heartbeat_ = now + heartbeat_interval();
  }
  return actions;
}

Instant ManagerLink::deadline() const {
  if (over_) return Instant::never();
  Instant earliest = away_since_ ? *away_since_ + patience() : Instant::never();
  if (!has_stream_) return std::min(earliest, dial_at_);
  if (welcome_) earliest = std::min(earliest, last_heard_ + welcome_->manager_timeout);
  return is_resuming() ? earliest : std::min(earliest, next_heartbeat_);
}

}  // namespace selmcast::worker
