// The messages between a worker and the manager, as values. The bytes are Protocol Buffers (control.proto), turned
// into these and back by control_codec.h, which checks everything that came from a peer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/pace.h"
#include "selmcast/base/progress.h"
#include "selmcast/base/units.h"
#include "selmcast/payload/model_codec.h"
#include "selmcast/wire/mixing.h"

namespace selmcast::wire {

inline constexpr std::uint32_t kControlProtocolVersion = 12;
// Until its welcome says how often, a worker beats its heart so often, and who is not heard for so long is gone.
inline constexpr Duration kHeartbeatBeforeWelcome = Duration::milliseconds(500);
inline constexpr Duration kSilenceBeforeWelcome = Duration::seconds(4);

// What is synchronised: the same on every worker, or the worker is turned away with the first difference.
struct TensorInfo {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorRole role = TensorRole::parameter;
  bool operator==(const TensorInfo&) const = default;
};
struct ModelManifest {
  std::vector<TensorInfo> tensors = {};  // float32
  MixingKind mixing = MixingKind::average;
  payload::Format payload = payload::Format::float32;  // how values travel
  bool operator==(const ModelManifest&) const = default;
};
// Parameters and frozen tensors are rounded as the payload says; buffers and counters travel as they are.
std::vector<payload::TensorSize> payload_tensors(const ModelManifest& manifest);
// What one delivery carries.
Bytes payload_bytes(const ModelManifest& manifest);

struct PeerAddress {
  WorkerId id;
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const PeerAddress&) const = default;
};

// ---- worker -> manager -------------------------------------------------------------------------------------

// The first message of a session.
struct Hello {
  std::uint32_t protocol_version = kControlProtocolVersion;
  std::string name;  // for people; unique in the training
  std::string data_host;
  std::uint16_t data_port = 0;
  Rate declared_uplink;
  Rate declared_downlink;
  std::uint32_t receive_buffers = 8;  // models it takes in at the same time; further offers wait their turn
  ModelManifest model;
  bool operator==(const Hello&) const = default;
};
// Computation of `round` is over: the parameters may be sent.
struct Ready {
  Round round;
  bool operator==(const Ready&) const = default;
};
// A transfer to this worker is complete and verified. Times are offsets from this worker's receipt of the plan.
struct Delivered {
  TransferId transfer;
  Bytes bytes;
  Duration started;   // first payload byte read
  Duration finished;  // last payload byte read
  Progress progress = {};
  double ack_load = 0;  // 0 to kAckLoadMost (base/progress.h); 0: nothing, or not known
  bool operator==(const Delivered&) const = default;
};
// Said by either side of a transfer that can no longer complete.
struct TransferFailed {
  TransferId transfer;
  std::string reason;
  std::optional<WorkerId> peer = {};  // at the other end of the link, if one was lost
  bool operator==(const TransferFailed&) const = default;
};
struct Heartbeat {
  bool operator==(const Heartbeat&) const = default;
};
// Of a network multicast, by its sender, as soon as it is seen: this receiver does not get all that is sent, but so
// much.
struct Slow {
  TransferId transfer;
  Rate goodput;
  bool alone = false;  // another receiver got all: the sender's uplink is not the reason
  bool operator==(const Slow&) const = default;
};
// Leaves for good; the last message of a session.
struct Goodbye {
  std::string reason;
  bool operator==(const Goodbye&) const = default;
};
// The first message of a new stream of a session that is under way (unheard.h): the manager was away.
struct Resume {
  std::uint32_t protocol_version = kControlProtocolVersion;
  std::string name;
  std::uint64_t run_token = 0;
  std::uint64_t epoch = 0;  // of the manager it heard last
  bool operator==(const Resume&) const = default;
};
// Of a worker whose welcome says so: it can receive, and has nothing to send. Answered by CaughtUp, when it has mixed
// what came of others' models until then; Ready comes after that.
struct CatchUp {
  bool operator==(const CatchUp&) const = default;
};
// The answer to Probe, some seconds later: whose probes came by the group that this worker had joined, and by the one
// that it had not.
struct Probed {
  std::uint64_t number = 0;
  std::vector<WorkerId> heard = {};    // ascending
  std::vector<WorkerId> flooded = {};  // ascending
  bool sees_floods = false;            // it may look at what is not meant for it
  std::string fault = {};              // it could not listen or send
  bool operator==(const Probed&) const = default;
};
using FromWorker =
    std::variant<Hello, Ready, Delivered, TransferFailed, Heartbeat, Goodbye, Resume, CatchUp, Slow, Probed>;

// ---- manager -> worker -------------------------------------------------------------------------------------

