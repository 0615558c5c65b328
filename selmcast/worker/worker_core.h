// One worker's session as a pure state machine: the manager's words, its links, its rounds.
//
//     start ──> joining ── Welcome ──> computing ── synchronize() ──> ready ── RoundPlan ──> exchanging
//                                          ^                                                    │
//                                          └──────────────── RoundEnd: mix ─────────────────────┘
//     online (no rounds in common): synchronize() ──> ready ── PlanUpdate ──> sending ── MulticastOver ──> waiting
//         ── GoOn: mix ──> computing; PlanUpdate also at any time, with what comes from others
//     online with overlap: synchronize() ── last MulticastOver ──> mix, snapshot ── PlanUpdate, GoOn ──> computing
//     Welcome says that the training runs already, so this is a guest: catch_up() ── CatchUp ──> receiving what others
//         send in their rounds ── CaughtUp: mix ──> computing the round that all compute
//     any state ── Reject, manager lost, a broken promise of the manager, leave() ──> over (for good)
//
// A round: Ready goes to the manager; its plan says to whom this worker sends (each at its rate) and from
// whom it receives. Sender: one link per receiver, dialled once and kept: hello, offer, then on grant the
// caller's parameters straight from the caller's span, or what they were encoded to where the payload rounds
// (selmcast/payload): the own model stays as it is, the receiver mixes what it decodes. Receiver: see inbox.h. A
// verified transfer is reported; the manager's Commit folds it into the mixer; RoundEnd finishes the mix. A plan is
// obeyed only if it is newer than the last one, of this epoch and for the round this worker is ready for.
// Online, a plan comes in pieces, each newer than the last: what this worker sends in its round, what it
// receives (also while it computes; a Commit folds at once), new rates of streams that run. What is dropped is
// cancelled first. MulticastOver says that the own multicast is complete, GoOn that the next round may begin.
// With overlap what is sent is a copy, the snapshot, taken in synchronize() when the last multicast is over; just
// before, what came since the last time is mixed in: x += mixed - y, y being the last snapshot (mixer.h). The first
// synchronize() mixes nothing: it has no y. drain() does the last mix.
// Relay (only with rounds in common): a plan may tell this worker to send on what comes to it, as it comes
// (wire::Outgoing::source), and its own multicast may be sent by others (elsewhere). It offers what it has a buffer
// for, with what the sender said about its model, and keeps the buffer until all of it is sent. On a Reroute who sent
// it stops, the sender takes over, and the receiver goes on from the chunk that is missing.
// Soundings (wire::Outgoing::sounding) are parts of the own model that nobody mixes: their receiver reports them, and
// forgets them at once.
// Invariants: own parameters are written and read only between synchronize() or drain() and its answer, and written
// when no stream of theirs runs; snapshot and encoded model are written only when no multicast is open; one
// Synchronized or Over answers each synchronize() and drain().
// That the manager can be away and come back, heartbeats and all, is manager_link.h's: this core hears and says every
// message once. It hears of a manager that was made again (Resumed) only for its epoch.
// No clock, no I/O: callers hand in events with `now` and carry out the actions in order. The in-process twin
// (selmcast/arena) and the real shell (worker.h) drive the same code. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/payload/model_codec.h"
#include "selmcast/wire/control.h"
#include "selmcast/wire/frame.h"
#include "selmcast/worker/group_orders.h"
#include "selmcast/worker/inbox.h"
#include "selmcast/worker/mixer.h"
#include "selmcast/worker/worker.h"

