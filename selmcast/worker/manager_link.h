// A worker's side of its conversation with the manager (wire/unheard.h): streams, heartbeats, and coming back.
//
//     WorkerCore ── say() ──> number, keep ──> Write       from a stream ── came() ──> Hand ──> WorkerCore
//     stream broken, or manager_timeout without a word ──> HangUp; Dial, Write{Resume}; again, less and less often
//     no manager within manager_patience ──> Lost, for good
//
// From Hello on it beats its heart, so that a worker that falls silent while it waits for the others is noticed.
// While the manager is away the worker goes on with what is planned: what it has to say is kept, and said when the
// manager is back. Before its welcome a worker that loses the manager says Hello again, for `first_patience`.
// Fencing: a manager that resumes with an older epoch than one heard before is refused.
// No clock, no I/O: callers hand in events with `now` and carry out the actions in order. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/wire/control.h"
#include "selmcast/wire/unheard.h"

namespace selmcast::worker {

class ManagerLink {
 public:
  // Open a stream to the manager. Bounded by the caller: it says broken() if that fails.
  struct Dial {};
  struct Write {
    wire::FromWorker message;
    std::uint64_t heard = 0;  // goes with it
  };
  // To the core.
  struct Hand {
    wire::ToWorker message;
  };
  // The stream is of no use any more; no event of it is expected.
  struct HangUp {};
  // The last action.
  struct Lost {
    Error error;
  };
  using Action = std::variant<Dial, Write, Hand, HangUp, Lost>;
  using Actions = std::vector<Action>;

  explicit ManagerLink(Duration first_patience) : first_patience_(first_patience) {}

  // Requires an open stream when Hello is said.
  Actions say(const wire::FromWorker& message, Instant now);
  Actions came(const wire::ToWorker& message, std::uint64_t heard, Instant now);
  Actions broken(const Error& error, Instant now);
  Actions tick(Instant now);
  Instant deadline() const;

  bool is_away() const { return away_since_.has_value(); }
  std::size_t unheard() const { return unheard_.waiting().size(); }

 private:
  Actions lost(const Error& error);
  Duration patience() const { return welcome_ ? welcome_->manager_patience : first_patience_; }
  Duration heartbeat_interval() const {
    return welcome_ ? welcome_->heartbeat_interval : wire::kHeartbeatBeforeWelcome;
  }
  // Of a session that the manager has to find first; Hello begins one.
  bool is_resuming() const { return resuming_ && welcome_; }
  void leave_stream(const Error& error, Instant now);
  wire::FromWorker greeting() const;

  Duration first_patience_;
  std::optional<wire::Hello> hello_;
  std::optional<wire::Welcome> welcome_;
  wire::Unheard<wire::FromWorker> unheard_;
  std::uint64_t heard_ = 0;
  std::uint64_t epoch_ = 0;

  bool over_ = false;       // Goodbye was said, Reject was heard, or the manager is lost
  bool has_stream_ = true;  // the caller opens the first one
  bool resuming_ = false;   // greeted, not answered
  Instant last_heard_, next_heartbeat_ = Instant::never();
  std::optional<Instant> away_since_;
  Error why_away_;
  Duration wait_;  // before the next Dial
  Instant dial_at_ = Instant::never();
};

}  // namespace selmcast::worker
