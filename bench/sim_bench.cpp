#include "bench/sim_bench.h"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "selmcast/base/rng.h"
#include "selmcast/maxmin/fluid.h"
#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/observer.h"
#include "selmcast/sim/streams.h"

namespace selmcast::bench {
namespace {

constexpr std::uint64_t kSeed = 1;

Duration cpu_time() { return Duration::seconds(static_cast<double>(std::clock()) / CLOCKS_PER_SEC); }

struct Delivery {
  plan::Pair pair;
  sim::Span span;
};

class Recorder : public sim::Observer {
 public:
  void did(WorkerIndex, sim::Activity, sim::Span, std::uint64_t, std::size_t) override {}
  void delivery(plan::Pair pair, sim::Span span, sim::DeliveryEnd end) override {
    // What the horizon cut off has a start, but no end to compare.
    deliveries.push_back(
        {pair, {span.from, end == sim::DeliveryEnd::delivered ? span.to : Instant::never()}});
  }
  std::vector<Delivery> deliveries;
};

std::string problem_text(const sim::Settings& settings, const std::vector<Delivery>& deliveries) {
  const sim::Bandwidth links(settings.bandwidth, settings.workers, sim::bandwidth_stream(kSeed));
  std::string text = std::to_string(settings.workers) + " " + std::to_string(deliveries.size()) + "\n";
  std::array<char, 128> line{};
  for (std::size_t i = 0; i < settings.workers; ++i) {
    std::snprintf(line.data(), line.size(), "%.17g %.17g\n", links.uplink()[i].bytes_per_second(),
                  links.downlink()[i].bytes_per_second());
    text += line.data();
  }
  for (const Delivery& delivery : deliveries) {
    std::snprintf(line.data(), line.size(), "%.17g %u %u %lld\n", delivery.span.from.in_seconds(),
                  delivery.pair.sender.value(), delivery.pair.receiver.value(),
                  static_cast<long long>(settings.volume.count()));
    text += line.data();
  }
  return text;
}

// Of carrying the deliveries, by start; the median of five.
Duration time_flows(const sim::Settings& settings, const std::vector<Delivery>& deliveries) {
  const sim::Bandwidth links(settings.bandwidth, settings.workers, sim::bandwidth_stream(kSeed));
  const auto n = static_cast<std::uint32_t>(settings.workers);
  std::vector<Duration> times;
  for (int k = 0; k < 5; ++k) {
    const Duration before = cpu_time();
    maxmin::Fluid fluid;
    for (const Rate rate : links.uplink()) fluid.add_link(rate);
    for (const Rate rate : links.downlink()) fluid.add_link(rate);
    const auto run_until = [&](Instant end) {
      while (fluid.flows() > 0 && fluid.next_completion() <= end) fluid.advance(fluid.next_completion());
      if (end != Instant::never() && fluid.now() < end) fluid.advance(end);
    };
    for (const Delivery& delivery : deliveries) {
      if (fluid.now() < delivery.span.from) run_until(delivery.span.from);
      const std::array path{maxmin::LinkId(delivery.pair.sender.value()),
                            maxmin::LinkId(n + delivery.pair.receiver.value())};
      fluid.start(path, settings.volume);
    }
    run_until(Instant::never());
    times.push_back(cpu_time() - before);
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

// What the program prints when it is given `input`; empty if it fails.
std::string run_program(const std::string& program, const std::string& input) {
  std::array<char, 32> name{"/tmp/selmcast-bench-XXXXXX"};
  const int file = mkstemp(name.data());
  if (file < 0) return {};
  const bool written = write(file, input.data(), input.size()) == static_cast<ssize_t>(input.size());
  close(file);
  std::string output;
  std::FILE* pipe = written ? popen(("'" + program + "' < " + name.data()).c_str(), "r") : nullptr;
  if (pipe != nullptr) {
    std::array<char, 65536> buffer;
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
      output.append(buffer.data(), count);
    if (pclose(pipe) != 0) output.clear();
  }
  unlink(name.data());
  return output;
}

}  // namespace

SimTiming time_simulation(std::string name, const sim::Settings& settings, int repeats) {
  std::vector<Duration> times;
  SimTiming timing{std::move(name), settings.planner, settings.workers, {}, 0};
  for (int k = 0; k < repeats; ++k) {
    const Duration before = cpu_time();
    timing.events = sim::simulate(settings, kSeed + static_cast<std::uint64_t>(k)).events;
    times.push_back(cpu_time() - before);
  }
  std::ranges::sort(times);
  timing.cpu = times[times.size() / 2];
  return timing;
}

sim::Settings sweep_setting(std::string_view model, std::string_view planner) {
  sim::Settings settings;  // its defaults are the paper's
  settings.compute = *sim::ComputeTimes::named(model);
  settings.planner = planner;
  return settings;
}

sim::Settings many_workers_setting(std::size_t workers, Duration horizon, plan::MulticastKind kind,
                                   std::string_view planner) {
  sim::Settings settings = sweep_setting("lstm", planner);
  settings.multicast = kind;
  settings.workers = workers;
  settings.min_receivers = *sync::MinReceivers::from(0.3);
  settings.horizon = horizon;
  return settings;
}

Result<SimGridBench> run_simgrid_bench(const std::string& rival, Duration horizon) {
  sim::Settings settings = sweep_setting("transformer", "random");
  settings.multicast = plan::MulticastKind::unicast;
  settings.horizon = horizon;
  SimGridBench bench;
  bench.simulation = time_simulation("", settings, 5).cpu;
  Recorder recorder;
  sim::simulate(settings, kSeed, &recorder);
  auto& deliveries = recorder.deliveries;
  std::ranges::stable_sort(deliveries, {}, [](const Delivery& d) { return d.span.from; });
  bench.deliveries = deliveries.size();
  bench.ours = time_flows(settings, deliveries);
  const std::string output = run_program(rival, problem_text(settings, deliveries));
  const char* next = output.c_str();
  char* end = nullptr;
  bench.theirs = Duration::seconds(std::strtod(next, &end));
  for (const Delivery& delivery : deliveries) {
    if (end == next) return failure(ErrorCode::io, rival + ": did not answer; is it built (BUILD_TESTING)?");
    next = end;
    const double finished = std::strtod(next, &end);
    if (delivery.span.to == Instant::never()) continue;
    const double took = (delivery.span.to - delivery.span.from).in_seconds();
    bench.largest_difference =
        std::max(bench.largest_difference, std::abs(finished - delivery.span.to.in_seconds()) / took);
  }
  if (deliveries.empty() || end == next) return failure(ErrorCode::io, rival + ": its answer is too short");
  return bench;
}

std::vector<FlowMemory> measure_flow_memory(const std::vector<std::size_t>& flows) {
  constexpr std::uint32_t kWorkers = 1000;
  std::vector<FlowMemory> all;
  for (const std::size_t count : flows) {
    const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    const auto fluid = std::make_unique<maxmin::Fluid>();
    Rng rng(kSeed);
    for (std::uint32_t l = 0; l < 2 * kWorkers; ++l)
      fluid->add_link(Rate::bits_per_second(1e9 * rng.uniform(0.5, 1.5)));
    for (std::size_t f = 0; f < count; ++f) {
      const std::array path{maxmin::LinkId(static_cast<std::uint32_t>(rng.below(kWorkers))),
                            maxmin::LinkId(kWorkers + static_cast<std::uint32_t>(rng.below(kWorkers)))};
      fluid->start(path, Bytes(1'000'000));
    }
    fluid->next_completion();
    const std::size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    all.push_back({count, static_cast<double>(after - before) / static_cast<double>(count)});
  }
  return all;
}

}  // namespace selmcast::bench
