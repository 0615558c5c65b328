// A manager that can be made again: ManagerCore behind sessions that outlive their streams, and the record of all that
// happened to it.
//
//     stream ── message ──> number, who ──> Store{input} ──> ManagerCore ──> Write{stream, message}, Observed{output}
//     a new manager: replay() every stored input, in order; restarted(): the core is as it was, to the last bit
//
// Why a record and not a picture of the state. The core is deterministic, so its inputs say everything: rounds, ages,
// estimates, plans under way, what each worker was told. Nothing can be forgotten in a picture that is not drawn, and
// the same code serves BSP, SSP, ASP and whatever comes. The price: being made again takes as long as deciding again
// (docs/manager.md has figures).
//
// Promise 1 (no round is lost): an input is handed out as Store before anything that follows from it. The caller makes
// it durable before it carries out what comes after it; so no worker ever knows more of a manager than its record.
// Promise 2 (nothing is said twice or not at all): a session is a conversation as in wire/unheard.h. After a restart
// every session waits for its worker, return_patience at most: Resume names it, and both sides say again what the
// other has not heard. A worker that had not even heard its welcome says Hello again, word for word.
// Promise 3 (fencing): every restart has a larger epoch, which plans made from then on carry; who has heard of a newer
// manager is not resumed by this one.
// Silence: who is not heard for heartbeat_timeout (before the start at least kSilenceBeforeWelcome, since nobody knows
// yet how often to speak) is told so and its session is lost; a stream without Hello or Resume
// ends after hello_patience. A stream that breaks while the manager lives is a worker that died, or just a stream: its
// session waits stream_patience for a Resume, and is then lost; at once, if a new process says Hello under its name.
// A session that says more than kMessagesMost in kMessagesTime floods, and is lost.
// A process may stand still, because of a disk that takes long or a machine that is suspended. What came meanwhile
// waits to be read, and nobody was silent: when a tick comes kStoodStill too late, or somebody seems silent,
// verdicts wait for kReadingUp of undisturbed reading: kReadingSlices ticks that come in time.
// No clock, no I/O. Bounds: kUnheardMax messages a session. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "selmcast/manager/input.h"
#include "selmcast/manager/manager_core.h"
#include "selmcast/wire/unheard.h"

namespace selmcast::manager {

// A worker says a few messages for each delivery, and a heartbeat every half second. A thousand workers that reach each
// other in rounds of a tenth of a second would not say so many.
inline constexpr std::uint32_t kMessagesMost = 50'000;
inline constexpr Duration kMessagesTime = Duration::seconds(2);
inline constexpr Duration kStoodStill = Duration::seconds(0.5);
inline constexpr int kReadingSlices = 5;
inline constexpr Duration kReadingSlice = Duration::milliseconds(50);
inline constexpr Duration kReadingUp = kReadingSlice * kReadingSlices;
inline constexpr int kStandstillsMost = 8;  // in a row; a manager that never keeps up must judge all the same

// One control stream; numbered by the caller, never reused by the same process.
using StreamId = Id<struct StreamIdTag, std::uint64_t>;

// ---- effects, to be carried out in order -------------------------------------------------------------------

// To be durable before what follows is carried out.
struct Store {
  Input input;
};
struct Write {
  StreamId stream;
  wire::ToWorker message;
  std::uint64_t heard = 0;  // goes with it
};
// End it once what was written is out. No event of it is expected any more.
struct EndStream {
  StreamId stream;
};
// What the core decided, for journals and screens.
struct Observed {
  Output output;
};
using Effect = std::variant<Store, Write, EndStream, Observed>;
using Effects = std::vector<Effect>;

class DurableManager {
 public:
  DurableManager(const ManagerSettings& settings, Instant now);

  // Only before any event, in the order in which they were stored. What the core decided then.
  Outputs replay(const Input& input);
  Effects restarted(std::uint64_t epoch, Duration away, Instant now);

  void opened(StreamId stream, Instant now);
  Effects message(StreamId stream, const wire::FromWorker& message, std::uint64_t heard, Instant now);
  Effects closed(StreamId stream, const std::string& why, Instant now);
  Effects tick(Instant now);
  Effects stop(const std::string& why, Instant now);

  Instant deadline() const;
  std::uint64_t epoch() const { return epoch_; }
  bool started() const { return core_.started(); }
  bool finished() const { return core_.finished(); }
  // Nothing of it is open any more: what a leak would be seen in.
  std::size_t sessions() const { return sessions_.size(); }
  std::size_t streams() const { return streams_.size(); }
  std::size_t messages() const;  // the most that wait for one worker to have heard them
  sync::TrainingMachine::Held held() const { return core_.held(); }

 private:
  struct Session {
    std::optional<wire::Hello> hello;
    std::optional<StreamId> stream;
    wire::Unheard<wire::ToWorker> unheard;
    std::uint64_t heard = 0;  // of the worker's messages
    Instant last_heard;
    Instant return_by = Instant::never();  // without a stream
    std::string why_away;                  // if not since the manager's restart
    std::uint32_t messages = 0;            // since
    Instant counted_since;
  };
  struct Stream {
    Instant opened;
    std::optional<SessionId> session;
  };

  bool floods(Session& session, Instant now) const;
  Instant earliest() const;
  Instant first_silence() const;
  Duration silence_patience() const;
  void apply(Input input, Effects& effects);
  void note(const Input& input);
  void note(const Output& output, Instant now);
  void greet(StreamId stream, const wire::Hello& hello, Instant now, Effects& effects);
  void resume(StreamId stream, const wire::Resume& resume, std::uint64_t heard, Instant now,
              Effects& effects);
  void turn_away_ahead(SessionId id, StreamId stream, Instant now, Effects& effects);
  void attach(SessionId id, StreamId stream, std::uint64_t heard, Instant now, Effects& effects);
  void write(Session& session, wire::ToWorker message, Effects& effects) const;
  void refuse(StreamId stream, const std::string& why, Effects& effects);
  bool must_read_on(Instant now);
  void lose(SessionId id, const std::string& why, Instant now, Effects& effects);

  ManagerSettings settings_;
  ManagerCore core_;
  std::uint64_t epoch_;
  std::uint64_t sessions_made_ = 0;
  std::optional<Instant> reading_up_;  // the slice of it that ends then
  int slices_ = 0;                     // that are over
  int standstills_ = 0;                // in a row
  std::map<SessionId, Session> sessions_;
  std::map<StreamId, Stream> streams_;
};

}  // namespace selmcast::manager