namespace selmcast::worker {

// ---- actions, to be carried out in order
// -------------------------------------------------------------------

struct SendToManager {
  wire::FromWorker message;
  // Of a Delivered that came by TCP: the link that it came over, whose kernel knows its ack load.
  std::optional<LinkId> came_over = {};
};
struct Dial {
  LinkId link;
  wire::PeerAddress peer;
};
struct SendFrame {
  LinkId link;
  std::vector<std::byte> frame;
};
// The payload stays valid until the stream is sent or its link aborted.
struct StartStream {
  LinkId link;
  TransferId transfer;
  std::span<const std::byte> payload;
  Rate rate;
  // Relay: in chunks of what size, from which one on, and how much of the payload is there as yet.
  struct Cut {
    Bytes chunk;
    std::uint32_t first = 0;
    Bytes available;
  };
  std::optional<Cut> cut = {};
  PaceSteps steps = {};  // in place of `rate`, if there are any
};
// Relay: so much of the payload of a stream that runs is there now.
struct ExtendStream {
  LinkId link;
  TransferId transfer;
  Bytes available;
};
// Likewise of parts of a payload, as patches of a multicast (docs/multicast.md).
struct StreamParts {
  LinkId link;
  TransferId transfer;
  std::span<const std::byte> payload;
  std::vector<mcast::StreamPart> parts;
  Rate rate;
};
// Of a stream that runs.
struct SetRate {
  LinkId link;
  TransferId transfer;
  Rate rate;
};
// Discard what is queued; no closed() will follow.
struct AbortLink {
  LinkId link;
};
struct Joined {
  WorkerId id;
  std::uint32_t workers = 0;
  bool late = false;  // the training runs already: catch_up()
};
struct Synchronized {
  SyncReport report;
};
// The session is over for good. Answers a pending start or synchronize(), and every later one.
struct Over {
  Error error;
};
using WorkerAction = std::variant<SendToManager, Dial, SendFrame, StartStream, ExtendStream, StreamParts,
                                  SetRate, AbortLink, Joined, Synchronized, Over, GroupOrder>;
using WorkerActions = std::vector<WorkerAction>;

class WorkerCore {
 public:
  // Mixes as hello.model says.
  WorkerCore(wire::Hello hello, int receive_buffers);

  WorkerActions start(Instant now);
  WorkerActions from_manager(const wire::ToWorker& message, Instant now);
  WorkerActions manager_lost(const Error& error);
  // Error (invalid_input) if the size is not the manifest's or a synchronisation is under way; else answered
  // by exactly one Synchronized or Over. `parameters` must stay alive and untouched until then.
  Result<WorkerActions> synchronize(std::span<float> parameters, Instant now);
  // Overlap: waits until the last multicast is over, and mixes. Otherwise there is nothing to do, and it is answered at
  // once. Errors and `parameters` as of synchronize().
  Result<WorkerActions> drain(std::span<float> parameters, Instant now);
  // Of a guest, before its first synchronize(): whatever `parameters` are, they become the mixture of others' models.
  // Others have nothing to do, and are answered at once. Errors and `parameters` as of synchronize().
  Result<WorkerActions> catch_up(std::span<float> parameters, Instant now);
  WorkerActions leave(const std::string& why);

  LinkId accepted(Instant now);  // a peer dialled us
  WorkerActions connected(LinkId link);
  WorkerActions closed(LinkId link, const Error& error, Instant now);
  // A receiver that does not acknowledge within kAckPatience of `now` is given up.
  WorkerActions stream_sent(LinkId link, TransferId transfer, std::optional<Instant> now = std::nullopt);
  // Errors close the link (by the caller, followed by closed()).
  Result<std::span<std::byte>> chunk_place(LinkId link, const wire::FrameHeader& header);
  void chunk_bytes(LinkId link, Bytes bytes, Instant now);
  Result<WorkerActions> frame(LinkId link, const wire::FrameHeader& header,
                              std::span<const std::byte> payload, Instant now);

  // IP multicast. Sender: what the shell tells of its multicast's receivers. A peer that is handed over gets `parts`
  // over its link from now on; one that is dead is given up.
  WorkerActions group_handed_over(TransferId transfer, std::vector<mcast::StreamPart> parts, Rate rate);
  WorkerActions group_slow(const wire::Slow& slow);
  WorkerActions group_peer_dead(TransferId transfer, const std::string& why, Instant now);
  // Receiver: the answer to JoinGroup (nothing: it cannot be joined, so the model is to come over TCP), and what
  // becomes of the stream.
  WorkerActions group_joined(TransferId transfer, const std::optional<wire::JoinedBody>& repairs);
  WorkerActions group_status(TransferId transfer, const mcast::Status& status);
  WorkerActions group_complete(TransferId transfer, Instant first_arrival, Instant now);
  WorkerActions group_lost(TransferId transfer, const Error& error);
  // What StartProbe has shown.
  WorkerActions probed(wire::Probed seen) const;

