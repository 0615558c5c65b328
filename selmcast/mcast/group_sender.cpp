#include "selmcast/mcast/group_sender.h"

#include <array>
#include <asio/ip/udp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "selmcast/mcast/group_receiver.h"

namespace selmcast::mcast {
namespace {

using Clock = std::chrono::steady_clock;

// Bursts in a row before others of the io_context get a turn.
constexpr int kBurstsPerTurn = 16;

class Running final : public GroupSender {
 public:
  Running(asio::io_context& io, const GroupSenderOptions& options, UdpSocket socket, const StreamShape& shape,
          std::span<const std::byte> payload, std::span<const TransferId> peers, Rate rate, OnEvent on_event)
      : options_(options),
        socket_(std::move(socket)),
        readiness_(io, asio::ip::udp::v4(), socket_.descriptor()),
        timer_(io),
        io_(io),
        payload_(payload),
        core_(shape, peers, rate),
        on_event_(std::move(on_event)) {}
  ~Running() override {
    *alive_ = false;
    readiness_.release();
  }

  void joined(TransferId peer, const Endpoint& repairs) override {
    repairs_[peer] = repairs;
    tell(core_.joined(peer, now()));
    wake();
  }
  Result<void> status(TransferId peer, const Status& status) override {
    auto events = core_.status(peer, status, now());
    if (!events) return std::unexpected(events.error());
    tell(std::move(*events));
    wake();
    return {};
  }
  void acknowledged(TransferId peer) override { core_.acknowledged(peer); }
  void drop(TransferId peer) override { core_.drop(peer); }
  void set_rate(Rate rate) override {
    core_.set_rate(rate, now());
    wake();
  }
  void burst(Rate rate) override { core_.burst(rate); }
  const Sender& core() const override { return core_; }

 private:
  static Instant now() { return steady_now(); }

  void tell(SenderEvents events) {
    if (events.empty()) return;
    asio::post(io_, [this, alive = alive_, events = std::move(events)] {
      if (!*alive) return;
      const OnEvent on_event = on_event_;  // this may be destroyed by it
      for (const SenderEvent& event : events) {
        if (*alive) on_event(event);
      }
    });
  }

  void wake() {
    if (blocked_) return;
    const Instant due = core_.deadline();
    if (due == Instant::never()) return;
    const Instant at = std::max(due, last_burst_ + kBurst);
    if (armed_ && armed_at_ <= at) return;
    armed_ = true;
    armed_at_ = at;
    timer_.expires_at(Clock::time_point(
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(at.in_seconds()))));
    timer_.async_wait([this, alive = alive_](const asio::error_code& cancelled) {
      if (cancelled || !*alive) return;
      armed_ = false;
      turn();
    });
  }

  void turn() {
    last_burst_ = now();
    tell(core_.tick(last_burst_));
    for (int k = 0; k < kBurstsPerTurn; ++k) {
      if (pending_.empty()) {
        due_.resize(kSegmentsPerCall);
        due_.resize(core_.due(last_burst_, due_));
        pending_ = due_;
      }
      if (pending_.empty()) break;
      if (!flush()) return;
    }
    wake();
  }

  // False: the kernel takes no more now.
  bool flush() {
    while (!pending_.empty()) {
      const std::size_t count = run_length();
      std::size_t datagram_bytes = 0;
      for (std::size_t k = 0; k < count; ++k) {
        const std::size_t bytes = put(pending_[k], k);
        if (k == 0) datagram_bytes = bytes;
      }
      const Endpoint to = pending_[0].to ? repairs_.at(*pending_[0].to) : options_.group;
      const auto sent = socket_.send(to, std::span(pieces_).first(2 * count), datagram_bytes);
      if (sent && !*sent) {
        block();
        return false;
      }
      pending_ = pending_.subspan(count);  // on an error, too: a network that takes nothing loses everything
    }
    return true;
  }

  // How many of those that wait make one call: one destination, equal lengths, only the last may be shorter.
  std::size_t run_length() const {
    const StreamShape& shape = core_.shape();
    if (pending_[0].kind == DatagramKind::poll) return 1;
    const std::size_t length = shape.length(pending_[0].segment);
    std::size_t count = 1, bytes = kDatagramHeaderBytes + length;
    while (count < pending_.size() && count < kSegmentsPerCall) {
      const Transmission& next = pending_[count];
      if (next.kind == DatagramKind::poll || next.to != pending_[0].to) break;
      if (shape.length(pending_[count - 1].segment) < length || shape.length(next.segment) > length) break;
      bytes += kDatagramHeaderBytes + shape.length(next.segment);
      if (bytes > kBytesPerCall) break;
      ++count;
    }
    return count;
  }

  std::size_t put(const Transmission& t, std::size_t k) {
    const StreamShape& shape = core_.shape();
    if (t.kind == DatagramKind::poll) {
      headers_[k] = encode(DatagramHeader{t.kind, shape.stream, t.segment, t.number, 0, 0});
      pieces_[2 * k + 1] = {nullptr, 0};
    } else {
      headers_[k] = encode(segment_header(shape, payload_, t.kind, t.segment, t.number));
      const auto bytes = payload_.subspan(shape.offset(t.segment), shape.length(t.segment));
      pieces_[2 * k + 1] = {const_cast<std::byte*>(bytes.data()), bytes.size()};
    }
    pieces_[2 * k] = {headers_[k].data(), kDatagramHeaderBytes};
    return kDatagramHeaderBytes + pieces_[2 * k + 1].iov_len;
  }

  void block() {
    blocked_ = true;
    readiness_.async_wait(asio::socket_base::wait_write,
                          [this, alive = alive_](const asio::error_code& cancelled) {
                            if (cancelled || !*alive) return;
                            blocked_ = false;
                            turn();
                          });
  }

  GroupSenderOptions options_;
  UdpSocket socket_;
  asio::ip::udp::socket readiness_;  // of socket_, which owns the descriptor
  asio::steady_timer timer_;
  asio::io_context& io_;
  std::span<const std::byte> payload_;
  Sender core_;
  OnEvent on_event_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<TransferId, Endpoint> repairs_;
  std::vector<Transmission> due_;
  std::span<const Transmission> pending_;  // of due_
  std::array<std::array<std::byte, kDatagramHeaderBytes>, kSegmentsPerCall> headers_;
  std::array<iovec, 2 * kSegmentsPerCall> pieces_;
  bool armed_ = false, blocked_ = false;
  Instant armed_at_, last_burst_;
};

}  // namespace

Result<std::unique_ptr<GroupSender>> GroupSender::make(
    asio::io_context& io, const GroupSenderOptions& options, const StreamShape& shape,
    std::span<const std::byte> payload, std::span<const TransferId> peers, Rate rate, OnEvent on_event) {
  if (auto valid = validate(shape); !valid) return std::unexpected(valid.error());
  auto socket = UdpSocket::for_sending(options.interface, options.hops);
  if (!socket) return std::unexpected(socket.error());
  return std::make_unique<Running>(io, options, std::move(*socket), shape, payload, peers, rate,
                                   std::move(on_event));
}

}  // namespace selmcast::mcast
