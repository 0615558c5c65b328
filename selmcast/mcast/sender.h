// The sender of one reliable multicast: what to transmit when, to whom, and who is no longer served this way.
//
//     peer: waiting ── joined ──> receiving ──> complete   acknowledged: all there and verified
//                                     ├───────> handed over: the caller sends what is missing over TCP
//                                     └───────> dead (silent for kSilenceMax), or dropped by the caller
//
// Rate-driven: one segment every segment_bytes / rate; the rate may change at any time. A delay of up to kCatchUp is
// made up for at once, what is more at kHaste times the rate, while nobody loses more than usual: a process that had to
// wait for its processor still ends when its rate says. What goes into the next slot: a repair that is ripe, else the
// next new segment, else, while somebody lacks something, a poll every kPollInterval.
//
// What a receiver gets is the share of the datagrams numbered up to the last one that it has heard. So one that is late
// (its process waits, its queue is long) is not taken for one whose link is narrow.
//
// Burst. To find links that carry more than is believed, a multicast may begin above its rate. It goes on so while all
// get what is sent, to its end; once a receiver loses more than 1 - kFastShare, it goes down to what that one gets, not
// below the rate, and that is reported: so much fits.
//
// Losses. Every datagram to the group has a number (datagram.h). A status says up to which number N its receiver has
// heard. A segment that it lacks is lost if its last transmission is not younger than N - kReorderMax; otherwise it is
// still under way and is left alone. So nothing is repaired twice for one loss, however many statuses report it.
//
// Repairs. Losses are gathered for kMergeWait. A segment that one receiver alone lacks goes to it alone (the same on
// this uplink, and nothing on the downlinks of the others); one that several lack goes to the group, once.
//
// Slow receivers. Who gets less than kSlowShare of what is sent, in two windows of 40 ms, is slow, and reported with
// the rate that it does get. Its losses are then not repaired while there is something new for the others: at rate R
// over its link's C it gets C / R of the segments, without costing anybody anything, and when the others are served it
// is handed over with what it lacks, V (1 - C / R), over TCP at C. All in all V / R + V (1 - C / R) / C = V / C: the
// time that it would have needed alone, while the others needed V / R. If all are slow it is this uplink that is
// less than planned, or they are all alike: then the rate falls to what the fastest of them gets.
//
// Late receivers, joined after the first segment: what they missed is repaired when everything has been sent once.
// Who is not reached (nothing new for kUnreachedAfter while there was something to hear) is handed over at once.
//
// Memory: 4 bytes a segment, 1 bit a segment and peer, kRepairsMax repairs. Time: O(1) a transmission, O(window / 64) a
// status. No clock, no I/O: callers hand in `now`. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/mcast/datagram.h"
#include "selmcast/mcast/segment_set.h"
#include "selmcast/mcast/status.h"
#include "selmcast/mcast/stream_shape.h"

namespace selmcast::mcast {

struct Transmission {
  DatagramKind kind = DatagramKind::data;
  std::uint32_t segment = 0;  // of a poll: how many were sent
  std::uint32_t number = 0;
  std::optional<TransferId> to;  // a repair; else the group
  bool operator==(const Transmission&) const = default;
};

// The receiver does not get all that is sent, in two windows in a row or above the rate; `goodput` is what it gets.
// Said again when that changes by a tenth, and every kSlowRepeat.
struct PeerSlow {
  TransferId peer;
  Rate goodput;
  bool alone = false;  // another one got all: it is not this sender's uplink
};
// All of this is missing, and goes over TCP from now on. Nothing more of this peer is told.
struct PeerHandedOver {
  TransferId peer;
  std::vector<SegmentRange> missing;
  std::string why;
  Rate rate;  // to send them at: what it was seen to get, or the multicast's
};
struct PeerDead {
  TransferId peer;
  std::string why;
};
using SenderEvent = std::variant<PeerSlow, PeerHandedOver, PeerDead>;
using SenderEvents = std::vector<SenderEvent>;

struct SenderCounts {
  std::uint64_t segments = 0;         // to the group, for the first time
  std::uint64_t group_repairs = 0;    // to the group, again
  std::uint64_t unicast_repairs = 0;  // to one receiver
  std::uint64_t polls = 0;
};

class Sender {
 public:
  // Requires a valid shape and a positive rate; unlimited is allowed. Peers are the transfers of this multicast.
  Sender(const StreamShape& shape, std::span<const TransferId> peers, Rate rate);

