// An outside referee: SimGrid (H. Casanova et al., "Versatile, Scalable, and Accurate Simulation of Distributed
// Applications and Platforms", 2014) has shared links max-min fairly for twenty years. Random stars of hosts with an
// uplink and a downlink each, random unicast deliveries: both must tell the same completion times.
//
// SimGrid is told to add nothing of TCP: no latency, no window, all of the bandwidth, no traffic of acknowledgements.
// It keeps one engine a process, so all stars stand in one simulation; they share no link.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/maxmin/fluid.h"

namespace selmcast::maxmin {
namespace {

struct Host {
  double uplink = 0;  // byte/s
  double downlink = 0;
};
struct Delivery {
  std::size_t star = 0;
  std::size_t sender = 0;
  std::size_t receiver = 0;
  double start = 0;  // seconds
  std::uint64_t volume = 0;
};
struct Scenario {
  std::vector<std::vector<Host>> stars;
  std::vector<Delivery> deliveries;  // by start
};

Scenario random_scenario(std::size_t stars, Rng& rng) {
  Scenario scenario;
  for (std::size_t star = 0; star < stars; ++star) {
    const std::size_t hosts = 2 + rng.below(12);
    auto& made = scenario.stars.emplace_back(hosts);
    for (Host& host : made) host = {rng.uniform(0.2e9, 2e9), rng.uniform(0.2e9, 2e9)};
    for (std::uint64_t left = 5 + rng.below(60); left > 0; --left) {
      const std::size_t sender = rng.below(hosts);
      const std::size_t receiver = (sender + 1 + rng.below(hosts - 1)) % hosts;
      // A third starts together, as in a round.
      const double start = rng.below(3) == 0 ? 0 : rng.uniform(0, 2);
      scenario.deliveries.push_back({star, sender, receiver, start, 1000000 + rng.below(500000000)});
    }
  }
  std::ranges::stable_sort(scenario.deliveries, {}, &Delivery::start);
  return scenario;
}

std::vector<double> ends_by_simgrid(const Scenario& scenario) {
  namespace sg = simgrid::s4u;
  std::vector<std::string> arguments{"simgrid_test",
                                     "--cfg=network/model:CM02",
                                     "--cfg=network/crosstraffic:0",
                                     "--cfg=network/TCP-gamma:0",
                                     "--cfg=network/weight-S:0",
                                     "--cfg=network/bandwidth-factor:1",
                                     "--log=root.thresh:error"};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  int argc = static_cast<int>(argv.size());
  sg::Engine engine(&argc, argv.data());
  sg::NetZone* zone = sg::create_star_zone("star");
  std::vector<std::vector<sg::Host*>> hosts(scenario.stars.size());
  for (std::size_t s = 0; s < hosts.size(); ++s) {
    for (std::size_t h = 0; h < scenario.stars[s].size(); ++h) {
      const std::string name = std::to_string(s) + "." + std::to_string(h);
      sg::Host* host = zone->create_host(name, 1e9);
      const auto link = [&](const char* side, double bandwidth) {
        return sg::LinkInRoute(zone->create_link(name + side, bandwidth)->set_latency(0)->seal());
      };
      zone->add_route(host->get_netpoint(), nullptr, nullptr, nullptr,
                      {link(".up", scenario.stars[s][h].uplink)}, false);
      zone->add_route(nullptr, host->get_netpoint(), nullptr, nullptr,
                      {link(".down", scenario.stars[s][h].downlink)}, false);
      hosts[s].push_back(host);
    }
  }
  zone->seal();
  std::vector<double> ends(scenario.deliveries.size(), 0);
  for (std::size_t d = 0; d < ends.size(); ++d) {
    const Delivery& delivery = scenario.deliveries[d];
    sg::Host* sender = hosts[delivery.star][delivery.sender];
    sg::Host* receiver = hosts[delivery.star][delivery.receiver];
    sg::Actor::create("delivery", sender, [&ends, &delivery, sender, receiver, d] {
      sg::this_actor::sleep_until(delivery.start);
      sg::Comm::sendto(sender, receiver, delivery.volume);
      ends[d] = sg::Engine::get_clock();
    });
  }
  engine.run();
  return ends;
}

std::vector<double> ends_by_us(const Scenario& scenario) {
  Fluid fluid;
  std::vector<std::vector<std::array<LinkId, 2>>> links(scenario.stars.size());
  for (std::size_t s = 0; s < links.size(); ++s) {
    for (const Host& host : scenario.stars[s]) {
      links[s].push_back({fluid.add_link(Rate::bits_per_second(8 * host.uplink)),
                          fluid.add_link(Rate::bits_per_second(8 * host.downlink))});
    }
  }
  std::vector<double> ends(scenario.deliveries.size(), 0);
  std::vector<std::size_t> delivery_of;
  const auto run_until = [&](Instant end) {
    while (fluid.now() < end && fluid.flows() > 0) {
      for (const FlowId done : fluid.advance(std::min(end, fluid.next_completion()))) {
        ends[delivery_of[done.value()]] = fluid.now().in_seconds();
      }
    }
    if (end != Instant::never() && fluid.now() < end) fluid.advance(end);
  };
  for (std::size_t d = 0; d < ends.size(); ++d) {
    const Delivery& delivery = scenario.deliveries[d];
    run_until(Instant::at_seconds(delivery.start));
    const std::array path{links[delivery.star][delivery.sender][0],
                          links[delivery.star][delivery.receiver][1]};
    const FlowId flow = fluid.start(path, Bytes(static_cast<std::int64_t>(delivery.volume)));
    delivery_of.resize(std::max<std::size_t>(delivery_of.size(), flow.value() + 1));
    delivery_of[flow.value()] = d;
  }
  run_until(Instant::never());
  return ends;
}

TEST(SimGrid, TellsTheSameCompletionTimesOnRandomStars) {
  constexpr std::uint64_t kSeed = 4;
  Rng rng(kSeed);
  const Scenario scenario = random_scenario(100, rng);
  const std::vector<double> theirs = ends_by_simgrid(scenario);
  const std::vector<double> ours = ends_by_us(scenario);
  double worst = 0;
  for (std::size_t d = 0; d < ours.size(); ++d) {
    const double start = scenario.deliveries[d].start;
    const double difference = std::abs(ours[d] - theirs[d]) / (theirs[d] - start);
    ASSERT_LT(difference, 1e-3) << "seed " << kSeed << ", delivery " << d << " of star "
                                << scenario.deliveries[d].star << ": ours " << ours[d] << ", theirs "
                                << theirs[d];
    worst = std::max(worst, difference);
  }
  RecordProperty("deliveries", static_cast<int>(ours.size()));
  std::printf("%zu deliveries, largest relative difference %.1e\n", ours.size(), worst);
}

}  // namespace
}  // namespace selmcast::maxmin