// The answer to Hello: once all expected workers are there, or at once where the training runs already.
struct Welcome {
  WorkerId id;
  std::uint64_t epoch = 0;
  std::uint64_t run_token = 0;
  std::uint32_t workers = 0;
  Duration heartbeat_interval;  // send a Heartbeat at least this often
  Duration manager_timeout;     // give the manager up after this long without a word
  // No rounds in common: PlanUpdate, MulticastOver and GoOn come, not RoundPlan and RoundEnd.
  bool online = false;
  bool overlap = false;  // online: the worker computes on while its multicast is delivered from a snapshot
  // For the stream to be taken up again, by this manager or one that was made again; 0: never.
  Duration manager_patience = {};
  bool catch_up = false;  // the training runs already: get the others' parameters first
  bool operator==(const Welcome&) const = default;
};
// IP multicast of one sender's round: all of its transfers go to this group, once (docs/multicast.md).
struct MulticastGroup {
  std::uint32_t address = 0;  // IPv4, host order
  std::uint16_t port = 0;
  std::uint64_t stream = 0;
  std::uint32_t segment_bytes = 0;
  bool operator==(const MulticastGroup&) const = default;
};
// See what the network does with IP multicast (mcast/probe.h); the streams of both groups are the probes' token.
// Nothing waits for the answer.
struct Probe {
  std::uint64_t number = 0;
  MulticastGroup joined, other;  // to join, and not to join; probes go to both
  bool operator==(const Probe&) const = default;
};
struct Outgoing {
  TransferId transfer;
  PeerAddress receiver;
  Rate rate;  // pace to this; unlimited: TCP alone decides
  // Relay. What is sent is not the own model, but what comes by this transfer, as it comes.
  std::optional<TransferId> source = {};
  // Relay. Of the own multicast, but a receiver of it sends it, until a Reroute says otherwise.
  bool elsewhere = false;
  // Network: `rate` is a burst, above this. Give way, down to this, to whoever does not get it.
  std::optional<Rate> planned = {};
  // Network: this receiver does not hear the group. It is no part of it, and gets a stream of its own.
  bool apart = false;
  PaceSteps steps = {};  // in place of `rate`, of which they are a course; unicast only
  // No delivery, but so much of the own model, which its receiver throws away: the link is measured by it
  // (sync/soundings.h). With rounds in common, unicast.
  std::optional<Bytes> sounding = {};
  bool operator==(const Outgoing&) const = default;
};
struct Incoming {
  TransferId transfer;
  WorkerId sender;
  Bytes bytes;
  std::optional<WorkerId> from = {};         // relay: who sends it on; nothing: the sender itself
  std::optional<MulticastGroup> group = {};  // comes by multicast
  bool sounding = false;                     // of which only the times are wanted
  bool operator==(const Incoming&) const = default;
};
// This worker's part of the plan of one round.
struct RoundPlan {
  PlanVersion version;
  Round round;
  std::vector<Outgoing> outgoing;
  std::vector<Incoming> incoming;
  Duration predicted;  // of the whole synchronisation
  bool relay = false;  // all multicasts of this plan may be relayed: see worker/inbox.h
  std::optional<MulticastGroup> group =
      {};  // `outgoing` goes there, at the rate that all of it has; but what is apart
  bool operator==(const RoundPlan&) const = default;
};
struct NewRate {
  TransferId transfer;
  Rate rate;
  bool operator==(const NewRate&) const = default;
};
// Online: what is new for this worker, on top of all that came before. What a plan drops comes before it as Cancel.
struct PlanUpdate {
  PlanVersion version;             // rising, with gaps: not every plan concerns everybody
  Round round;                     // that the outgoing transfers are of
  std::vector<Outgoing> outgoing;  // this worker's multicast, all of it
  std::vector<Incoming> incoming;
  std::vector<NewRate> rates;                // of outgoing transfers that run
  Duration predicted;                        // of the multicast
  std::optional<MulticastGroup> group = {};  // as in RoundPlan
  bool operator==(const PlanUpdate&) const = default;
};
// Online: every delivery of this worker's multicast of `round` is committed or cancelled.
struct MulticastOver {
  Round round;
  std::vector<TransferId> committed;  // ascending
  bool operator==(const MulticastOver&) const = default;
};
// Online: the rule of staleness allows the round after `round`. Without overlap it comes after the round's
// MulticastOver, and the worker mixes now; with overlap it comes after the round's plan.
struct GoOn {
  Round round;
  std::uint32_t workers = 0;  // still in the training
  bool operator==(const GoOn&) const = default;
};
// The delivery counts: the receiver may mix it now. Sent to the receiver only.
struct Commit {
  TransferId transfer;
  bool operator==(const Commit&) const = default;
};
// The delivery will not count: stop sending, discard what came. Sent to both sides.
struct Cancel {
  TransferId transfer;
  std::string reason;
  bool operator==(const Cancel&) const = default;
};
// Relay: the sender itself delivers this transfer from now on, the rest of it. Sent to the sender, to who sent it until
// now, and to the receiver.
struct Reroute {
  TransferId transfer;
  std::string reason;
  bool operator==(const Reroute&) const = default;
};
// Every delivery of the round is committed or cancelled: mix and go on with round + 1.
struct RoundEnd {
  PlanVersion version;
  Round round;
  std::vector<TransferId> committed;  // this worker's incoming ones, ascending
  std::uint32_t workers = 0;          // still in the training
  bool operator==(const RoundEnd&) const = default;
};
// Answer to the heartbeat, so that a worker notices a silent manager.
struct Alive {
  bool operator==(const Alive&) const = default;
};
// The session is over and will not be taken up again.
struct Reject {
  std::string reason;
  bool operator==(const Reject&) const = default;
};
// The answer to Resume: the session goes on under this manager. What was not heard follows, on both sides.
struct Resumed {
  std::uint64_t epoch = 0;
  bool operator==(const Resumed&) const = default;
};
// The answer to CatchUp: what was committed to this worker are current parameters. It computes `round` now, as all do.
struct CaughtUp {
  Round round;
  std::uint32_t workers = 0;  // in the training, this one included
  bool operator==(const CaughtUp&) const = default;
};
using ToWorker = std::variant<Welcome, RoundPlan, Commit, Cancel, RoundEnd, Alive, Reject, PlanUpdate,
                              MulticastOver, GoOn, Resumed, Reroute, CaughtUp, Probe>;

}  // namespace selmcast::wire
