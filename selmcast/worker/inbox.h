// The receiving half of a worker's round: offers, buffers, chunks, and what was verified.
//
// A transfer to this worker:  planned -> granted (has a buffer) -> verified -> committed
//                                \___________ cancelled (at any point before committed)
// Relay: what comes may be sent on, also while it comes, and a transfer whose link is lost may go on over another one,
// from the chunk that is missing. So that workers that wait for one another's buffers never wait in a circle, buffers
// are given away in the order of transfers: an offer waits while fewer are free than planned transfers before it have
// none. That is enough: all workers order multicasts alike, so every member of the first one that is not through has a
// buffer or gets one, and what is kept to be sent on waits for members of its own multicast only.
// An offer may come before the plan that names it (the sender got its plan first): it waits for that plan. It
// also waits while all buffers are in use, so that memory never grows with the number of senders. Invariants:
// a buffer belongs to one transfer from grant until commit or cancel; a transfer is verified only when chunks
// 0, 1, 2, ... arrived in sequence, each with a right CRC32C, and add up to the planned bytes. Pure. Nothing
// here trusts the peer: its mistakes are Errors (protocol, corrupt). Thread rule: one owner.
// A sender may have several links to this worker, all of which said hello (net/bundle.h). It offers on one, and sends
// stripes of what was granted over any of them, in any order (stripe_map.h); a link that brought one belongs to the
// transfer until that is verified or over. A transfer comes in chunks or in stripes, and has all of its links or none:
// when one is lost, so is the transfer, and whoever calls gives up the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/progress.h"
#include "selmcast/base/units.h"
#include "selmcast/wire/control.h"
#include "selmcast/wire/frame.h"
#include "selmcast/worker/stripe_map.h"

namespace selmcast::worker {

// A data-plane connection of this worker; numbered by WorkerCore, never reused.
using LinkId = Id<struct LinkIdTag, std::uint64_t>;

class Inbox {
 public:
  explicit Inbox(int buffers_max) : buffers_max_(buffers_max) {}

  struct Grant {
    LinkId link;
    TransferId transfer;
    std::uint32_t sequence = 0;  // the first chunk wanted
    // It comes by multicast: where from and where to.
    std::optional<wire::MulticastGroup> group = {};
    std::span<std::byte> place = {};
  };
  struct Refusal {
    LinkId link;
    TransferId transfer;
    std::string why;
  };
  struct Answers {
    std::vector<Grant> grants;
    std::vector<Refusal> refusals;
  };

  // A new plan replaces the last one, whose transfers must all be settled. Answers offers that waited for it.
  Answers open(const wire::RoundPlan& plan, Instant now);
  // Online: these come on top of those that are there; `version` is that of the plan that names them.
  Answers add(PlanVersion version, std::span<const wire::Incoming> incoming, Instant now);
  bool expects_from(WorkerId sender) const;  // a transfer that is not settled
  // The round is over: forgets everything, gives all buffers back.
  void close();

  // Error (protocol) for a second offer on a link that has one open.
  Result<Answers> offered(LinkId link, WorkerId sender, TransferId transfer, const wire::OfferBody& offer,
                          Instant now);
  // Where to put the chunk's payload. Error (protocol) if it is not the next chunk of a granted transfer of
  // this link, or a stripe of one of this link's sender (nothing: it has not said who it is) that was not placed
  // before.
  Result<std::span<std::byte>> place(LinkId link, std::optional<WorkerId> sender,
                                     const wire::FrameHeader& header);
  void bytes_arrived(LinkId link, Bytes bytes, Instant now);
  // The chunk placed last is complete. True if the whole transfer is now verified. Error (corrupt).
  Result<bool> chunk_complete(LinkId link, const wire::FrameHeader& header);

  // By multicast. The stream writes to the place that was granted until it is complete or left; patches are read into
  // theirs by place(), also those that come too late to be of use.
  void joined_group(TransferId transfer);
  bool in_group(TransferId transfer) const;  // joined, and not verified
  // Every byte is there, each segment checked. False: there is no such transfer any more.
  bool group_complete(TransferId transfer, Instant first_arrival, Instant now);

  struct Timing {
    Bytes bytes;
    Duration started, finished;  // offsets from open() or add()
    Progress progress = {};
  };
  Timing timing(TransferId transfer) const;  // of a verified transfer

  // It is not to be mixed, but released as soon as it is verified.
  bool is_sounding(TransferId transfer) const;

