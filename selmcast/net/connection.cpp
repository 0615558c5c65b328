// The life of a connection: dialling, closing, and what both directions share. Reading and writing:
// connection_io.cpp.
#include "selmcast/net/connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <asio/post.hpp>
#include <chrono>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/net/limits.h"
#include "selmcast/net/socket_options.h"

namespace selmcast::net {
namespace {

std::chrono::steady_clock::duration on_clock(Duration duration) {
  return std::chrono::ceil<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(duration.in_seconds()));
}

Duration dead_after(const LinkOptions& options, const asio::ip::address& peer) {
  return peer.is_loopback() ? std::max(options.user_timeout, kDeadAfterOnLoopback) : options.user_timeout;
}

}  // namespace

std::string address(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Connection::Connection(asio::io_context& io, LinkOptions options, LinkHandler& handler, std::string remote)
    : io_(io),
      socket_(io),
      resolver_(io),
      connect_timer_(io),
      options_(std::move(options)),
      handler_(handler),
      remote_(std::move(remote)),
      pace_timer_(io),
      silence_timer_(io) {
  uplink_.budget = options_.uplink;
  downlink_.budget = options_.downlink;
}

void Connection::dial(const std::string& host, std::uint16_t port) {
  connect_timer_.expires_after(on_clock(options_.connect_timeout));
  connect_timer_.async_wait([self = shared_from_this()](asio::error_code ec) {
    if (ec || self->connected_) return;
    self->close(
        {ErrorCode::timeout, fmt::format("connecting took longer than {} s: is the host up and reachable?",
                                         self->options_.connect_timeout.in_seconds())});
  });
  asio::error_code not_numeric;
  if (const auto ip = asio::ip::make_address(host, not_numeric); !not_numeric) {
    connect_next({{ip, port}}, {});
    return;
  }
  resolver_.async_resolve(host, std::to_string(port), asio::ip::resolver_base::numeric_service,
                          [self = shared_from_this()](asio::error_code ec, const auto& results) {
                            Endpoints endpoints;
                            for (const auto& result : results) endpoints.push_back(result.endpoint());
                            std::ranges::reverse(endpoints);  // connect_next() takes from the back
                            self->connect_next(std::move(endpoints), ec);
                          });
}

void Connection::connect_next(Endpoints endpoints, asio::error_code last_error) {
  if (!open_) return;
  if (endpoints.empty()) {
    close({ErrorCode::unavailable,
           fmt::format("connecting failed: {}; is the worker there still running?", last_error.message())});
    return;
  }
  const auto endpoint = endpoints.back();
  endpoints.pop_back();
  asio::error_code ec;
  socket_.close(ec);
  socket_.open(endpoint.protocol(), ec);
  if (ec) {
    close({ErrorCode::io, fmt::format("opening a socket: {}", ec.message())});
    return;
  }
  emulate_network(socket_.native_handle(), {.uplink = uplink_.budget != nullptr,
                                            .downlink = downlink_.budget != nullptr,
                                            .loopback = endpoint.address().is_loopback()});
  tune_link(socket_.native_handle(), dead_after(options_, endpoint.address()));
  socket_.async_connect(
      endpoint, [self = shared_from_this(), rest = std::move(endpoints)](asio::error_code failed) {
        if (!self->open_) return;
        asio::error_code gone;
        // A free ephemeral port that dials itself gets an answer: from itself.
        if (!failed && self->socket_.local_endpoint(gone) == self->socket_.remote_endpoint(gone)) {
          failed = asio::error::connection_refused;
        }
        if (failed) {
          self->connect_next(rest, failed);
        } else {
          self->connected();
        }
      });
}

void Connection::connected() {
  connect_timer_.cancel();
  start_turns();
  if (open_) handler_.on_connected(*link_);
}

void Connection::start_accepted(asio::ip::tcp::socket socket) {
  if (!open_) return;
  socket_ = std::move(socket);
  asio::error_code gone;
  tune_link(socket_.native_handle(), dead_after(options_, socket_.remote_endpoint(gone).address()));
  start_turns();
}

void Connection::start_turns() {
  connected_ = true;
  asio::error_code ec;
  socket_.non_blocking(true, ec);
  if (schedule_) keep_pace();
  if (!socket_.remote_endpoint(ec).address().is_loopback()) watch_silence();
  again(&Connection::read_turn);
  wake_writer();
}

void Connection::watch_silence() {
  if (!open_) return;
  const Hearing heard = hearing(socket_.native_handle());
  const Silence silence = judge(heard, options_.user_timeout);
  if (silence.dead) {
    close({ErrorCode::timeout, fmt::format("nothing was heard of it for {:.2f} s: is the network between "
                                           "the two cut, or that host down?",
                                           heard.silent_for.in_seconds())});
    return;
  }
  silence_timer_.expires_after(on_clock(silence.look_again));
  silence_timer_.async_wait([self = shared_from_this()](asio::error_code cancelled) {
    if (!cancelled) self->watch_silence();
  });
}

void Connection::send(std::vector<std::byte> frame) {
  if (!open_) return;
  if (!queue_.push(std::move(frame))) {
    close({ErrorCode::protocol, "the peer does not read what we send it"});
    return;
  }
  wake_writer();
}

void Connection::stream(TransferId transfer, std::span<const std::byte> payload,
                        std::vector<PayloadPart> parts, Rate rate) {
  if (!open_) return;
  SELMCAST_CHECK(rate > Rate(), "a stream has a positive rate");
  std::size_t bytes = parts.empty() ? payload.size() : 0;
  for (const PayloadPart& part : parts) bytes += part.length;
  if (parts.empty()) {
    queue_.start_stream(transfer, payload);
  } else {
    queue_.start_stream(transfer, payload, std::move(parts));
  }
  start_pace(bytes, rate);
}

void Connection::stream(TransferId transfer, std::span<const std::byte> payload, const StreamCut& cut,
                        Rate rate) {
  if (!open_) return;
  SELMCAST_CHECK(rate > Rate(), "a stream has a positive rate");
  queue_.start_stream(transfer, payload, cut);
  start_pace(payload.size() - cut.first * cut.chunk, rate);
}

void Connection::extend(std::size_t available) {
  if (!open_) return;
  queue_.extend(available);
  wake_writer();
}

void Connection::start_pace(std::size_t bytes, Rate rate) {
  schedule_.emplace(Bytes(static_cast<std::int64_t>(bytes)), rate, now());
  written_ = Bytes(0);
  keep_pace();
  wake_writer();
}

void Connection::set_rate(Rate rate) {
  SELMCAST_CHECK(rate > Rate(), "a stream has a positive rate");
  if (!open_ || !queue_.streaming()) return;
  schedule_->set_rate(rate, now());
  keep_pace();
}

void Connection::follow(const PaceSteps& steps) {
  if (!open_ || !queue_.streaming() || steps.empty()) return;
  schedule_->follow(steps);
  keep_pace();
}

void Connection::keep_pace() {
  if (!open_ || !connected_ || !schedule_) return;
  const Bytes arrived = written_ - std::min(written_, unacknowledged());
  const Instant at = now();
  pace_at(schedule_->pace(arrived, at));
  const bool through = !queue_.streaming() && arrived == written_;
  if (through) schedule_.reset();
  if (through || !schedule_->is_limited()) return;
  pace_timer_.expires_after(on_clock(std::min(kPaceInterval, schedule_->next_step(at) - at)));
  pace_timer_.async_wait([self = shared_from_this()](asio::error_code cancelled) {
    if (!cancelled) self->keep_pace();
  });
}

void Connection::pace_at(Rate rate) {
  // The kernel paces a socket for good once it was asked to; one that never was is left alone.
  if (!open_ || !connected_ || (!paced_ && rate.is_unlimited())) return;
  pace(socket_.native_handle(), rate);
  paced_ = true;
  burst_ = burst_bytes(rate, segment_bytes(socket_.native_handle()));
}

double Connection::ack_load() {
  const bool emulated = options_.uplink || options_.downlink;
  return open_ && connected_ && !emulated ? net::ack_load(socket_.native_handle()) : 0;
}

Bytes Connection::unacknowledged() {
  return open_ && connected_ ? net::unacknowledged(socket_.native_handle()) : Bytes(0);
}

void Connection::stripe(TransferId transfer, std::span<const std::byte> payload, const PayloadPart& part) {
  if (!open_) return;
  queue_.start_stream(transfer, payload, {part}, wire::FrameKind::stripe);
  wake_writer();
}

Instant Connection::now() const {
  const auto since_epoch = std::chrono::steady_clock::now().time_since_epoch();
  return Instant::at_seconds(std::chrono::duration<double>(since_epoch).count());
}

void Connection::abort() {
  link_ = nullptr;
  if (!open_) return;
  open_ = false;
  release();
}

void Connection::close(Error error) {
  if (!open_) return;
  open_ = false;
  release();
  asio::post(io_, [self = shared_from_this(), error = with_context(remote_, std::move(error))] {
    if (self->link_ != nullptr) self->handler_.on_closed(*self->link_, error);
  });
}

void Connection::release() {
  uplink_.drop();
  downlink_.drop();
  queue_.stop();
  connect_timer_.cancel();
  pace_timer_.cancel();
  silence_timer_.cancel();
  resolver_.cancel();
  if (!socket_.is_open()) return;
  reset_on_close(socket_.native_handle());
  asio::error_code ec;
  socket_.close(ec);
}

std::size_t Connection::Allowance::cut(std::size_t wanted) const {
  return budget ? std::min(wanted, static_cast<std::size_t>(granted.count())) : wanted;
}

void Connection::Allowance::settle(std::size_t used) {
  if (!budget) return;
  const Bytes unused = granted - Bytes(static_cast<std::int64_t>(used));
  SELMCAST_CHECK(unused >= Bytes(0), "no more moved than was granted");
  granted = Bytes(0);
  if (unused > Bytes(0)) budget->give_back(unused);
}

void Connection::Allowance::drop() {
  if (asked) budget->withdraw(*asked);
  asked.reset();
  settle(0);
}

void Connection::ask(Allowance& allowance, std::size_t wanted, Continue then) {
  // Weak, so that a budget nobody serves any more does not keep the connection alive.
  allowance.asked = allowance.budget->ask(Bytes(static_cast<std::int64_t>(wanted)),
                                          [weak = weak_from_this(), &allowance, then](Bytes granted) {
                                            const auto self = weak.lock();
                                            if (!self || !self->open_) return;
                                            allowance.asked.reset();
                                            allowance.granted = granted;
                                            (*self.*then)();
                                          });
}

void Connection::wait(asio::socket_base::wait_type type, Continue then) {
  socket_.async_wait(type, [self = shared_from_this(), then](asio::error_code) {
    // Whatever is wrong with the socket, the next read or write says it.
    if (self->open_) (*self.*then)();
  });
}

void Connection::again(Continue then) {
  asio::post(io_, [self = shared_from_this(), then] {
    if (self->open_) (*self.*then)();
  });
}

}  // namespace selmcast::net
