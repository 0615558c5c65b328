#include "selmcast/cli/doctor/findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "selmcast/cli/doctor/findings_of_multicast.h"
#include "selmcast/wire/loopback.h"

namespace selmcast::doctor {
namespace {

constexpr int kEthernetMtu = 1500;
constexpr int kEthernetHeader = 14;
constexpr int kHeadersV4 = 20 + 20 + 12;  // IP, TCP, timestamps: net/link_rate.h
constexpr int kHeadersV6 = 40 + 20 + 12;
constexpr double kGoodBufferMbps = 1000;  // where a link's own rate is not known
constexpr Bytes kDatagramBuffer = Bytes(4 << 20);
constexpr std::int64_t kGoodDescriptors = 4096;

bool has_word(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

const Interface* find(const Facts& facts, const std::string& name) {
  const auto found = std::ranges::find(facts.interfaces, name, &Interface::name);
  return found == facts.interfaces.end() ? nullptr : &*found;
}

double megabytes(Bytes size) { return static_cast<double>(size.count()) / 1e6; }

std::string described(const Interface& interface) {
  return fmt::format("{} ({}{})", interface.name, fmt::join(interface.addresses, ", "),
                     interface.link_mbps ? fmt::format(", {} Mbit/s", *interface.link_mbps) : "");
}

// The connections that were made, the manager's first.
std::vector<const Connection*> made(const Facts& facts) {
  std::vector<const Connection*> all;
  if (facts.manager && facts.manager->connection) all.push_back(&*facts.manager->connection);
  for (const Reach& peer : facts.peers) {
    if (peer.connection) all.push_back(&*peer.connection);
  }
  return all;
}

class Judge {
 public:
  explicit Judge(const Facts& facts) : facts_(facts) {}

  std::vector<Finding> all() {
    interface();
    mtu();
    congestion_control();
    buffers();
    descriptors();
    clock();
    multicast();
    manager();
    for (const Reach& peer : facts_.peers) reach("peer " + peer.target, peer, "selmcast doctor --serve PORT");
    std::ranges::move(judge_multicast(facts_.multicast), std::back_inserter(findings_));
    return std::move(findings_);
  }

 private:
  void say(Verdict verdict, std::string what, std::string found, std::string remedy = "") {
    findings_.push_back({verdict, std::move(what), std::move(found), std::move(remedy)});
  }

  void interface() {
    if (facts_.manager && facts_.manager->connection) return interface_to(*facts_.manager->connection);
    std::vector<std::string> ways;
    for (const Interface& one : facts_.interfaces) {
      if (one.up && !one.loopback && !one.addresses.empty()) ways.push_back(described(one));
    }
    if (ways.empty())
      return say(Verdict::warning, "interface", "only loopback is up: no other machine can take part",
                 "bring an interface up, if there are to be other machines");
    say(ways.size() > 1 ? Verdict::note : Verdict::good, "interface",
        fmt::format("{}", fmt::join(ways, "; ")),
        ways.size() > 1 ? "--manager HOST:PORT tells which of them a worker uses" : "");
  }

  void interface_to(const Connection& manager) {
    if (wire::is_loopback(manager.local))
      return say(
          Verdict::note, "interface",
          manager.local + " (loopback): the manager is on this machine, and only its processes can take part",
          "where other machines take part, name the manager by an address that they can reach, here too");
    const Interface* used = find(facts_, manager.interface);
    if (!used)
      return say(Verdict::warning, "interface", manager.local + ", which no interface of this machine has",
                 "an address is translated on the way: see that peers reach it (--serve, --peer)");
    for (const Interface& other : facts_.interfaces) {
      if (!other.up || other.loopback || !used->link_mbps || !other.link_mbps) continue;
      if (*other.link_mbps <= *used->link_mbps || other.addresses.empty()) continue;
      return say(Verdict::warning, "interface",
                 fmt::format("{} leads to the manager, but {} is faster", described(*used), described(other)),
                 "if peers are reached through it, give workers data_host=" + other.addresses.front());
    }
    say(Verdict::good, "interface", described(*used) + ", as the route to the manager has it");
  }

  void mtu() {
    const Connection* narrow = nullptr;
    for (const Connection* one : made(facts_)) {
      const Interface* used = find(facts_, one->interface);
      if (one->path_mtu && used && *one->path_mtu < used->mtu) narrow = one;
    }
    if (narrow)
      return say(Verdict::warning, "MTU",
                 fmt::format("{} to {}, but {} on {}", *narrow->path_mtu, narrow->address,
                             find(facts_, narrow->interface)->mtu, narrow->interface),
                 "one MTU all the way spares a tunnel's or switch's fragments: ip link set " +
                     narrow->interface + " mtu " + std::to_string(*narrow->path_mtu));
    const auto ways = made(facts_);
    const Interface* used = ways.empty() ? nullptr : find(facts_, ways.front()->interface);
    if (!used) return;
    const bool is_v6 = ways.front()->local.contains(':');
    const int payload = used->mtu - (is_v6 ? kHeadersV6 : kHeadersV4);
    const double share = 100.0 * payload / (used->mtu + kEthernetHeader);
    const std::string found =
        fmt::format("{} on {}: {:.1f} % of the link can be payload", used->mtu, used->name, share);
    if (used->mtu < kEthernetMtu)
      return say(Verdict::warning, "MTU", found,
                 fmt::format("{} or more costs less in headers", kEthernetMtu));
    say(Verdict::good, "MTU", found);
  }

  void congestion_control() {
    const auto may = [&](const char* name) { return has_word(facts_.congestion_controls, name); };
    const auto has = [&](const char* name) { return has_word(facts_.congestion_controls_had, name); };
    const std::string standard = "the default is " + facts_.congestion_control;
    if (may("cubic") || may("reno"))
      return say(Verdict::good, "congestion control",
                 fmt::format("{}; SelMcast sets {} on its own connections", standard,
                             may("cubic") ? "cubic" : "reno"));
    if (facts_.congestion_control == "cubic" || facts_.congestion_control == "reno")
      return say(Verdict::good, "congestion control", standard);
    const std::string name = has("cubic") || !has("reno") ? "cubic" : "reno";
    say(Verdict::warning, "congestion control",
        fmt::format("{}, and neither cubic nor reno may be chosen; bbr loses 13 to 26 % behind token buckets",
                    standard),
        has(name.c_str()) ? "sysctl -w net.ipv4.tcp_allowed_congestion_control=\"" +
                                facts_.congestion_control + " " + name + "\""
                          : "modprobe tcp_" + name);
  }

  // A stream is as fast as its window each round trip; half of a buffer is overhead.
  void buffers() {
    Duration longest = Duration::milliseconds(1);
    for (const Connection* one : made(facts_)) longest = std::max(longest, one->round_trip);
    double mbps = kGoodBufferMbps;
    for (const Interface& one : facts_.interfaces) {
      if (one.up && one.link_mbps) mbps = std::max(mbps, static_cast<double>(*one.link_mbps));
    }
    const auto wanted = static_cast<std::int64_t>(2 * mbps * 1e6 / 8 * longest.in_seconds());
    const std::int64_t had = std::min(facts_.receive_buffer_max.count(), facts_.send_buffer_max.count());
    const std::string found =
        fmt::format("TCP up to {:.1f} MB in, {:.1f} MB out", megabytes(facts_.receive_buffer_max),
                    megabytes(facts_.send_buffer_max));
    if (had >= wanted) return say(Verdict::good, "buffers", found);
    say(Verdict::warning, "buffers",
        fmt::format("{}: one stream fills {:.0f} of {:.0f} Mbit/s at a round trip of {:.1f} ms", found,
                    static_cast<double>(had) * 8 / 2e6 / longest.in_seconds(), mbps,
                    longest.in_milliseconds()),
        fmt::format("sysctl -w net.ipv4.tcp_rmem=\"4096 131072 {0}\" net.ipv4.tcp_wmem=\"4096 65536 {0}\"",
                    wanted));
  }

  void descriptors() {
    const std::string found = fmt::format("{}, enough for some {} peers", facts_.descriptors,
                                          std::max<std::int64_t>(0, (facts_.descriptors - 64) / 2));
    if (facts_.descriptors >= kGoodDescriptors) return say(Verdict::good, "open files", found);
    say(Verdict::note, "open files", found,
        fmt::format("for more: ulimit -n {}", std::min(kGoodDescriptors, facts_.descriptors_max)));
  }

  void clock() {
    const bool is_slow = facts_.clock_source == "hpet" || facts_.clock_source == "acpi_pm";
    if (is_slow)
      return say(
          Verdict::warning, "clock",
          facts_.clock_source + ": slow to read, and read for every chunk that is sent",
          "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource, if it is available");
    const std::string source = facts_.clock_source.empty() ? "unknown source" : facts_.clock_source;
    if (facts_.clock_synchronized == false)
      return say(
          Verdict::note, "clock",
          source + ", not synchronised: plans do not mind, but times in logs of several machines differ",
          "run chrony or systemd-timesyncd");
    say(Verdict::good, "clock", source + (facts_.clock_synchronized ? ", synchronised" : ""));
  }

  // Nobody needs it for unicast.
  void multicast() {
    const auto ways = made(facts_);
    const Interface* used = ways.empty() ? nullptr : find(facts_, ways.front()->interface);
    if (used && !used->loopback && !used->multicast)
      return say(Verdict::note, "IP multicast", used->name + " has it turned off",
                 "ip link set " + used->name + " multicast on, for --multicast network");
    if (facts_.socket_buffer_max < kDatagramBuffer)
      return say(
          Verdict::note, "IP multicast",
          fmt::format("datagram buffers are limited to {:.1f} MB: fast groups lose more",
                      megabytes(facts_.socket_buffer_max)),
          fmt::format("sysctl -w net.core.rmem_max={0} net.core.wmem_max={0}", kDatagramBuffer.count()));
    say(Verdict::good, "IP multicast",
        fmt::format("datagram buffers of {:.1f} MB", megabytes(facts_.socket_buffer_max)));
  }

  void manager() {
    if (!facts_.manager)
      return say(Verdict::note, "manager", "not asked for", "selmcast doctor --manager HOST:PORT");
    if (facts_.manager->connection && !facts_.manager->answers_grpc)
      return say(Verdict::problem, "manager",
                 facts_.manager->target + " takes connections, but is no manager",
                 "see which program has that port; `selmcast manager` says its address when it starts");
    reach("manager", *facts_.manager, "selmcast manager --insecure-listen ADDRESS");
  }

  void reach(const std::string& what, const Reach& other, const std::string& program) {
    if (!other.connection) {
      const Error& error = other.connection.error();
      std::string remedy =
          "start `" + program + "` there, or see whether it runs and listens on this address";
      if (error.code == ErrorCode::timeout)
        remedy =
            "nothing comes back: a firewall on the way or there, a wrong address, or a machine that is down";
      if (error.code == ErrorCode::invalid_input) remedy = "write host:port";
      return say(Verdict::problem, what, error.message, remedy);
    }
    const Connection& connection = *other.connection;
    const bool is_at_home = facts_.manager && facts_.manager->connection &&
                            wire::is_loopback(connection.address) &&
                            !wire::is_loopback(facts_.manager->connection->address);
    if (is_at_home)
      return say(Verdict::problem, what, connection.address + " is loopback, the manager is not",
                 "name the peer by the address at which all others reach it");
    say(Verdict::good, what,
        fmt::format("{} from {}, round trip {:.2f} ms", connection.address, connection.local,
                    connection.round_trip.in_milliseconds()));
  }

  const Facts& facts_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::good: return "good";
    case Verdict::note: return "note";
    case Verdict::warning: return "warning";
    case Verdict::problem: return "problem";
  }
  return "?";
}

std::vector<Finding> judge(const Facts& facts) { return Judge(facts).all(); }

Verdict worst(const std::vector<Finding>& findings) {
  Verdict verdict = Verdict::good;
  for (const Finding& finding : findings) verdict = std::max(verdict, finding.verdict);
  return verdict;
}

}  // namespace selmcast::doctor
