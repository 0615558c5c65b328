#include "bench/multicast/node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "selmcast/base/overloaded.h"
#include "selmcast/base/rng.h"
#include "selmcast/mcast/group_receiver.h"
#include "selmcast/mcast/group_sender.h"
#include "selmcast/net/link.h"

namespace selmcast::bench {
namespace {

using nlohmann::ordered_json;

std::vector<std::byte> payload_of(const MulticastNodeOptions& options) {
  std::vector<std::byte> payload(static_cast<std::size_t>(options.bytes.count()));
  Rng rng(options.seed);
  for (std::size_t at = 0; at < payload.size(); at += 8) {
    const std::uint64_t word = rng.next();
    std::memcpy(payload.data() + at, &word, std::min<std::size_t>(8, payload.size() - at));
  }
  return payload;
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

mcast::StreamShape shape_of(const MulticastNodeOptions& options) {
  return {mcast::StreamId(0x5e1c000000000000 + options.seed), options.bytes, options.segment_bytes};
}

int complain(const Error& error) {
  fmt::print(stderr, "multicast node: {}\n", error.message);
  return 1;
}

// The parts of both roles that do nothing.
struct Quiet : net::LinkHandler {
  void on_connected(net::Link&) override {}
  Result<std::span<std::byte>> on_chunk_header(net::Link&, const wire::FrameHeader&) override {
    return failure(ErrorCode::protocol, "no payload is expected here");
  }
  void on_chunk_bytes(net::Link&, const wire::FrameHeader&, Bytes) override {}
  void on_stream_sent(net::Link&, TransferId) override {}
};

class SendingNode final : Quiet {
 public:
  explicit SendingNode(const MulticastNodeOptions& options)
      : options_(options), payload_(payload_of(options)), patience_(io_) {}

  int run() {
    std::vector<TransferId> peers;
    for (std::size_t k = 0; k < options_.peers.size(); ++k) peers.push_back(TransferId(k));
    if (!options_.tcp) {
      const auto group = mcast::parse_address(options_.group);
      const auto own = mcast::parse_address(options_.own);
      if (!group || !own) return complain((group ? own : group).error());
      auto made = mcast::GroupSender::make(io_, {.group = {*group, options_.group_port}, .interface = *own},
                                           shape_of(options_), payload_, peers, options_.rate,
                                           [this](const mcast::SenderEvent& event) { happened(event); });
      if (!made) return complain(made.error());
      multicast_ = std::move(*made);
    }
    for (std::size_t k = 0; k < options_.peers.size(); ++k) {
      const std::string& peer = options_.peers[k];
      const auto colon = peer.rfind(':');
      links_.push_back(net::dial(io_, peer.substr(0, colon),
                                 static_cast<std::uint16_t>(std::stoi(peer.substr(colon + 1))), {}, *this));
      index_[links_.back().get()] = TransferId(k);
      links_.back()->send(wire::offer_frame(TransferId(k), {{1, 1}, options_.bytes, {}}));
    }
    patience_.expires_after(std::chrono::milliseconds(static_cast<int>(options_.patience.in_milliseconds())));
    patience_.async_wait([this](const asio::error_code& cancelled) {
      if (!cancelled) io_.stop();
    });
    io_.run();
    return report();
  }

 private:
  Result<void> on_frame(net::Link& link, const wire::FrameHeader& header,
                        std::span<const std::byte> body) override {
    const TransferId peer = index_.at(&link);
    switch (header.kind) {
      case wire::FrameKind::grant:
        start();
        link.stream(peer, payload_, options_.rate);
        return {};
      case wire::FrameKind::joined: {
        start();
        const auto joined = wire::decode_joined(body);
        if (!joined) return std::unexpected(joined.error());
        multicast_->joined(peer, {joined->address, joined->port});
        return {};
      }
      case wire::FrameKind::status: {
        const auto status = mcast::decode_status(body);
        if (!status) return std::unexpected(status.error());
        return multicast_->status(peer, *status);
      }
      case wire::FrameKind::ack:
        if (multicast_) multicast_->acknowledged(peer);
        over(peer, "acknowledged");
        return {};
      default: return failure(ErrorCode::protocol, "an unexpected frame");
    }
  }
  void on_closed(net::Link& link, const Error& error) override {
    const TransferId peer = index_.at(&link);
    if (multicast_) multicast_->drop(peer);
    over(peer, error.message);
  }

  void happened(const mcast::SenderEvent& event) {
    std::visit(Overloaded{[this](const mcast::PeerSlow& slow) {
                            events_.push_back({{"slow", slow.peer.value()},
                                               {"goodput_bps", slow.goodput.bps()},
                                               {"at_seconds", since_start()}});
                          },
                          [this](const mcast::PeerHandedOver& handed) { patch(handed); },
                          [this](const mcast::PeerDead& dead) {
                            links_[dead.peer.value()]->abort();
                            over(dead.peer, dead.why);
                          }},
               event);
  }
  void patch(const mcast::PeerHandedOver& handed) {
    const auto shape = shape_of(options_);
    const auto parts = mcast::parts_of(shape, handed.missing);
    std::size_t bytes = 0;
    for (const auto& part : parts) bytes += part.length;
    events_.push_back({{"handed_over", handed.peer.value()},
                       {"bytes", bytes},
                       {"why", handed.why},
                       {"at_seconds", since_start()}});
    std::vector<net::PayloadPart> pieces;
    for (const auto& part : parts) pieces.push_back({part.first, part.offset, part.length});
    if (!pieces.empty())
      links_[handed.peer.value()]->stream_parts(handed.peer, payload_, std::move(pieces), handed.rate);
  }

  void start() {
    if (started_) return;
    started_ = true;
    start_ = mcast::steady_now();
    cpu_start_ = cpu_seconds();
  }
  double since_start() const { return (mcast::steady_now() - start_).in_seconds(); }
  void over(TransferId peer, const std::string& how) {
    if (!ends_.try_emplace(peer, how, since_start()).second) return;
    if (ends_.size() == links_.size()) io_.stop();
  }

  int report() {
    ordered_json line{{"role", "sender"},
                      {"started", start_.in_seconds()},
                      {"seconds", since_start()},
                      {"cpu_seconds", cpu_seconds() - cpu_start_}};
    bool all = ends_.size() == links_.size();
    for (const auto& [peer, end] : ends_) {
      line["ends"].push_back({{"peer", peer.value()}, {"how", end.first}, {"seconds", end.second}});
      all &= end.first == "acknowledged";
    }
    if (multicast_) {
      const mcast::SenderCounts& counts = multicast_->core().counts();
      line["segments"] = counts.segments;
      line["group_repairs"] = counts.group_repairs;
      line["unicast_repairs"] = counts.unicast_repairs;
      line["polls"] = counts.polls;
    }
    line["events"] = events_;
    fmt::print("{}\n", line.dump());
    return all ? 0 : 1;
  }

  MulticastNodeOptions options_;
  std::vector<std::byte> payload_;
  asio::io_context io_;
  asio::steady_timer patience_;
  std::unique_ptr<mcast::GroupSender> multicast_;
  std::vector<std::unique_ptr<net::Link>> links_;
  std::map<const net::Link*, TransferId> index_;
  std::map<TransferId, std::pair<std::string, double>> ends_;
  std::vector<ordered_json> events_;
  bool started_ = false;
  Instant start_;
  double cpu_start_ = 0;
};

class ReceivingNode final : Quiet, mcast::GroupReceiverHandler {
 public:
  explicit ReceivingNode(const MulticastNodeOptions& options)
      : options_(options), place_(static_cast<std::size_t>(options.bytes.count())), patience_(io_) {}

  int run() {
    const auto own = mcast::parse_address(options_.own);
    const auto group = mcast::parse_address(options_.group);
    if (!own || !group) return complain((own ? group : own).error());
    group_ = {*group, options_.group_port};
    auto receiver = mcast::GroupReceiver::make(
        io_,
        {*own, {options_.drop_share, options_.double_share, options_.reorder_share, options_.seed + *own}},
        *this);
    if (!receiver) return complain(receiver.error());
    receiver_ = std::move(*receiver);
    // From the start: a group that is joined at the last moment is not known to the switch yet.
    auto member = mcast::UdpSocket::for_group(group_, *own);
    if (!member) return complain(member.error());
    auto acceptor = net::listen(io_, options_.own, options_.port, {}, *this,
                                [this](std::unique_ptr<net::Link> link) { link_ = std::move(link); });
    if (!acceptor) return complain(acceptor.error());
    fmt::print("ready\n");
    std::fflush(stdout);
    patience_.expires_after(std::chrono::milliseconds(static_cast<int>(options_.patience.in_milliseconds())));
    patience_.async_wait([this](const asio::error_code& cancelled) {
      if (!cancelled) finish("out of time");
    });
    io_.run();
    return report();
  }

 private:
  Result<void> on_frame(net::Link& link, const wire::FrameHeader& header,
                        std::span<const std::byte> payload) override {
    if (header.kind == wire::FrameKind::offer) {
      start_ = mcast::steady_now();
      cpu_start_ = cpu_seconds();
      transfer_ = header.transfer;
      if (options_.tcp) {
        link.send(wire::grant_frame(transfer_));
        return {};
      }
      if (auto joined = receiver_->join(transfer_, shape_of(options_), group_, place_); !joined)
        return joined;
      const mcast::Endpoint repairs = receiver_->repairs();
      link.send(wire::joined_frame(transfer_, {repairs.address, repairs.port}));
      return {};
    }
    if (auto good = wire::verify_payload(header, payload); !good) return good;
    if (header.kind == wire::FrameKind::patch) return receiver_->patch(transfer_, header.sequence, payload);
    received_ += payload.size();
    if (received_ == place_.size()) complete();
    return {};
  }
  Result<std::span<std::byte>> on_chunk_header(net::Link&, const wire::FrameHeader& header) override {
    const std::size_t offset = header.kind == wire::FrameKind::chunk
                                   ? static_cast<std::size_t>(wire::chunk_offset(header.sequence).count())
                                   : std::size_t{header.sequence} * options_.segment_bytes;
    if (offset + header.length > place_.size()) return failure(ErrorCode::protocol, "beyond the payload");
    return std::span(place_).subspan(offset, header.length);
  }
  void on_closed(net::Link&, const Error& error) override {
    if (!done_) finish("link: " + error.message);
    io_.stop();
  }
  void on_status(TransferId transfer, const mcast::Status& status) override {
    link_->send(wire::status_frame(transfer, mcast::encode(status)));
  }
  void on_complete(TransferId, Instant) override { complete(); }
  void on_lost(TransferId, const Error& error) override { finish(error.message); }

  void complete() {
    done_ = true;
    seconds_ = (mcast::steady_now() - start_).in_seconds();
    cpu_used_ = cpu_seconds() - cpu_start_;
    link_->send(wire::ack_frame(transfer_));  // the sender closes
  }
  void finish(const std::string& why) {
    why_ = why;
    seconds_ = (mcast::steady_now() - start_).in_seconds();
    cpu_used_ = cpu_seconds() - cpu_start_;
    io_.stop();
  }
  int report() {
    const bool right = done_ && place_ == payload_of(options_);
    const ordered_json line{{"role", "receiver"},
                            {"complete", done_},
                            {"bytes_right", right},
                            {"seconds", seconds_},
                            {"cpu_seconds", cpu_used_},
                            {"why", why_},
                            {"refused", receiver_->refused()},
                            {"ended", (start_ + Duration::seconds(seconds_)).in_seconds()}};
    fmt::print("{}\n", line.dump());
    return right ? 0 : 1;
  }

  MulticastNodeOptions options_;
  std::vector<std::byte> place_;
  asio::io_context io_;
  asio::steady_timer patience_;
  mcast::Endpoint group_;
  std::unique_ptr<mcast::GroupReceiver> receiver_;
  std::unique_ptr<net::Link> link_;
  TransferId transfer_;
  std::size_t received_ = 0;
  bool done_ = false;
  std::string why_;
  Instant start_;
  double cpu_start_ = 0, cpu_used_ = 0, seconds_ = 0;
};

}  // namespace

int run_multicast_sender(const MulticastNodeOptions& options) { return SendingNode(options).run(); }
int run_multicast_receiver(const MulticastNodeOptions& options) { return ReceivingNode(options).run(); }

}  // namespace selmcast::bench
