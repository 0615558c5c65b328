#include "selmcast/cli/sim_bench_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/sim_bench.h"
#include "selmcast/cli/exit_status.h"

namespace selmcast::cli {
namespace {

using nlohmann::ordered_json;

constexpr double kSecondsARun = 0.3;
constexpr double kTimesSimGrid = 20;
constexpr double kSameTimes = 1e-3;
constexpr double kMinutes = 300;  // "in minutes": seconds of CPU
constexpr std::size_t kManyWorkers = 1000;
constexpr int kRepeats = 5;

struct Flags {
  bool quick = false;
  bool large = false;
  std::string format = "table";
};
struct Verdict {
  std::string target;
  std::string measured;
  bool met = false;
};
struct SimBench {
  std::vector<bench::SimTiming> sweeps;
  std::vector<bench::SimTiming> many;
  std::optional<bench::SimGridBench> simgrid;
  std::vector<bench::FlowMemory> memory;
};

SimBench measure(const Flags& flags) {
  SimBench result;
  const auto say = [](const std::string& what) { fmt::print(stderr, "selmcast bench: {}\n", what); };
  for (const char* model : {"lstm", "transformer", "resnet50"}) {
    for (const char* planner : {"paper", "random"}) {
      say(fmt::format("{}, {}", model, planner));
      result.sweeps.push_back(bench::time_simulation(fmt::format("50 workers, 600 s, {}", model),
                                                     bench::sweep_setting(model, planner), kRepeats));
    }
  }
  say("SimGrid on the same deliveries");
  const auto rival = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "selmcast-simgrid-rival";
  auto simgrid = bench::run_simgrid_bench(rival.string(), Duration::seconds(flags.quick ? 5 : 20));
  if (simgrid) {
    result.simgrid = *simgrid;
  } else {
    say(simgrid.error().message);
  }
  result.memory = bench::measure_flow_memory({1'000, 10'000, 100'000});
  for (const std::size_t workers : {400, 1000}) {
    if (workers == kManyWorkers && !flags.large) break;
    const Duration horizon = Duration::seconds(workers == kManyWorkers ? 60 : 30);
    for (const auto kind : {plan::MulticastKind::network, plan::MulticastKind::unicast}) {
      for (const char* planner : {"paper", "random"}) {
        const std::string name =
            fmt::format("{} workers, {:g} s, {}", workers, horizon.in_seconds(), to_string(kind));
        say(name + ", " + planner);
        result.many.push_back(
            bench::time_simulation(name, bench::many_workers_setting(workers, horizon, kind, planner), 1));
      }
    }
  }
  return result;
}

std::vector<Verdict> judge(const SimBench& bench) {
  std::vector<Verdict> verdicts;
  const Duration slowest = std::ranges::max_element(bench.sweeps, {}, &bench::SimTiming::cpu)->cpu;
  verdicts.push_back(
      {fmt::format("600 s of SSP, network, n = 50: at most {:g} s a run", kSecondsARun),
       fmt::format("{:.3g} s for the slowest of {}", slowest.in_seconds(), bench.sweeps.size()),
       slowest.in_seconds() <= kSecondsARun});
  if (bench.simgrid) {
    const double times = bench.simgrid->theirs / bench.simgrid->ours;
    verdicts.push_back(
        {fmt::format("unicast: at least {:g} times faster than SimGrid, same times within 0.1 %",
                     kTimesSimGrid),
         fmt::format("{:.3g} times, within {:.1e}", times, bench.simgrid->largest_difference),
         times >= kTimesSimGrid && bench.simgrid->largest_difference <= kSameTimes});
  }
  const bench::SimTiming* longest = nullptr;
  for (const bench::SimTiming& timing : bench.many) {
    if (timing.workers == kManyWorkers && (longest == nullptr || timing.cpu > longest->cpu))
      longest = &timing;
  }
  if (longest != nullptr)
    verdicts.push_back({fmt::format("n = {} for 60 s: in minutes, at most {:g} s", kManyWorkers, kMinutes),
                        fmt::format("{:.3g} s for the slowest, {}, {}", longest->cpu.in_seconds(),
                                    longest->name, longest->planner),
                        longest->cpu.in_seconds() <= kMinutes});
  const double few = bench.memory.front().bytes_a_flow;
  const double many = bench.memory.back().bytes_a_flow;
  verdicts.push_back({"memory linear in live flows: no more bytes a flow for 100 times the flows",
                      fmt::format("{:.0f} bytes a flow of {}, {:.0f} of {}", few, bench.memory.front().flows,
                                  many, bench.memory.back().flows),
                      many <= few});
  return verdicts;
}

std::string as_table(const SimBench& bench) {
  std::string out = fmt::format("{:<34} {:<8} {:>10} {:>10}\n", "case", "planner", "CPU s", "events");
  for (const auto* timings : {&bench.sweeps, &bench.many}) {
    for (const bench::SimTiming& timing : *timings)
      out += fmt::format("{:<34} {:<8} {:>10.4g} {:>10}\n", timing.name, timing.planner,
                         timing.cpu.in_seconds(), timing.events);
  }
  if (bench.simgrid)
    out += fmt::format(
        "\n{} unicast deliveries: ours {:.4g} s ({:.4g} s with all else that a simulation does), SimGrid "
        "{:.4g} s\n",
        bench.simgrid->deliveries, bench.simgrid->ours.in_seconds(), bench.simgrid->simulation.in_seconds(),
        bench.simgrid->theirs.in_seconds());
  out += '\n';
  for (const Verdict& verdict : judge(bench))
    out += fmt::format("{:<7} {}: {}\n", verdict.met ? "met" : "MISSED", verdict.target, verdict.measured);
  return out;
}

std::string as_json(const SimBench& bench) {
  ordered_json json{{"schema", "selmcast.bench_sim/1"},
                    {"timings", ordered_json::array()},
                    {"simgrid", nullptr},
                    {"memory", ordered_json::array()},
                    {"verdicts", ordered_json::array()}};
  for (const auto* timings : {&bench.sweeps, &bench.many}) {
    for (const bench::SimTiming& timing : *timings)
      json["timings"].push_back({{"case", timing.name},
                                 {"planner", timing.planner},
                                 {"cpu_seconds", timing.cpu.in_seconds()},
                                 {"events", timing.events}});
  }
  if (bench.simgrid)
    json["simgrid"] = {{"deliveries", bench.simgrid->deliveries},
                       {"ours_cpu_seconds", bench.simgrid->ours.in_seconds()},
                       {"simgrid_cpu_seconds", bench.simgrid->theirs.in_seconds()},
                       {"times_faster", bench.simgrid->theirs / bench.simgrid->ours},
                       {"largest_difference", bench.simgrid->largest_difference}};
  for (const bench::FlowMemory& memory : bench.memory)
    json["memory"].push_back({{"flows", memory.flows}, {"bytes_a_flow", memory.bytes_a_flow}});
  for (const Verdict& verdict : judge(bench))
    json["verdicts"].push_back(
        {{"target", verdict.target}, {"measured", verdict.measured}, {"met", verdict.met}});
  return json.dump(2) + "\n";
}

}  // namespace

void add_sim_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command =
      bench.add_subcommand("sim", "How fast the simulator is, beside SimGrid on the same deliveries");
  command->footer(
      "Fixed settings and seeds, CPU time of one thread, medians. A minute. A target missed is no "
      "error.\n"
      "SimGrid runs as selmcast-simgrid-rival, which is built with the tests.\n"
      "Examples:\n"
      "  selmcast bench sim                   the table\n"
      "  selmcast bench sim --large           with 1000 workers for 60 s, too: many minutes\n"
      "  selmcast bench sim --format json     for another program");
  command->add_flag("--quick", flags->quick, "SimGrid for 5 s instead of 20");
  command->add_flag("--large", flags->large, "1000 workers for 60 s, too: many minutes");
  command->add_option("--format", flags->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([flags, &exit_status] {
    const SimBench result = measure(*flags);
    fmt::print("{}", flags->format == "json" ? as_json(result) : as_table(result));
    exit_status = kExitDone;
  });
}

}  // namespace selmcast::cli
