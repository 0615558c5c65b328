#include "selmcast/mcast/group_receiver.h"

#include <asio/ip/udp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "selmcast/mcast/datagram.h"

namespace selmcast::mcast {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kReadsPerTurn = 8;

class Listening final : public GroupReceiver {
 public:
  Listening(asio::io_context& io, const GroupReceiverOptions& options, UdpSocket unicast,
            GroupReceiverHandler& handler)
      : io_(io), options_(options), handler_(handler), timer_(io), disturbance_(options.disturbance) {
    repairs_ = {options.interface, unicast.port()};
    unicast_ = std::make_shared<Socket>(io, std::move(unicast));
    listen(unicast_);
  }
  ~Listening() override {
    *alive_ = false;
    unicast_->readiness.release();
    for (auto& [group, socket] : groups_) socket->readiness.release();
  }

  Result<void> join(TransferId transfer, const StreamShape& shape, const Endpoint& group,
                    std::span<std::byte> place) override {
    if (auto valid = validate(shape); !valid) return valid;
    if (!is_multicast(group.address))
      return failure(ErrorCode::invalid_input, to_string(group) + " is no group of IP multicast");
    if (transfers_.contains(transfer) || streams_.contains(shape.stream))
      return failure(ErrorCode::protocol, "a multicast stream is joined twice");
    if (!groups_.contains(group)) {
      auto socket = UdpSocket::for_group(group, options_.interface);
      if (!socket) return std::unexpected(socket.error());
      groups_[group] = std::make_shared<Socket>(io_, std::move(*socket));
      listen(groups_[group]);
    }
    ++groups_[group]->users;
    streams_.emplace(shape.stream, Stream{transfer, group, true, Receiver(shape, place, steady_now())});
    transfers_[transfer] = shape.stream;
    arm();
    return {};
  }

  void leave(TransferId transfer) override {
    const auto found = transfers_.find(transfer);
    if (found == transfers_.end()) return;
    const auto stream = streams_.find(found->second);
    leave_group(stream->second);
    streams_.erase(stream);
    transfers_.erase(found);
  }

  Result<void> patch(TransferId transfer, std::uint32_t first, std::span<const std::byte> payload) override {
    const auto found = transfers_.find(transfer);
    if (found == transfers_.end())
      return failure(ErrorCode::protocol, "a patch of a stream that is not joined");
    Stream& stream = streams_.at(found->second);
    leave_group(stream);
    if (auto placed = stream.receiver.patch(first, payload, steady_now()); !placed) return placed;
    settle_later(stream);
    return {};
  }

  Endpoint repairs() const override { return repairs_; }
  std::uint64_t refused() const override { return refused_; }

 private:
  struct Socket {
    Socket(asio::io_context& io, UdpSocket&& made)
        : socket(std::move(made)), readiness(io, asio::ip::udp::v4(), socket.descriptor()) {}
    UdpSocket socket;
    asio::ip::udp::socket readiness;  // of `socket`, which owns the descriptor
    int users = 0;
    bool open = true;
  };
  struct Stream {
    TransferId transfer;
    Endpoint group;
    bool in_group = true;
    Receiver receiver;
    bool settled = false;
  };

  void leave_group(Stream& stream) {
    if (!std::exchange(stream.in_group, false)) return;
    const auto found = groups_.find(stream.group);
    if (--found->second->users > 0) return;
    found->second->open = false;
    found->second->readiness.release();
    found->second->socket.close();  // a read may be under way in it
    groups_.erase(found);
  }

  void listen(const std::shared_ptr<Socket>& socket) {
    socket->readiness.async_wait(asio::socket_base::wait_read,
                                 [this, alive = alive_, socket](const asio::error_code& cancelled) {
                                   if (cancelled || !*alive || !socket->open) return;
                                   read(*socket);
                                   if (*alive && socket->open) listen(socket);
                                 });
  }

