// The manager of one training as a pure state machine: sessions, membership, and the rounds between them.
//
//     waiting for workers ── all have said hello ──> training ── all left ──> finished
//                         └─ join_patience over ──> everybody rejected, finished with an error
//     elastic, while training: hello ── Welcome{catch_up} ──> visitor ── CatchUp ──> guest ── CaughtUp ──> member
//
// The training itself is a sync::TrainingMachine: with rounds in common (bsp, sync/round_machine.h), or online,
// everybody in a round of its own (ssp, asp, sync/online_rounds.h). This core puts messages around either.
// A session is one worker's conversation with the manager. Its first message is Hello; a worker whose protocol
// version, name or model does not fit is rejected with the reason, the others are not disturbed. Ids are given when
// all are there, in natural order of the names (w2 before w10), so that the same workers get the same ids whatever
// order they came in.
// Elastic: workers may come while the training runs, new ones or those that left, under a name that nobody has. A
// visitor is welcome at once and costs nobody anything; when it says that it is ready to receive it is a guest
// (sync/training_machine.h), then a member. Who comes back under its name has its id again; so there are as many ids
// as names, a bounded number. A guest that nothing reaches is turned away (sync/donors.h), and for kComeAgainFirst,
// twice as long each time, nobody is welcome under its name at the same host: a launcher that starts it again and
// again would else hold up the others for ever. When no member is left the training is over: visitors and guests are
// told so. A worker leaves by Goodbye, by losing its session, by breaking the protocol, or by being too slow to
// compute; its open transfers are cancelled and the others go on. When a session is lost, and who said it, is
// durable_manager.h's. Plans carry (epoch, number): workers obey only what is newer than what they obeyed. A manager
// that was made again has a larger epoch. No clock, no I/O: callers hand in events with `now` and carry out the
// outputs in order. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/manager/multicast_probing.h"
#include "selmcast/sync/online_rounds.h"
#include "selmcast/sync/round_machine.h"
#include "selmcast/sync/training_machine.h"
#include "selmcast/wire/control.h"

namespace selmcast::manager {

// How many names of workers one training knows, at least: kNamesPerWorker for each that it started with.
inline constexpr std::size_t kNamesMin = 1000;
inline constexpr std::size_t kNamesPerWorker = 4;
// Until a worker that was turned away because nothing reached it may come again.
inline constexpr Duration kComeAgainFirst = Duration::seconds(30);
inline constexpr Duration kComeAgainLast = Duration::seconds(600);

// One worker's conversation; numbered by the caller, never reused.
using SessionId = Id<struct SessionIdTag, std::uint64_t>;

struct ManagerSettings {
  sync::RoundSettings rounds;                // online: all but the planner
  std::optional<sync::OnlineChoice> online;  // ssp or asp; nothing: bsp
  std::uint32_t workers = 1;                 // the training starts when so many have said hello
  std::uint32_t min_workers =
      1;                 // it ends, with an error, when fewer are left but for those who have done all
  bool elastic = false;  // workers may come while the training runs
  bool choose_multicast = false;  // by probing the network; until then as `rounds` says
  std::uint64_t epoch = 1;
  std::uint64_t run_token = 0;  // keeps strangers out of the data plane
  std::uint32_t segment_bytes =
      1440;  // of network multicasts (docs/multicast.md): less than their links' MTU
  Duration hello_patience = Duration::seconds(10);
  Duration join_patience = Duration::seconds(60);
  Duration heartbeat_interval = Duration::milliseconds(500);
  Duration heartbeat_timeout = Duration::seconds(4);  // of a worker
  Duration manager_timeout = Duration::seconds(10);   // after which a worker takes the manager for gone
  // For a worker whose stream broke, and that may be dead, to take it up again; 0: it is lost at once.
  Duration stream_patience = Duration::seconds(0);
  // For a manager that is gone to come back, on the workers' side; 0: it will not. And on its side, for them.
  Duration manager_patience = Duration::seconds(0);
  Duration return_patience = Duration::seconds(12);
};

// Error (invalid_input) if no training can be run with them.
Result<void> check_settings(const ManagerSettings& settings);

// ---- outputs, to be carried out in order -------------------------------------------------------------------

struct Send {
  SessionId session;
  wire::ToWorker message;
};
// End the session once what was sent is out. No event of it is expected any more.
struct Close {
  SessionId session;
};
struct Started {
  payload::Format payload = payload::Format::float32;
  Bytes payload_bytes;  // of one delivery
  std::vector<std::pair<WorkerId, std::string>> names;
};
// Elastic: a visitor.
struct Came {
  WorkerId worker;
  std::string name;
};
struct Planned {
  PlanVersion version;
  sync::RoundPlanned plan;
};
struct RoundOver {
  PlanVersion version;
  sync::RoundEnded round;
};
// Online: the plan has changed.
struct Replanned {
  PlanVersion version;
  sync::PlanChanged plan;
};
struct Left {
  WorkerId worker;
  std::string why;
  std::size_t remaining = 0;
  bool goodbye = false;  // it said so itself
};
// Before the training began, one that waited for it.
struct LeftEarly {
  std::string name;
  std::string why;
  std::size_t waiting = 0;  // still
  std::size_t wanted = 0;
};
struct TurnedAway {
  std::string name;
  std::string why;
};
// What the probes of the network led to; holds from the next plan on.
struct MulticastChosen {
  sync::MulticastChoice choice;
};
// Online, at the end: how the promises were kept.
struct Kept {
  sync::Promises promises;
};
// Nothing will happen any more. An error if the training never started.
struct Finished {
  std::optional<Error> error;
};
using Output = std::variant<Send, Close, Started, Came, sync::CaughtUp, Planned, RoundOver, Replanned,
                            sync::TransferRerouted, sync::MulticastEnded, sync::WentOn, sync::Learnt,
                            sync::Doubted, Left, LeftEarly, TurnedAway, MulticastChosen, Kept, Finished>;
using Outputs = std::vector<Output>;

class ManagerCore {
 public:
  ManagerCore(ManagerSettings settings, Instant now);