  WorkerActions tick(Instant now);
  Instant deadline() const;  // when tick() has something to do

  const Mixer& mixer() const { return *mixer_; }
  bool is_over() const { return over_.has_value(); }
  std::uint32_t workers() const { return workers_; }  // in the training, as last heard
  bool is_guest() const { return is_guest_; }         // has to catch up
  const std::optional<wire::Welcome>& welcome() const { return welcome_; }
  std::size_t buffers_in_use() const { return inbox_.buffers_in_use(); }
  // What a leak would be seen in.
  struct Held {
    std::size_t transfers = 0;  // own, and of others
    std::size_t mixed = 0;      // since the last mix
    std::size_t early_offers = 0;
    std::size_t links = 0;
  };
  Held held() const {
    return {outgoing_.size() + inbox_.transfers(), folded_.size(), inbox_.early_offers(),
            out_links_.size() + in_links_.size()};
  }

 private:
  enum class Sending { waiting, offered, grouped, streaming, sent, acknowledged, stopped };
  struct Outgoing {
    wire::Outgoing planned;
    PlanVersion version;  // of the plan that names it
    Sending state = Sending::waiting;
    Instant ack_due = Instant::never();  // when it is sent
    bool cancelled = false;              // by the manager; `stopped` may be this side's view alone
    bool patched = false;                // handed over by multicast ...
    bool early_ack = false;              // ... and complete before the last patch was sent

    bool is_open() const { return state != Sending::acknowledged && state != Sending::stopped; }
  };
  struct OutLink {
    wire::PeerAddress peer;  // the receiver: a new process of its name listens elsewhere
    bool connected = false;
    TransferId carries = {};  // the last transfer that it was given
  };
  struct InLink {
    std::optional<WorkerId> sender;                // known after hello
    std::optional<std::uint64_t> unchecked_token;  // of a hello that came before the welcome
    Instant since;
  };

