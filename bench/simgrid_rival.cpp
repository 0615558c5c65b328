// The rival of `selmcast bench sim`: SimGrid carries the same unicast deliveries over the same links.
//
// Standard input: "HOSTS DELIVERIES", a line "UPLINK DOWNLINK" in byte/s for each host, a line "START SENDER RECEIVER
// BYTES" for each delivery, by start. Standard output: the CPU seconds of the simulation proper (platform and reading
// not counted), then the end of each delivery. As SimGrid's own manual would have it: one actor that sleeps and
// starts asynchronous communications, no actor a flow; its lazy max-min solver, O(flows of the links touched) an
// event. SimGrid adds nothing of TCP (maxmin/simgrid_test.cpp says which flags).
#include <cstdio>
#include <ctime>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

namespace sg = simgrid::s4u;

namespace {

struct Delivery {
  double start = 0;
  std::size_t sender = 0;
  std::size_t receiver = 0;
  double bytes = 0;
};

sg::Host* make_host(sg::NetZone& zone, std::size_t index, double uplink, double downlink) {
  const std::string name = "w" + std::to_string(index);
  sg::Host* host = zone.create_host(name, 1e9);
  const auto link = [&](const char* side, double bandwidth) {
    return sg::LinkInRoute(zone.create_link(name + side, bandwidth)->set_latency(0)->seal());
  };
  zone.add_route(host->get_netpoint(), nullptr, nullptr, nullptr, {link(".up", uplink)}, false);
  zone.add_route(nullptr, host->get_netpoint(), nullptr, nullptr, {link(".down", downlink)}, false);
  return host;
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main() {
  std::vector<std::string> arguments{"simgrid_rival",
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
  std::size_t host_count = 0;
  std::size_t delivery_count = 0;
  if (std::scanf("%zu %zu", &host_count, &delivery_count) != 2) return 2;
  sg::NetZone* zone = sg::create_star_zone("star");
  std::vector<sg::Host*> hosts;
  for (std::size_t i = 0; i < host_count; ++i) {
    double uplink = 0;
    double downlink = 0;
    if (std::scanf("%lf %lf", &uplink, &downlink) != 2) return 2;
    hosts.push_back(make_host(*zone, i, uplink, downlink));
  }
  zone->seal();
  std::vector<Delivery> deliveries(delivery_count);
  for (Delivery& d : deliveries) {
    if (std::scanf("%lf %zu %zu %lf", &d.start, &d.sender, &d.receiver, &d.bytes) != 4) return 2;
  }
  std::vector<sg::CommPtr> comms;
  comms.reserve(delivery_count);
  sg::Actor::create("starter", hosts.at(0), [&] {
    for (const Delivery& d : deliveries) {
      if (d.start > sg::Engine::get_clock()) sg::this_actor::sleep_until(d.start);
      comms.push_back(
          sg::Comm::sendto_async(hosts[d.sender], hosts[d.receiver], static_cast<std::uint64_t>(d.bytes)));
    }
    for (const sg::CommPtr& comm : comms) comm->wait();
  });
  const double before = cpu_seconds();
  engine.run();
  std::printf("%.9g\n", cpu_seconds() - before);
  for (const sg::CommPtr& comm : comms) std::printf("%.12g\n", comm->get_finish_time());
  return 0;
}
