#include "bench/net/net_setups.h"

#include <fmt/format.h>

#include <algorithm>

namespace selmcast::bench {
namespace {

NetSetup make(const std::string& name, const std::vector<double>& uplinks,
              const std::vector<double>& downlinks) {
  NetSetup setup{name, {}};
  setup.network.multicast = false;
  for (std::size_t k = 0; k < uplinks.size(); ++k) {
    setup.network.hosts.push_back({fmt::format("w{}", k), net::LinkRate::megabits_per_second(uplinks[k]),
                                   net::LinkRate::megabits_per_second(downlinks[k])});
  }
  setup.network.hosts.push_back({"manager"});
  return setup;
}

}  // namespace

std::vector<NetSetup> net_setups() {
  const std::vector<double> uneven = {400, 200, 200, 100, 100, 50};
  return {make("uneven", uneven, uneven), make("downlinks", std::vector<double>(6, 400), uneven),
          make("even", std::vector<double>(6, 200), std::vector<double>(6, 200))};
}

std::vector<NetContender> our_contenders(bool unpaced) {
  std::vector<NetContender> contenders = {{"broadcast", "broadcast", 5, true}};
  for (const char* planner : {"random", "paper", "exact"}) {
    for (int p = 1; p <= 3; ++p) contenders.push_back({fmt::format("{} p={}", planner, p), planner, p, true});
  }
  for (int p = 1; unpaced && p <= 3; ++p)
    contenders.push_back({fmt::format("exact-unpaced p={}", p), "exact", p, false});
  return contenders;
}

std::vector<NetContender> rival_contenders() {
  return {{"gloo-allreduce", "", 0, false},
          {"gloo-allgather", "", 0, false},
          {"openmpi-allreduce", "", 0, false}};
}

namespace {

double volumes_over_a_link(const NetSetup& setup, const std::string& rival) {
  const auto n = static_cast<double>(setup.workers());
  return rival == "gloo-allgather" ? n - 1 : 2 * (n - 1) / n;
}

}  // namespace

Duration rival_bound(const NetSetup& setup, const std::string& rival) {
  net::LinkRate slowest = net::LinkRate::unlimited();
  for (const testbed::Host& host : setup.network.hosts)
    slowest = std::min({slowest, host.uplink, host.downlink});
  return kNetVolume / slowest.payload() * volumes_over_a_link(setup, rival);
}

Bytes rival_payload(const NetSetup& setup, const std::string& rival) {
  const double volumes = static_cast<double>(setup.workers()) * volumes_over_a_link(setup, rival);
  return Bytes(static_cast<std::int64_t>(volumes * static_cast<double>(kNetVolume.count())));
}

}  // namespace selmcast::bench