  Result<WorkerActions> obey(const wire::RoundPlan& plan, Instant now);
  std::optional<std::string> outgoing_fault(std::span<const wire::Outgoing> outgoing,
                                            std::set<TransferId>& transfers) const;
  Result<void> check_plan(const wire::RoundPlan& plan) const;
  std::optional<TransferId> unsettled() const;
  void start_multicast(const std::vector<wire::Outgoing>& multicast);
  void send_to(const wire::Outgoing& planned, PlanVersion version, WorkerActions& actions);
  bool is_online() const { return welcome_ && welcome_->online; }
  Result<WorkerActions> welcomed(const wire::Welcome& welcome);
  Result<WorkerActions> start_probe(const wire::Probe& probe) const;
  Result<WorkerActions> obey(const wire::PlanUpdate& update, Instant now);
  Result<void> check_update(const wire::PlanUpdate& update) const;
  Result<WorkerActions> go_on(const wire::GoOn& order, Instant now);
  Result<WorkerActions> multicast_over(const wire::MulticastOver& over, Instant now);
  Result<void> check_settled(const wire::MulticastOver& over) const;
  bool overlaps() const { return is_online() && welcome_->overlap; }
  Result<void> check_call(const char* what, std::span<float> parameters, bool guest_may = false) const;
  void end_round_of_others();
  Result<WorkerActions> caught_up(const wire::CaughtUp& order, Instant now);
  void begin_multicast();
  void mix(std::span<const float> sent);
  WorkerActions answer(Round next, Instant now);
  WorkerActions drained(Instant now);
  std::span<const float> sent_parameters() const {
    return overlaps() ? std::span<const float>(snapshot_) : parameters_;
  }
  // Of the own multicast that runs, in bytes.
  std::span<const std::byte> payload() const {
    return codec_.is_plain() ? std::as_bytes(sent_parameters()) : std::span<const std::byte>(encoded_);
  }
  Result<WorkerActions> commit(TransferId transfer, Instant now);
  WorkerActions cancel(TransferId transfer, Instant now);
  Result<WorkerActions> end_round(const wire::RoundEnd& end, Instant now);
  WorkerActions end_session(Error error, bool say_goodbye);
  void offer_if_ready(Outgoing& outgoing, WorkerActions& actions);
  Result<WorkerActions> reroute(TransferId transfer, Instant now);
  bool is_sent_on(TransferId source) const;
  void release_if_through(TransferId source, Instant now, WorkerActions& actions);
  void extend_streams(TransferId source, WorkerActions& actions) const;
  StartStream start_stream(LinkId link, const Outgoing& outgoing, std::uint32_t first) const;
  void answer_offers(const Inbox::Answers& answers, WorkerActions& actions);
  void stop_sending(TransferId transfer, WorkerActions& actions);
  void give_up_who_does_not_acknowledge(Instant now, WorkerActions& actions);
  void fail_outgoing(TransferId transfer, const std::string& why, Instant now, WorkerActions& actions);
  bool relays() const { return plan_ && plan_->relay; }
  std::uint32_t chunk_count() const;
  void drop_spare_links(WorkerActions& actions);
  void give_up(const std::vector<LinkId>& links, WorkerActions& actions);
  void set_group_rate(WorkerActions& actions) const;
  void start_group(const std::optional<wire::MulticastGroup>& group,
                   const std::vector<wire::Outgoing>& outgoing, WorkerActions& actions);
  Result<WorkerActions> group_word(Outgoing& outgoing, const wire::FrameHeader& header,
                                   std::span<const std::byte> payload);
  WorkerActions patch_arrived(LinkId link, const wire::FrameHeader& header,
                              std::span<const std::byte> payload);
  void verified(TransferId transfer, LinkId link, std::optional<LinkId> came_over, Instant now,
                WorkerActions& actions);
  Result<WorkerActions> from_receiver(WorkerId receiver, LinkId link, const wire::FrameHeader& header,
                                      std::span<const std::byte> payload, Instant now);
  Result<WorkerActions> from_sender(LinkId link, InLink& in, const wire::FrameHeader& header,
                                    std::span<const std::byte> payload, Instant now);
  std::optional<LinkId> link_of(TransferId transfer) const;
  std::optional<LinkId> idle_link_to(const wire::PeerAddress& receiver) const;

  wire::Hello hello_;
  payload::ModelCodec codec_;
  Bytes model_bytes_;  // of the payload
  std::unique_ptr<Mixer> mixer_;
  Inbox inbox_;
  std::optional<wire::Welcome> welcome_;
  std::optional<Error> over_;

  // The present round.
  Round round_;
  bool is_guest_ = false;  // came while the training ran, and has nothing to send yet
  PlanVersion last_version_;
  std::span<float> parameters_;  // empty while computing
  std::optional<wire::RoundPlan> plan_;
  wire::MixHeader mix_;  // goes with every model sent in this round
  // Online: the multicast that runs, or the last one.
  std::optional<Round> sending_;
  bool multicast_open_ = false;  // not over yet
  bool multicast_planned_ = false;
  bool is_grouped_ = false;  // the own multicast goes, or went, to a group
  bool draining_ = false;
  std::vector<float> snapshot_;     // overlap: what is sent; empty before the first
  std::vector<std::byte> encoded_;  // the same, or the parameters, where the payload rounds
  std::map<TransferId, Outgoing> outgoing_;
  std::set<TransferId> folded_;
  SyncReport report_;  // what will be mixed next
  SyncReport answer_;  // what has been mixed
  Duration predicted_;
  std::uint32_t workers_ = 1;  // in the training, as last heard
  Instant synchronize_since_;

  // Links.
  std::uint64_t links_made_ = 0;
  std::map<LinkId, OutLink> out_links_;
  std::map<LinkId, InLink> in_links_;

  std::uint64_t epoch_ = 0;  // of the manager, or a newer one since
  Instant started_;
};

}  // namespace selmcast::worker