  Outputs opened(SessionId session, Instant now);
  Outputs message(SessionId session, const wire::FromWorker& message, Instant now);
  Outputs closed(SessionId session, const std::string& why, Instant now);
  Outputs tick(Instant now);
  // This manager was made again from its inputs after it had been away until now: it has another epoch, what waits has
  // that much longer, and who only waited for the start must come again.
  Outputs restarted(std::uint64_t epoch, Duration away, Instant now);
  // Tells every worker and finishes.
  Outputs stop(const std::string& why, Instant now);

  Instant deadline() const;
  bool finished() const { return finished_; }
  bool started() const { return started_; }
  sync::TrainingMachine::Held held() const { return machine_->held(); }

 private:
  // Of a name under which nothing reached a guest.
  struct Unreached {
    std::string host;
    Instant until;
    Duration wait;
  };
  enum class Standing { stranger, visitor, guest, member };
  struct Session {
    std::optional<wire::Hello> hello;
    std::optional<WorkerId> worker;  // once it was welcome
    Standing standing = Standing::stranger;
  };

  void hello(SessionId id, Session& session, const wire::Hello& hello, Outputs& outputs);
  std::size_t waiting() const;  // have said hello
  std::size_t members() const;
  std::optional<std::string> objection_to_comer(const wire::Hello& hello) const;
  void welcome(WorkerId worker, Session& session, Outputs& outputs);
  void visit(SessionId id, Session& session, Outputs& outputs);
  void be_guest(Session& session, Instant now, Outputs& outputs);
  void caught_up(const sync::CaughtUp& it, Outputs& outputs);
  void end_if_over(Outputs& outputs);
  std::optional<std::string> objection(const wire::Hello& hello) const;
  void start_training(Instant now, Outputs& outputs);
  Result<sync::Actions> member_message(WorkerId worker, const wire::FromWorker& message, Instant now);
  void carry_out(const sync::Actions& actions, Outputs& outputs);
  void send_plans(const sync::RoundPlanned& plan, Outputs& outputs);
  void send_updates(const sync::PlanChanged& plan, Outputs& outputs);
  void probe_network(Outputs& outputs);
  void choose_multicast(Outputs& outputs);
  wire::Outgoing outgoing(const sync::Transfer& transfer) const;
  void evict(const sync::Evicted& evicted, Outputs& outputs);
  std::string turned_away_guest(const wire::Hello& hello, const std::string& why);
  void send_multicast_over(const sync::MulticastEnded& ended, Outputs& outputs);
  void send_round_end(const sync::RoundEnded& ended, Outputs& outputs);
  void send_to(WorkerId worker, wire::ToWorker message, Outputs& outputs);
  void turn_away(SessionId id, const std::string& why, Outputs& outputs);
  enum class Departure { done, interrupted, lost, expelled };
  void drop(SessionId id, const std::string& why, Departure departure, Instant now, Outputs& outputs);
  void finish(std::optional<Error> error, Outputs& outputs);
  void end_if_too_few(Outputs& outputs);

  ManagerSettings settings_;
  std::unique_ptr<sync::TrainingMachine> machine_;
  MulticastProbing probing_;
  Instant created_;
  bool started_ = false;
  bool finished_ = false;
  std::map<SessionId, Session> sessions_;
  std::map<WorkerId, SessionId> session_of_;
  std::map<std::string, WorkerId> ids_;  // of all names ever welcome
  std::map<std::string, Unreached> unreached_;
  Instant now_;                // of the event under way
  std::size_t done_ = 0;       // members that have left so
  PlanVersion round_version_;  // of the last plan of a round in common
};

}  // namespace selmcast::manager
