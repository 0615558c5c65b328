#include "selmcast/cli/doctor/multicast.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "selmcast/cli/doctor/probe.h"
#include "selmcast/mcast/flood_watch.h"
#include "selmcast/mcast/probe.h"
#include "selmcast/mcast/udp_socket.h"
#include "selmcast/wire/loopback.h"
#include "selmcast/worker/local_address.h"

namespace selmcast::doctor {
namespace {

using Clock = std::chrono::steady_clock;
using mcast::Endpoint;
using mcast::kProbes;
using mcast::Probe;
using mcast::ProbeKind;

constexpr Endpoint kServing{0xef4dfffd, 7697};  // 239.77.255.253
constexpr Endpoint kAsking{0xef4dfffe, 7697};
constexpr std::uint32_t kAsker = 0;  // as sender: not an address of anybody who serves
constexpr auto kInterval = std::chrono::milliseconds(200);
constexpr auto kLast = std::chrono::milliseconds(1200);  // for what is under way
constexpr auto kGlance = std::chrono::milliseconds(100);
constexpr std::size_t kTokensMax = 1000;  // doctors that are answered

// One interface in one role: member of one group, looking for what comes by the other.
class Side {
 public:
  static std::optional<Side> open(std::uint32_t interface, const Endpoint& joined, const Endpoint& other) {
    auto group = mcast::UdpSocket::for_group(joined, interface);
    auto out = mcast::UdpSocket::for_sending(interface, 1);
    if (!group || !out) return std::nullopt;
    auto watch = mcast::FloodWatch::open(other, interface);
    return Side(interface, std::move(*group), std::move(*out),
                watch ? std::optional(std::move(*watch)) : std::nullopt);
  }

  std::uint32_t interface() const { return interface_; }
  bool sees_floods() const { return watch_.has_value(); }
  void wait_for(std::vector<pollfd>& all) const {
    for (const int descriptor : {group_.descriptor(), out_.descriptor(), watch_ ? watch_->descriptor() : -1})
      all.push_back({.fd = descriptor, .events = POLLIN, .revents = 0});
  }
  void send(const Endpoint& to, const Probe& probe) {
    auto bytes = mcast::encode(probe);
    const std::array piece = {iovec{bytes.data(), bytes.size()}};
    static_cast<void>(out_.send(to, piece, bytes.size()));  // what cannot be sent is missed there
  }
  // Each: (probe, source). What came by the group, straight to this side, and by the other group.
  template <class ByGroup, class Straight, class ByFlood>
  void read(const ByGroup& by_group, const Straight& straight, const ByFlood& by_flood) {
    read_socket(group_.descriptor(), by_group);
    read_socket(out_.descriptor(), straight);
    if (watch_)
      watch_->receive([&](std::span<const std::byte> bytes, const Endpoint& source) {
        if (const auto probe = mcast::decode_probe(bytes)) by_flood(*probe, source);
      });
  }

 private:
  Side(std::uint32_t interface, mcast::UdpSocket&& group, mcast::UdpSocket&& out,
       std::optional<mcast::FloodWatch>&& watch)
      : interface_(interface), group_(std::move(group)), out_(std::move(out)), watch_(std::move(watch)) {}

  template <class Take>
  static void read_socket(int descriptor, const Take& take) {
    std::array<std::byte, 2048> buffer;
    for (int k = 0; k < 256; ++k) {
      sockaddr_in from{};
      socklen_t length = sizeof from;
      const ssize_t size = recvfrom(descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                    reinterpret_cast<sockaddr*>(&from), &length);
      if (size < 0) return;
      const auto bytes = std::span<const std::byte>(buffer).first(static_cast<std::size_t>(size));
      if (const auto probe = mcast::decode_probe(bytes))
        take(*probe, Endpoint{ntohl(from.sin_addr.s_addr), ntohs(from.sin_port)});
    }
  }

  std::uint32_t interface_;
  mcast::UdpSocket group_, out_;
  std::optional<mcast::FloodWatch> watch_;
};

void wait(const std::vector<Side*>& sides, Clock::duration most) {
  std::vector<pollfd> all;
  for (const Side* side : sides) side->wait_for(all);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(most).count();
  poll(all.data(), all.size(), static_cast<int>(std::max<std::int64_t>(1, milliseconds)));
}

// ---- asking ------------------------------------------------------------------------------------------------

class Asking {
 public:
  Asking(Side side, std::uint64_t token) : side_(std::move(side)), token_(token) {}
  Side& side() { return side_; }

