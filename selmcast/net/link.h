// A TCP connection that carries data-plane frames (wire/frame.h). Moves buffers; knows no plan.
//
// Thread rule: everything here belongs to the one thread that runs the io_context; handlers are called there,
// and never from inside a call of these functions. Life: made by dial() or an Acceptor, ends with exactly one
// on_closed(), after which no handler is called. A Link may be destroyed at any time, also from within a
// handler; then nothing is called any more. The io_context and the handler outlive it.
//
// Sending: small frames (send) go ahead of the next chunk; one payload at a time is streamed (stream) in
// writes of header + chunk without copying it, paced by SO_MAX_PACING_RATE, which holds it to the schedule that its
// rate is (pace_schedule.h), and by the uplink budget, if there is one. The payload must stay alive until
// on_stream_sent(), on_closed(), or the Link is aborted or destroyed.
//
// Receiving: for every chunk the handler says where its bytes go, so that they are read straight into place;
// reads take their bytes from the downlink budget, if there is one. Budgets count payload bytes of chunks;
// headers and small frames are free.
//
// A dialled link may be made of several connections (LinkOptions::streams), where one does not fill a long path: what
// is streamed goes over all of them at once, as stripes; bundle.h has the rules. The peer accepts as many links.
//
// Socket settings: cubic (else reno), TCP_NODELAY, TCP_NOTSENT_LOWAT 128 KiB, TCP_USER_TIMEOUT, keepalive;
// the numbers and bounds stand in limits.h. Measured on loopback by link_bench: about as fast as a plain
// socket loop; budgets and pacing within 5 % of their rate from 20 to 400 Mbit/s, seven senders within 5 % of
// equal shares.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/pace.h"
#include "selmcast/base/units.h"
#include "selmcast/net/budget.h"
#include "selmcast/net/limits.h"
#include "selmcast/net/send_queue.h"
#include "selmcast/wire/frame.h"

namespace selmcast::net {

class Link;

class LinkHandler {
 public:
  virtual ~LinkHandler() = default;
  // A dialled link is connected. Not called for accepted links.
  virtual void on_connected(Link& link) = 0;
  // Where to put the payload of this chunk: a span of exactly header.length bytes. An error closes the link.
  virtual Result<std::span<std::byte>> on_chunk_header(Link& link, const wire::FrameHeader& header) = 0;
  // `bytes` more payload bytes of the current chunk were read.
  virtual void on_chunk_bytes(Link& link, const wire::FrameHeader& header, Bytes bytes) = 0;
  // A whole frame is here. Body CRCs of small frames are already checked; a chunk's is the handler's to
  // check, since it knows what to do about it. An error closes the link.
  virtual Result<void> on_frame(Link& link, const wire::FrameHeader& header,
                                std::span<const std::byte> payload) = 0;
  // The whole payload has been handed to the kernel.
  virtual void on_stream_sent(Link& link, TransferId transfer) = 0;
  virtual void on_closed(Link& link, const Error& error) = 0;
};

struct LinkOptions {
  std::shared_ptr<Budget> uplink = nullptr;    // emulated link shared by all links of a worker; null: none
  std::shared_ptr<Budget> downlink = nullptr;  // likewise
  Duration connect_timeout = kConnectTimeout;
  Duration user_timeout = kDeadAfter;  // unacknowledged, or never read by the peer; longer on loopback
  int streams = 1;                     // of a dialled link: connections, 1 to kStreamsMax
};

class Link {
 public:
  virtual ~Link() = default;  // aborts if still open; no handler is called from the destructor
  // A small frame. Closes the link if the peer does not read (kSendQueueBytesMax wait). May be called before
  // on_connected(), like stream().
  virtual void send(std::vector<std::byte> frame) = 0;
  // One stream at a time. Rate::unlimited(): TCP alone decides.
  virtual void stream(TransferId transfer, std::span<const std::byte> payload, Rate rate) = 0;
  // Likewise, but only these parts of it, as patches. None may be empty or larger than a chunk.
  virtual void stream_parts(TransferId transfer, std::span<const std::byte> payload,
                            std::vector<PayloadPart> parts, Rate rate) = 0;
  // Likewise, but cut as told, and no faster than it becomes available (relay).
  virtual void stream_cut(TransferId transfer, std::span<const std::byte> payload, const StreamCut& cut,
                          Rate rate) = 0;
  virtual void extend(std::size_t available) = 0;  // of the running stream: bytes that are there, in all
  virtual void set_rate(Rate rate) = 0;            // of the running stream
  // Likewise, counted from when it was begun; a later set_rate() ends it. Does nothing if there are none.
  virtual void follow(const PaceSteps& steps) = 0;
  // SO_LINGER 0 + close: what is queued is discarded at once. on_closed is not called.
  // All further calls do nothing.
  virtual void abort() = 0;
  // Of what was received over it until now (base/progress.h). Emulated links carry payload only: 0.
  virtual double ack_load() const = 0;
  virtual const std::string& remote() const = 0;  // "host:port", for messages
};

// Connects in the background; failure comes as on_closed().
std::unique_ptr<Link> dial(asio::io_context& io, const std::string& host, std::uint16_t port,
                           LinkOptions options, LinkHandler& handler);

// Listens on host:port (port 0: any free one).
class Acceptor {
 public:
  using OnAccept = std::function<void(std::unique_ptr<Link>)>;
  virtual ~Acceptor() = default;  // stops listening
  virtual std::uint16_t port() const = 0;
};
// Error (io) naming address and reason, e.g. port in use. `handler` serves all accepted links; it hears of a
// link only after on_accept() has returned. How many may be open is the caller's business.
Result<std::unique_ptr<Acceptor>> listen(asio::io_context& io, const std::string& host, std::uint16_t port,
                                         LinkOptions options, LinkHandler& handler,
                                         Acceptor::OnAccept on_accept);

}  // namespace selmcast::net
