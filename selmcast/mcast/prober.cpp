#include "selmcast/mcast/prober.h"

#include <array>
#include <asio/ip/udp.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "selmcast/mcast/flood_watch.h"
#include "selmcast/mcast/probe.h"

namespace selmcast::mcast {
namespace {

std::chrono::nanoseconds clock_time(Duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(duration.in_seconds()));
}

class Probing final : public Prober {
 public:
  Probing(asio::io_context& io, const ProberOptions& options, std::function<void(const ProbeResult&)> done)
      : options_(options), done_(std::move(done)), timer_(io), group_ready_(io), flood_ready_(io) {
    auto group = UdpSocket::for_group(options.joined, options.interface);
    auto out = UdpSocket::for_sending(options.interface, 1);
    if (!group || !out) {
      fault_ = (group ? out : group).error().message;
    } else {
      group_ = std::move(*group);
      out_ = std::move(*out);
      group_ready_.assign(asio::ip::udp::v4(), group_->descriptor());
      listen_to_group();
    }
    if (auto watch = FloodWatch::open(options.other, options.interface)) {
      watch_.emplace(std::move(*watch));
      flood_ready_.assign(watch_->descriptor());
      listen_for_floods();
    }
    next(kProbeStart);
  }
  ~Probing() override {
    *alive_ = false;
    stop_listening();
  }

 private:
  void stop_listening() {
    if (group_ready_.is_open()) group_ready_.release();
    if (flood_ready_.is_open()) flood_ready_.release();
  }

  void next(Duration wait) {
    timer_.expires_after(clock_time(wait));
    timer_.async_wait([this, alive = alive_](const asio::error_code& cancelled) {
      if (!cancelled && *alive) turn();
    });
  }

  void turn() {
    if (!fault_.empty() || sent_ == kProbes) return finish();
    send(options_.joined);
    send(options_.other);
    next(++sent_ < kProbes ? kProbeInterval : kProbeEnd);
  }

  void send(const Endpoint& group) {
    auto bytes = encode(Probe{ProbeKind::probe, options_.token, options_.sender});
    const std::array piece = {iovec{bytes.data(), bytes.size()}};
    if (const auto sent = out_->send(group, piece, bytes.size()); !sent) fault_ = sent.error().message;
  }

  void finish() {
    stop_listening();
    ProbeResult result{heard_.at_least(kProbesHeard), flooded_.at_least(kProbesFlooded), watch_.has_value(),
                       fault_};
    result.heard.erase(options_.sender);
    result.flooded.erase(options_.sender);
    if (auto done = std::exchange(done_, nullptr)) done(result);  // may destroy this
  }

  void count(std::span<const std::byte> bytes, ProbeCount& count) const {
    const auto probe = decode_probe(bytes);
    if (probe && probe->kind == ProbeKind::probe && probe->token == options_.token) count.came(probe->sender);
  }

  void listen_to_group() {
    group_ready_.async_wait(asio::socket_base::wait_read,
                            [this, alive = alive_](const asio::error_code& cancelled) {
                              if (cancelled || !*alive) return;
                              while (group_->receive([this](auto bytes) { count(bytes, heard_); })) {
                              }
                              listen_to_group();
                            });
  }
  void listen_for_floods() {
    flood_ready_.async_wait(asio::posix::stream_descriptor::wait_read,
                            [this, alive = alive_](const asio::error_code& cancelled) {
                              if (cancelled || !*alive) return;
                              watch_->receive([this](auto bytes, const auto&) { count(bytes, flooded_); });
                              listen_for_floods();
                            });
  }

  ProberOptions options_;
  std::function<void(const ProbeResult&)> done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  asio::steady_timer timer_;
  std::optional<UdpSocket> group_, out_;
  std::optional<FloodWatch> watch_;
  asio::ip::udp::socket group_ready_;           // of group_, which owns the descriptor
  asio::posix::stream_descriptor flood_ready_;  // likewise, of watch_
  ProbeCount heard_, flooded_;
  int sent_ = 0;
  std::string fault_;
};

}  // namespace

std::unique_ptr<Prober> Prober::start(asio::io_context& io, const ProberOptions& options,
                                      std::function<void(const ProbeResult&)> done) {
  return std::make_unique<Probing>(io, options, std::move(done));
}

}  // namespace selmcast::mcast
