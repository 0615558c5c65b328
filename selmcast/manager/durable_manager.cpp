#include "selmcast/manager/durable_manager.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/overloaded.h"

namespace selmcast::manager {
DurableManager::DurableManager(const ManagerSettings& settings, Instant now)
    : settings_(settings), core_(settings, now), epoch_(settings.epoch) {}

// ---- being made again --------------------------------------------------------------------------------------

Outputs DurableManager::replay(const Input& input) {
  note(input);
  Outputs outputs = manager::apply(core_, input);
  for (const Output& output : outputs) note(output, input.at);
  return outputs;
}

Effects DurableManager::restarted(std::uint64_t epoch, Duration away, Instant now) {
  Effects effects;
  apply({now, ManagerRestarted{epoch, away}}, effects);
  for (auto& [id, session] : sessions_) {
    session.return_by = now + settings_.return_patience;
    session.why_away.clear();
  }
  return effects;
}

// ---- the core, and what is remembered of what it heard and said --------------------------------------------

void DurableManager::apply(Input input, Effects& effects) {
  const Instant now = input.at;
  note(input);
  Outputs outputs = manager::apply(core_, input);
  effects.push_back(Store{std::move(input)});
  for (Output& output : outputs) {
    if (const auto* send = std::get_if<Send>(&output)) {
      const auto session = sessions_.find(send->session);
      if (session != sessions_.end()) write(session->second, send->message, effects);
    } else if (const auto* close = std::get_if<Close>(&output)) {
      const auto session = sessions_.find(close->session);
      if (session != sessions_.end() && session->second.stream) {
        effects.push_back(EndStream{*session->second.stream});
        streams_.erase(*session->second.stream);
      }
    }
    note(output, now);
    effects.push_back(Observed{std::move(output)});
  }
}

// The same when it happens and when it is replayed; streams are not of it.
void DurableManager::note(const Input& input) {
  std::visit(Overloaded{
                 [&](const SessionOpened& opened) {
                   sessions_made_ = std::max(sessions_made_, opened.session.value());
                   sessions_[opened.session].last_heard = input.at;
                 },
                 [&](const MessageCame& came) {
                   const auto found = sessions_.find(came.session);
                   if (found == sessions_.end()) return;
                   if (const auto* hello = std::get_if<wire::Hello>(&came.message)) {
                     if (!found->second.hello) found->second.hello = *hello;
                   } else {
                     ++found->second.heard;
                     found->second.unheard.heard(came.heard);
                   }
                 },
                 [&](const ManagerRestarted& restarted) { epoch_ = restarted.epoch; },
                 [](const auto&) {},
             },
             input.what);
}

void DurableManager::note(const Output& output, Instant now) {
  if (const auto* send = std::get_if<Send>(&output)) {
    const auto session = sessions_.find(send->session);
    if (session != sessions_.end()) session->second.unheard.said(send->message);
  } else if (std::holds_alternative<Started>(output)) {
    for (auto& [id, session] : sessions_)
      session.last_heard = now;  // heartbeats may be more frequent from now on
  } else if (const auto* close = std::get_if<Close>(&output)) {
    sessions_.erase(close->session);
  }
}

// ---- streams -----------------------------------------------------------------------------------------------

void DurableManager::opened(StreamId stream, Instant now) { streams_[stream] = {now, std::nullopt}; }

Effects DurableManager::message(StreamId id, const wire::FromWorker& message, std::uint64_t heard,
                                Instant now) {
  Effects effects;
  const auto stream = streams_.find(id);
  if (stream == streams_.end() || finished()) return effects;
  if (!stream->second.session) {
    if (const auto* hello = std::get_if<wire::Hello>(&message)) {
      greet(id, *hello, now, effects);
    } else if (const auto* back = std::get_if<wire::Resume>(&message)) {
      resume(id, *back, heard, now, effects);
    } else {
      refuse(id, "it did not say hello first", effects);
    }
    return effects;
  }
  const SessionId session_id = *stream->second.session;
  Session& session = sessions_.at(session_id);
  session.last_heard = now;
  if (floods(session, now)) {
    lose(session_id,
         "it floods: more than " + std::to_string(kMessagesMost) + " messages in " + to_string(kMessagesTime),
         now, effects);
    return effects;
  }
  if (!session.unheard.heard(heard)) {
    lose(session_id, "it claims to have heard what was never said", now, effects);
    return effects;
  }
  if (std::holds_alternative<wire::Resume>(message)) {
    lose(session_id, "it resumed a session that is under way", now, effects);
    return effects;
  }
  const bool beats = std::holds_alternative<wire::Heartbeat>(message);
  if (beats) {
    effects.push_back(Write{id, wire::Alive{}, session.heard});
  } else {
    apply({now, MessageCame{session_id, message, heard}}, effects);
  }
  return effects;
}

bool DurableManager::floods(Session& session, Instant now) const {
  if (now >= session.counted_since + kMessagesTime) {
    session.counted_since = now;
    session.messages = 0;
  }
  return ++session.messages > kMessagesMost;
}

void DurableManager::greet(StreamId stream, const wire::Hello& hello, Instant now, Effects& effects) {
  // One that lost its manager before it heard anything of it.
  for (auto& [id, session] : sessions_) {
    const bool heard_nothing = session.unheard.waiting().size() == session.unheard.said();
    if (!session.stream && session.hello == hello && heard_nothing)
      return attach(id, stream, 0, now, effects);
  }
  // The process whose name it has can have died only now, if its session still waits.
  const auto dead = std::ranges::find_if(sessions_, [&](const auto& entry) {
    const Session& session = entry.second;
    return settings_.elastic && core_.started() && !session.stream && session.hello &&
           session.hello->name == hello.name;
  });
  if (dead != sessions_.end()) lose(dead->first, "a new process of its name has come", now, effects);
  if (finished()) return;
  const SessionId id(++sessions_made_);
  streams_.at(stream).session = id;
  apply({now, SessionOpened{id}}, effects);
  sessions_.at(id).stream = stream;
  apply({now, MessageCame{id, hello, 0}}, effects);
}

void DurableManager::resume(StreamId stream, const wire::Resume& resume, std::uint64_t heard, Instant now,
                            Effects& effects) {
  if (resume.protocol_version != wire::kControlProtocolVersion || resume.run_token != settings_.run_token)
    return refuse(stream, "it is of another training, or of another release", effects);
  if (resume.epoch > epoch_) {
    return refuse(stream,
                  "it has heard of manager " + std::to_string(resume.epoch) + ", and this is " +
                      std::to_string(epoch_) + ": a newer one has taken over",
                  effects);
  }
  for (auto& [id, session] : sessions_) {
    if (!session.hello || session.hello->name != resume.name) continue;
    if (!session.unheard.heard(heard)) return turn_away_ahead(id, stream, now, effects);
    return attach(id, stream, heard, now, effects);
  }
  refuse(stream, "there is no session of " + resume.name + " to go on with: it was taken for dead", effects);
}

// It heard what the state of this manager does not know of: the two cannot go on together.
void DurableManager::turn_away_ahead(SessionId id, StreamId stream, Instant now, Effects& effects) {
  const std::string name = sessions_.at(id).hello->name;
  const std::string why =
      name +
      " has heard more of the manager before than this one's state says: it ends too early, since "
      "its disk was full or the machine lost power; " +
      (settings_.elastic ? "a new process of that name may come"
                         : "start the training anew, with another state");
  refuse(stream, why, effects);
  lose(id, why, now, effects);
}

void DurableManager::attach(SessionId id, StreamId stream, std::uint64_t heard, Instant now,
                            Effects& effects) {
  Session& session = sessions_.at(id);
  if (session.stream) {  // it broke, and the worker knew first
    effects.push_back(EndStream{*session.stream});
    streams_.erase(*session.stream);
  }
  session.unheard.heard(heard);
  session.stream = stream;
  session.last_heard = now;
  session.return_by = Instant::never();
  streams_.at(stream).session = id;
  write(session, wire::Resumed{epoch_}, effects);
  for (const wire::ToWorker& message : session.unheard.waiting()) write(session, message, effects);
}

void DurableManager::write(Session& session, wire::ToWorker message, Effects& effects) const {
  if (session.stream) effects.push_back(Write{*session.stream, std::move(message), session.heard});
}

void DurableManager::refuse(StreamId stream, const std::string& why, Effects& effects) {
  effects.push_back(Write{stream, wire::Reject{why}, 0});
  effects.push_back(EndStream{stream});
  streams_.erase(stream);
}

void DurableManager::lose(SessionId id, const std::string& why, Instant now, Effects& effects) {
  if (const std::optional<StreamId> stream = sessions_.at(id).stream) refuse(*stream, why, effects);
  sessions_.at(id).stream.reset();
  apply({now, SessionLost{id, why}}, effects);
}

Effects DurableManager::closed(StreamId id, const std::string& why, Instant now) {
  Effects effects;
  const auto stream = streams_.find(id);
  if (stream == streams_.end()) return effects;
  const std::optional<SessionId> session = stream->second.session;
  streams_.erase(stream);
  if (!session || finished()) return effects;
  Session& it = sessions_.at(*session);
  it.stream.reset();
  if (core_.started() && it.unheard.said() > 0 && settings_.stream_patience > Duration()) {
    it.return_by = now + settings_.stream_patience;
    it.why_away = why;
    return effects;
  }
  apply({now, SessionLost{*session, "session lost: " + why}}, effects);
  return effects;
}

Effects DurableManager::stop(const std::string& why, Instant now) {
  Effects effects;
  if (finished()) return effects;
  apply({now, Stopped{why}}, effects);
  return effects;
}

// ---- time --------------------------------------------------------------------------------------------------

Effects DurableManager::tick(Instant now) {
  Effects effects;
  if (finished()) return effects;
  if (must_read_on(now)) return effects;
  std::vector<StreamId> strangers;
  for (const auto& [id, stream] : streams_) {
    if (!stream.session && now >= stream.opened + settings_.hello_patience) strangers.push_back(id);
  }
  for (const StreamId id : strangers) refuse(id, "it did not say hello", effects);
  std::vector<std::pair<SessionId, std::string>> silent;
  for (const auto& [id, session] : sessions_) {
    if (session.stream && now >= session.last_heard + silence_patience())
      silent.emplace_back(id, "not heard for " + to_string(silence_patience()));
    if (!session.stream && now >= session.return_by) {
      silent.emplace_back(id, session.why_away.empty()
                                  ? "did not come back within " + to_string(settings_.return_patience) +
                                        " of the manager's restart"
                                  : "session lost: " + session.why_away + ", and not taken up again within " +
                                        to_string(settings_.stream_patience));
    }
    if (session.unheard.is_full()) silent.emplace_back(id, "does not listen");
  }
  for (const auto& [id, why] : silent) {
    if (sessions_.contains(id)) lose(id, why, now, effects);
  }
  if (!finished() && now >= core_.deadline()) apply({now, TimePassed{}}, effects);
  return effects;
}

// Whether verdicts must wait; once a tick, as it counts slices. Who stood still while it read up begins anew.
bool DurableManager::must_read_on(Instant now) {
  const bool late = now >= deadline() + (reading_up_ ? kReadingSlice : kStoodStill);
  const bool begins =
      (late && ++standstills_ <= kStandstillsMost) || (!reading_up_ && now >= first_silence());
  if (begins) {
    slices_ = 0;
    reading_up_ = now + kReadingSlice;
  }
  if (!reading_up_) return false;
  if (now < *reading_up_) return true;
  if (++slices_ < kReadingSlices) {
    reading_up_ = now + kReadingSlice;
    return true;
  }
  reading_up_.reset();
  standstills_ = 0;
  return false;
}

Instant DurableManager::deadline() const {
  if (finished()) return Instant::never();
  return reading_up_.value_or(earliest());
}

std::size_t DurableManager::messages() const {
  std::size_t most = 0;
  for (const auto& [id, session] : sessions_) most = std::max(most, session.unheard.waiting().size());
  return most;
}

Duration DurableManager::silence_patience() const {
  return core_.started() ? settings_.heartbeat_timeout
                         : std::max(settings_.heartbeat_timeout, wire::kSilenceBeforeWelcome);
}

// When the first session is to be taken for silent.
Instant DurableManager::first_silence() const {
  Instant first = Instant::never();
  for (const auto& [id, session] : sessions_) {
    if (session.stream) first = std::min(first, session.last_heard + silence_patience());
  }
  return first;
}

Instant DurableManager::earliest() const {
  Instant earliest = core_.deadline();
  for (const auto& [id, stream] : streams_) {
    if (!stream.session) earliest = std::min(earliest, stream.opened + settings_.hello_patience);
  }
  for (const auto& [id, session] : sessions_) earliest = std::min(earliest, session.return_by);
  return std::min(earliest, first_silence());
}

}  // namespace selmcast::manager