  void send() {
    side_.send(kServing, {ProbeKind::probe, token_, kAsker});
    side_.send(kAsking, {ProbeKind::probe, token_, kAsker});
  }
  void read() {
    const auto is_mine = [&](const Probe& probe) { return probe.token == token_ && probe.sender != kAsker; };
    side_.read(
        [&](const Probe& probe, const Endpoint&) {
          if (is_mine(probe)) heard_.came(probe.sender);
        },
        [&](const Probe& probe, const Endpoint&) {
          if (is_mine(probe) && probe.kind == ProbeKind::answer) answers_[probe.sender] = probe;
        },
        [&](const Probe& probe, const Endpoint&) {
          if (is_mine(probe)) flooded_.came(probe.sender);
        });
  }
  MulticastReach reach(const std::string& peer, std::uint32_t address) const {
    MulticastReach reach{.peer = peer,
                         .sent = kProbes,
                         .loopback = wire::is_loopback(peer),
                         .heard_there = 0,
                         .heard_here = heard_.of(address),
                         .flooded_there = {},
                         .flooded_here = {}};
    if (side_.sees_floods()) reach.flooded_here = flooded_.of(address);
    if (const auto answer = answers_.find(address); answer != answers_.end()) {
      reach.heard_there = static_cast<int>(std::min<std::uint32_t>(answer->second.heard, kProbes));
      if (answer->second.flooded != mcast::kCannotSee)
        reach.flooded_there = static_cast<int>(std::min<std::uint32_t>(answer->second.flooded, kProbes));
    }
    return reach;
  }

 private:
  Side side_;
  std::uint64_t token_;
  mcast::ProbeCount heard_, flooded_;
  std::map<std::uint32_t, Probe> answers_;
};

// ---- answering ---------------------------------------------------------------------------------------------

class Answering {
 public:
  explicit Answering(Side side) : side_(std::move(side)) {}
  Side& side() { return side_; }

  void read() {
    side_.read(
        [&](const Probe& probe, const Endpoint& source) {
          if (probe.kind != ProbeKind::probe || probe.sender != kAsker) return;
          if (counts_.size() >= kTokensMax && !counts_.contains(probe.token)) counts_.clear();
          Counts& counts = counts_[probe.token];
          ++counts.heard;
          const std::uint32_t own = side_.interface();
          side_.send(kAsking, {ProbeKind::probe, probe.token, own});
          side_.send(kServing, {ProbeKind::probe, probe.token, own});
          side_.send(source, {ProbeKind::answer, probe.token, own, counts.heard,
                              side_.sees_floods() ? counts.flooded : mcast::kCannotSee});
        },
        [](const Probe&, const Endpoint&) {},
        [&](const Probe& probe, const Endpoint&) {
          if (probe.kind != ProbeKind::probe || probe.sender != kAsker) return;
          if (counts_.size() < kTokensMax || counts_.contains(probe.token)) ++counts_[probe.token].flooded;
        });
  }

 private:
  struct Counts {
    std::uint32_t heard = 0, flooded = 0;
  };
  Side side_;
  std::map<std::uint64_t, Counts> counts_;
};

// Addresses of this machine to answer at.
std::vector<std::uint32_t> addresses_of(const std::string& where) {
  std::vector<std::uint32_t> all;
  if (where.find(':') != std::string::npos) {
    const auto parts = worker::split_address(where);
    const auto one = parts ? mcast::parse_address(parts->host) : failure(ErrorCode::invalid_input, "");
    if (one && *one != 0) return {*one};
    if (!one) return all;
  }
  for (const Interface& interface : interfaces()) {
    for (const std::string& address : interface.addresses) {
      const auto one = mcast::parse_address(address);
      if (interface.up && one) all.push_back(*one);
    }
  }
  return all;
}

}  // namespace

void probe_multicast(Facts& facts) {
  std::map<std::uint32_t, Asking> asking;  // by own address
  const auto begin = Clock::now();
  for (const Reach& peer : facts.peers) {
    if (!peer.connection) continue;
    const auto own = mcast::parse_address(peer.connection->local);
    if (!own || asking.contains(*own)) continue;
    if (auto side = Side::open(*own, kAsking, kServing)) {
      const auto token = static_cast<std::uint64_t>(begin.time_since_epoch().count()) ^ *own;
      asking.emplace(*own, Asking(std::move(*side), token));
    }
  }
  std::vector<Side*> sides;
  for (auto& [own, one] : asking) sides.push_back(&one.side());
  const auto end = begin + kInterval * kProbes + kLast;
  auto next = begin + kInterval;
  for (int sent = 0; !sides.empty() && Clock::now() < end;) {
    if (sent < kProbes && Clock::now() >= next) {
      for (auto& [own, one] : asking) one.send();
      next += kInterval;
      ++sent;
    }
    wait(sides, std::min<Clock::duration>(kGlance, (sent < kProbes ? next : end) - Clock::now()));
    for (auto& [own, one] : asking) one.read();
  }
  for (const Reach& peer : facts.peers) {
    if (!peer.connection) continue;
    const auto own = mcast::parse_address(peer.connection->local);
    const auto address = mcast::parse_address(peer.connection->address);
    if (!own || !address || !asking.contains(*own)) continue;
    facts.multicast.push_back(asking.at(*own).reach(peer.connection->address, *address));
  }
}

MulticastAnswers::MulticastAnswers(const std::string& where)
    : thread_([where](const std::stop_token& stop) {
        std::vector<Answering> answering;
        for (const std::uint32_t address : addresses_of(where)) {
          if (auto side = Side::open(address, kServing, kAsking)) answering.emplace_back(std::move(*side));
        }
        std::vector<Side*> sides;
        for (Answering& one : answering) sides.push_back(&one.side());
        while (!stop.stop_requested()) {
          wait(sides, kGlance);
          for (Answering& one : answering) one.read();
        }
      }) {}

}  // namespace selmcast::doctor