  void read(Socket& socket) {
    const Instant now = steady_now();
    touched_.clear();
    const auto on_datagram = [&](std::span<const std::byte> bytes) {
      disturbance_.pass(bytes, [&](std::span<const std::byte> passed) { take(passed, now); });
    };
    for (int k = 0; k < kReadsPerTurn && socket.socket.receive(on_datagram); ++k) {
    }
    // Handlers may leave streams, or destroy this.
    const auto alive = alive_;
    for (const StreamId id : std::exchange(touched_, {})) {
      if (*alive) after(id);
    }
    if (*alive) arm();
  }

  void take(std::span<const std::byte> bytes, Instant now) {
    const auto header = decode_datagram(bytes);
    const auto found = header ? streams_.find(header->stream) : streams_.end();
    if (found == streams_.end()) {
      ++refused_;
      return;
    }
    found->second.receiver.datagram(*header, bytes.subspan(kDatagramHeaderBytes), now);
    if (touched_.empty() || touched_.back() != header->stream) touched_.push_back(header->stream);
  }

  // What a stream has to say. May call the handler, after which nothing of it is touched any more.
  void after(StreamId id) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    Stream& stream = found->second;
    const TransferId transfer = stream.transfer;
    const Instant now = steady_now();
    if (stream.receiver.complete()) {
      const Instant first = stream.receiver.first_arrival();
      leave(transfer);
      handler_.on_complete(transfer, first);
    } else if (stream.receiver.lost(now)) {
      leave(transfer);
      handler_.on_lost(transfer, {ErrorCode::timeout, "the sender of the multicast has fallen silent"});
    } else if (const auto status = stream.receiver.status_due(now)) {
      handler_.on_status(transfer, *status);
    }
  }

  void settle_later(Stream& stream) {
    if (!stream.receiver.complete() || std::exchange(stream.settled, true)) return;
    asio::post(io_, [this, alive = alive_, id = stream.receiver.shape().stream] {
      if (*alive) after(id);
    });
  }

  void arm() {
    Instant due = Instant::never();
    for (const auto& [id, stream] : streams_) due = std::min(due, stream.receiver.deadline());
    if (due == Instant::never() || (armed_ && armed_at_ <= due)) return;
    armed_ = true;
    armed_at_ = due;
    timer_.expires_at(Clock::time_point(
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(due.in_seconds()))));
    timer_.async_wait([this, alive = alive_](const asio::error_code& cancelled) {
      if (cancelled || !*alive) return;
      armed_ = false;
      std::vector<StreamId> ids;
      for (const auto& [id, stream] : streams_) ids.push_back(id);
      for (const StreamId id : ids) {
        if (*alive) after(id);
      }
      if (*alive) arm();
    });
  }

  asio::io_context& io_;
  GroupReceiverOptions options_;
  GroupReceiverHandler& handler_;
  asio::steady_timer timer_;
  Disturbance disturbance_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Endpoint repairs_;
  std::shared_ptr<Socket> unicast_;
  std::map<Endpoint, std::shared_ptr<Socket>> groups_;
  std::map<StreamId, Stream> streams_;
  std::map<TransferId, StreamId> transfers_;
  std::vector<StreamId> touched_;
  std::uint64_t refused_ = 0;
  bool armed_ = false;
  Instant armed_at_;
};

}  // namespace

Instant steady_now() {
  return Instant::at_seconds(std::chrono::duration<double>(Clock::now().time_since_epoch()).count());
}

Result<std::unique_ptr<GroupReceiver>> GroupReceiver::make(asio::io_context& io,
                                                           const GroupReceiverOptions& options,
                                                           GroupReceiverHandler& handler) {
  auto unicast = UdpSocket::for_unicast(options.interface);
  if (!unicast) return std::unexpected(unicast.error());
  return std::make_unique<Listening>(io, options, std::move(*unicast), handler);
}

}  // namespace selmcast::mcast
