// The state behind a Link that its pending socket, timer and budget operations share (internal to net/).
//
// Ownership: the Link holds it, and so does every pending operation; the Link may therefore be destroyed at
// any time, also from within a handler. Rules that make this work:
//   - open_ is false from the moment the connection is closed, aborted or abandoned; whoever called out to
//   the
//     handler looks at open_ before touching anything else;
//   - on_closed() is always posted, never called from inside a caller's call;
//   - link_ is null once the Link is gone; then nothing is called any more.
// Thread rule: the io_context's thread.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/net/frame_parser.h"
#include "selmcast/net/link.h"
#include "selmcast/net/pace_schedule.h"
#include "selmcast/net/send_queue.h"

namespace selmcast::net {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& io, LinkOptions options, LinkHandler& handler, std::string remote);

  // Exactly one of the two, once, after the Link is known.
  void dial(const std::string& host, std::uint16_t port);
  void start_accepted(asio::ip::tcp::socket socket);

  void set_link(Link* link) { link_ = link; }
  void send(std::vector<std::byte> frame);
  // All of it, or these parts.
  void stream(TransferId transfer, std::span<const std::byte> payload, std::vector<PayloadPart> parts,
              Rate rate);
  void stream(TransferId transfer, std::span<const std::byte> payload, const StreamCut& cut, Rate rate);
  void extend(std::size_t available);
  void follow(const PaceSteps& steps);
  void set_rate(Rate rate);
  // One part, as a stripe of what is sent over several connections: their bundle keeps the schedule.
  void stripe(TransferId transfer, std::span<const std::byte> payload, const PayloadPart& part);
  void pace_at(Rate rate);  // nothing before it is connected
  Bytes unacknowledged();
  double ack_load();
  Bytes written() const { return written_; }  // of payload, since the last stream() or ever
  void abort();
  const std::string& remote() const { return remote_; }

 private:
  using Endpoints = std::vector<asio::ip::tcp::endpoint>;

  // What an emulated link has allowed and is not used yet, in one direction.
  struct Allowance {
    std::shared_ptr<Budget> budget;  // null: nothing is emulated
    std::optional<Budget::Ticket> asked;
    Bytes granted;

    bool lacks() const { return budget && granted == Bytes(0); }
    std::size_t cut(std::size_t wanted) const;
    void settle(std::size_t used);  // the rest goes back
    void drop();
  };
  using Continue = void (Connection::*)();

  void connect_next(Endpoints endpoints, asio::error_code last_error);
  void connected();
  void start_turns();
  void watch_silence();  // now, and again when the other side could be dead

  void read_turn();
  bool read_some();  // false: nothing more to do now (waiting, or closed)
  bool received(std::size_t count);
  bool begin_frame();
  bool finish_frame();

  void wake_writer();
  void write_turn();
  bool write_some();

  void start_pace(std::size_t bytes, Rate rate);
  void keep_pace();  // now, and again in a while until the stream is through
  Instant now() const;

  void ask(Allowance& allowance, std::size_t wanted, Continue then);
  void wait(asio::socket_base::wait_type type, Continue then);
  void again(Continue then);
  void close(Error error);
  void release();

  asio::io_context& io_;
  asio::ip::tcp::socket socket_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer connect_timer_;
  LinkOptions options_;
  LinkHandler& handler_;
  std::string remote_;
  Link* link_ = nullptr;

  bool open_ = true;
  bool connected_ = false;
  bool writing_ = false;  // a write_turn() is pending
  bool paced_ = false;
  std::optional<std::size_t> burst_;      // bytes to be written at once; none: as many as there are
  std::optional<PaceSchedule> schedule_;  // of the last stream, until all of it was acknowledged
  Bytes written_;                         // of that stream, chunk headers left out
  asio::steady_timer pace_timer_;
  asio::steady_timer silence_timer_;
  FrameParser parser_;
  SendQueue queue_;
  Allowance uplink_;
  Allowance downlink_;
};

std::string address(const std::string& host, std::uint16_t port);

}  // namespace selmcast::net