  // The payload of a verified transfer, to be mixed, then released; it begins where a float may stand. Error (protocol)
  // if it is not verified.
  Result<std::span<const std::byte>> verified(TransferId transfer) const;
  // Committed and mixed, or cancelled: forgotten; the buffer is free again, perhaps for an offer that waited.
  Answers release(TransferId transfer, Instant now);

  // ---- relay
  // What has come and been verified of a transfer that is here and was granted, and the place of all of it; nothing: it
  // is not, or not yet.
  struct Arriving {
    std::span<const std::byte> place;
    Bytes received;
  };
  std::optional<Arriving> arriving(TransferId transfer) const;
  // Committed and mixed, but not all of it is sent on yet: release() is still to come, or close().
  void keep(TransferId transfer) { incoming_.at(transfer).kept = true; }
  bool is_kept(TransferId transfer) const;
  // Its sender delivers the rest itself. Names the links that are to be given up, if some carry it.
  std::vector<LinkId> reroute(TransferId transfer);
  // Offers of the new way that came early.
  Answers consider_early();

  // The link on which this transfer was offered, unless it is verified, settled or lost.
  std::optional<LinkId> link_under_way(TransferId transfer) const;
  // That one and those that brought stripes of it.
  std::vector<LinkId> links_under_way(TransferId transfer) const;
  // A transfer that is neither committed nor cancelled yet, if there is one.
  std::optional<TransferId> unsettled() const;

  // The link is gone. The transfer it carried, if one was under way and not verified, and the others that carry it.
  struct Lost {
    TransferId transfer;
    std::vector<LinkId> others;
    bool operator==(const Lost&) const = default;
  };
  std::optional<Lost> link_lost(LinkId link);
  // Refuses offers that have waited for a plan for too long.
  Answers expire(Instant now);
  Instant deadline() const;  // of the next expiry; never() if none

  WorkerId sender_of(TransferId transfer) const;
  // What the sender said about its model when it offered it. Requires a verified transfer.
  const wire::MixHeader& mix_of(TransferId transfer) const { return incoming_.at(transfer).mix; }
  std::size_t transfers() const { return incoming_.size(); }
  std::size_t early_offers() const { return early_.size(); }
  std::size_t buffers_in_use() const { return buffers_made_ - free_.size(); }

 private:
  using Buffer = std::vector<float>;  // for what need not be decoded: mixed where it lies
  struct Incoming {
    wire::Incoming planned;
    wire::MixHeader mix;
    PlanVersion version;         // of the plan that names it
    std::optional<LinkId> link;  // while offered or granted
    std::vector<LinkId> beside;  // that brought stripes of it
    Instant opened;
    bool granted = false, is_verified = false, kept = false, in_group = false;
    bool lost = false;  // with one of its links; nothing more of it is taken
    Buffer buffer;
    Bytes received;  // from the start, without a gap
    std::uint32_t next_sequence = 0;
    std::optional<StripeMap> stripes;  // it comes in stripes; chunks do not
    bool in_chunks = false;
    Instant first_byte = Instant::never(), last_byte;
    Bytes arrived;  // verified or not
    Progress progress = {};
  };
  struct Waiting {
    WorkerId sender;
    TransferId transfer;
    wire::OfferBody offer;
    Instant since;
  };

  void consider(LinkId link, const Waiting& waiting, Answers& answers);
  void grant_waiting(Answers& answers);
  void grant(Incoming& incoming, Answers& answers);
  bool can_grant(TransferId transfer) const;
  static std::span<std::byte> place_of(Incoming& incoming);
  static std::span<const std::byte> place_of(const Incoming& incoming);
  Incoming* granted_on(LinkId link);
  static Result<std::span<std::byte>> chunk_place(Incoming& incoming, const wire::FrameHeader& header);
  Result<std::span<std::byte>> patch_place(Incoming* incoming, const wire::FrameHeader& header);
  Result<std::span<std::byte>> stripe_place(LinkId link, WorkerId sender, const wire::FrameHeader& header);
  static Result<std::span<std::byte>> stripe_read(Incoming& incoming, const wire::FrameHeader& header);
  Bytes relayed_chunk(const Incoming& incoming) const;
  void start_over(Incoming& incoming) const;

  int buffers_max_;
  bool relay_ = false;
  std::size_t buffers_made_ = 0;
  std::vector<Buffer> free_;
  PlanVersion version_;
  std::map<TransferId, Incoming> incoming_;  // planned and not settled
  std::map<LinkId, Waiting> early_;          // offers of a plan that is not here yet
  std::vector<std::byte> late_;              // where a patch goes that is of no use any more
  std::vector<TransferId> queue_;            // offered, waiting for a buffer, first come first served
};

}  // namespace selmcast::worker