  // The peer is in the group and has a place for the stream.
  SenderEvents joined(TransferId peer, Instant now);
  // Error (protocol): it speaks of what was never sent. Of peers that are no longer receiving: ignored.
  Result<SenderEvents> status(TransferId peer, const Status& status, Instant now);
  void acknowledged(TransferId peer);
  void drop(TransferId peer);  // no longer of interest, whatever it says
  void set_rate(Rate rate, Instant now);
  // Before the first segment: begins at this rate, if it is above the one told.
  void burst(Rate rate) { set_pace(std::max(rate, rate_)); }

  // Fills `out` with what is to be sent by `now`, in order; returns how many. Less than all there is room for: nothing
  // more is due before deadline().
  std::size_t due(Instant now, std::span<Transmission> out);
  SenderEvents tick(Instant now);
  Instant deadline()
      const;  // when due() or tick() has something to do; never() if only words from outside help

  bool finished() const;  // nobody waits for anything from here
  Rate pace() const { return pace_; }
  const SenderCounts& counts() const { return counts_; }
  const StreamShape& shape() const { return shape_; }
  std::uint32_t received_by(TransferId peer) const { return peers_.at(peer).received; }

 private:
  enum class State { waiting, receiving, complete, gone };
  struct Peer {
    explicit Peer(std::uint32_t segments) : has(segments) {}
    State state = State::waiting;
    SegmentSet has;
    std::uint32_t heard = 0, received = 0;
    std::uint32_t joined_at = 0;  // number of the last datagram before
    Instant last_word, progress;
    // After everything was sent and passed its queues: up to where its statuses have told what it lacks.
    std::uint32_t told_to = 0;
    // Its window of observation, and what came out.
    Instant window_since;
    std::uint32_t window_sent = 0, window_datagrams = 0;  // data datagrams sent and come before it
    int bad_windows = 0, lossy_windows = 0;               // in a row
    bool slow = false, counting = false, judged = false;
    Rate goodput, told;
    Instant told_at;
  };
  struct Repair {
    std::uint32_t lost_number = 0;
    TransferId first;
    bool several = false;
  };
  using Repairs = std::map<std::uint32_t, Repair>;

  bool started() const { return start_ != Instant::never(); }
  bool all_sent() const { return frontier_ == shape_.segments(); }
  Duration slot() const;
  void start_if_time(Instant now);
  bool next_transmission(Instant now, Transmission& out);
  void note_losses(TransferId id, Peer& peer, const Status& status);
  void promote(Instant now);
  bool all_answered() const;
  bool polling() const;  // somebody is still asked
  void set_pace(Rate pace);
  std::optional<std::uint32_t> data_until(std::uint32_t number) const;
  std::optional<double> share_in_window(Peer& peer, const Status& status, Instant now);
  void observe(TransferId id, Peer& peer, const Status& status, Instant now, SenderEvents& events);
  void tell_if_limited(TransferId id, Peer& peer, bool limited, Instant now, SenderEvents& events);
  void make_up_for_delay(Instant now);
  void judge_all(Instant now);
  void hand_over(TransferId id, Peer& peer, std::string why, SenderEvents& events);
  void hand_over_slow(Instant now, SenderEvents& events);

  StreamShape shape_;
  std::map<TransferId, Peer> peers_;
  Rate rate_, pace_;              // told, and kept: below it for want of bandwidth, above it in a burst
  std::uint32_t paced_from_ = 0;  // since so many data datagrams were sent
  Duration behind_;               // what is still to be made up for
  bool may_haste_ = true;
  Instant first_joined_ = Instant::never(), start_ = Instant::never();
  Instant next_slot_, promote_at_ = Instant::never(), poll_at_, raise_at_;
  int raises_ = 0;                // since the pace was last lowered
  std::uint32_t frontier_ = 0;    // segments before it were sent
  std::uint32_t number_ = 0;      // of the last datagram to the group
  std::uint32_t polled_ = 0;      // number of the last poll
  std::uint32_t first_poll_ = 0;  // ... and of the first after everything was sent
  Instant all_sent_at_ = Instant::never();
  std::uint32_t data_sent_ = 0;
  std::uint32_t marked_number_ = 0, marked_data_ = 0;  // at the last poll: its number, and data_sent_
  std::vector<std::uint32_t> last_number_;             // of each segment's last transmission; 0: never sent
  Repairs fresh_, ripe_;
  SenderCounts counts_;
};

}  // namespace selmcast::mcast
