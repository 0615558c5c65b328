#include "selmcast/cli/bench_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/gap_bench.h"
#include "bench/plan_targets.h"
#include "selmcast/cli/accuracy_bench_command.h"
#include "selmcast/cli/bandwidth_bench_command.h"
#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/multicast_bench_command.h"
#include "selmcast/cli/net_bench_command.h"
#include "selmcast/cli/policy_bench_command.h"
#include "selmcast/cli/sim_bench_command.h"
#include "selmcast/cli/ssp_bench_command.h"
#include "selmcast/cli/torch_bench_command.h"

namespace selmcast::cli {
namespace {

using bench::PlanBench;
using bench::PlanInstance;
using bench::PlanTiming;
using bench::Verdict;
using nlohmann::ordered_json;

// Of every measurement.
struct BenchFlags {
  bool quick = false;
  std::string format = "table";
};

std::optional<double> times_exact(const PlanBench& bench, const PlanTiming& timing) {
  const PlanTiming* exact = find_timing(bench, "exact", timing.instance);
  return exact == nullptr ? std::nullopt : std::optional(timing.median / exact->median);
}

ordered_json json_of(const std::string& planner, const PlanInstance& instance) {
  return {{"planner", planner},
          {"workers", instance.workers},
          {"multicast", to_string(instance.multicast)},
          {"variant", to_string(instance.variant)}};
}

std::string bench_as_json(const PlanBench& bench) {
  ordered_json json{{"schema", "selmcast.bench_plan/1"}, {"timings", ordered_json::array()}};
  for (const PlanTiming& timing : bench.timings) {
    ordered_json row = json_of(timing.planner, timing.instance);
    row["median_seconds"] = timing.median.in_seconds();
    row["repetitions"] = timing.repetitions;
    row["finished"] = timing.finished;
    row["completion_seconds"] = timing.completion.in_seconds();
    row["receiver_count"] = timing.receiver_count;
    const auto factor = times_exact(bench, timing);
    row["times_exact"] = factor ? ordered_json(*factor) : ordered_json(nullptr);
    json["timings"].push_back(std::move(row));
  }
  json["memory"] = ordered_json::array();
  for (const bench::PeakMemory& peak : bench.memory) {
    ordered_json row = json_of(peak.planner, peak.instance);
    row["peak_bytes"] = peak.bytes;
    json["memory"].push_back(std::move(row));
  }
  json["missing"] = bench.missing;
  json["verdicts"] = ordered_json::array();
  for (const Verdict& verdict : judge(bench)) {
    json["verdicts"].push_back({{"target", verdict.target},
                                {"measured", verdict.measured},
                                {"met", verdict.met ? ordered_json(*verdict.met) : ordered_json(nullptr)}});
  }
  return json.dump(2) + "\n";
}

std::string verdict_line(const Verdict& verdict) {
  const char* mark = !verdict.met ? "-" : *verdict.met ? "met" : "MISSED";
  return fmt::format("{:<7} {}: {}\n", mark, verdict.target, verdict.measured);
}

std::string bench_as_table(const PlanBench& bench) {
  std::string out =
      fmt::format("{:<8} {:>7}  {:<9} {:<6} {:>12} {:>12} {:>12} {:>12} {:>10}\n", "planner", "workers",
                  "multicast", "pairs", "median ms", "repetitions", "x exact", "completes s", "receivers");
  for (const PlanTiming& timing : bench.timings) {
    const auto factor = times_exact(bench, timing);
    out +=
        fmt::format("{:<8} {:>7}  {:<9} {:<6} {:>12.4g} {:>12} {:>12} {:>12.6g} {:>10}{}\n", timing.planner,
                    timing.instance.workers, to_string(timing.instance.multicast),
                    to_string(timing.instance.variant), timing.median.in_milliseconds(), timing.repetitions,
                    factor ? fmt::format("{:.3g}", *factor) : "-", timing.completion.in_seconds(),
                    timing.receiver_count, timing.finished ? "" : "  cut off by its time limit");
  }
  for (const bench::PeakMemory& peak : bench.memory) {
    out += fmt::format("peak memory of {}, {}: {:.3g} MiB\n", peak.planner, describe(peak.instance),
                       static_cast<double>(peak.bytes) / (1024 * 1024));
  }
  for (const std::string& name : bench.missing)
    out += fmt::format("not measured: this build has no planner {}\n", name);
  out += "\n";
  for (const Verdict& verdict : judge(bench)) out += verdict_line(verdict);
  return out;
}

std::string gaps_as_json(const std::vector<bench::GapRow>& rows) {
  ordered_json json{{"schema", "selmcast.bench_gap/1"}, {"rows", ordered_json::array()}};
  for (const bench::GapRow& row : rows) {
    json["rows"].push_back({{"workers", row.workers},
                            {"multicast", to_string(row.multicast)},
                            {"volumes", to_string(row.spread)},
                            {"search_gap_mean", row.search_mean},
                            {"search_gap_max", row.search_most},
                            {"paper_gap_mean", row.paper_mean},
                            {"paper_gap_max", row.paper_most},
                            {"search_seconds", row.search_time.in_seconds()}});
    if (row.multicast != plan::MulticastKind::relay) continue;
    json["rows"].back()["one_tree_mean"] = row.one_tree_mean;
    json["rows"].back()["depth_mean"] = row.depth_mean;
  }
  return json.dump(2) + "\n";
}

std::string gaps_as_table(const std::vector<bench::GapRow>& rows) {
  std::string out = fmt::format("{:>7}  {:<9} {:<14} {:>14} {:>10} {:>13} {:>10} {:>10} {:>10} {:>6}\n",
                                "workers", "multicast", "volumes", "search: mean %", "most %",
                                "paper: mean %", "most %", "search ms", "one tree %", "depth");
  for (const bench::GapRow& row : rows) {
    out += fmt::format("{:>7}  {:<9} {:<14} {:>14.3f} {:>10.3f} {:>13.2f} {:>10.2f} {:>10.3g}", row.workers,
                       to_string(row.multicast), to_string(row.spread), 100 * row.search_mean,
                       100 * row.search_most, 100 * row.paper_mean, 100 * row.paper_most,
                       row.search_time.in_milliseconds());
    if (row.multicast == plan::MulticastKind::relay)
      out += fmt::format(" {:>10.2f} {:>6.1f}", 100 * row.one_tree_mean, row.depth_mean);
    out += '\n';
  }
  return out;
}

void print_progress(std::string_view line) { fmt::print(stderr, "selmcast bench: {}\n", line); }

int run_plan_bench_command(const BenchFlags& flags) {
  const PlanBench bench = bench::run_plan_bench({.quick = flags.quick, .progress = print_progress});
  fmt::print("{}", flags.format == "json" ? bench_as_json(bench) : bench_as_table(bench));
  return kExitDone;
}

int run_gap_bench_command(const BenchFlags& flags) {
  const auto rows = bench::run_gap_bench({.quick = flags.quick, .progress = print_progress});
  fmt::print("{}", flags.format == "json" ? gaps_as_json(rows) : gaps_as_table(rows));
  return kExitDone;
}

void add_bench_flags(CLI::App& command, BenchFlags& flags) {
  command.add_flag("--quick", flags.quick, "Small sizes only");
  command.add_option("--format", flags.format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

void add_plan_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = bench.add_subcommand("plan", "How long planning takes, for exact and for its rivals");
  command->footer(
      "Fixed instances and seeds, planning time only, one thread, medians; ratios and verdicts from one "
      "run.\n"
      "Takes some minutes: CBC gets up to two of them for an instance. A target missed is no error.\n"
      "Examples:\n"
      "  selmcast bench plan                   the table\n"
      "  selmcast bench plan --quick           small sizes only, some seconds\n"
      "  selmcast bench plan --format json     for another program");
  add_bench_flags(*command, *flags);
  command->callback([flags, &exit_status] { exit_status = run_plan_bench_command(*flags); });
}

void add_gap_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = bench.add_subcommand(
      "gap", "How far from the lower bound plans for unequal volumes and for relays end");
  command->footer(
      "Random problems from fixed seeds; 0 % is proven to be the least time.\n"
      "With relays, \"one tree\": the bound of a tree a multicast above that of any number of trees.\n"
      "Examples:\n"
      "  selmcast bench gap                    the table, a minute\n"
      "  selmcast bench gap --quick            small sizes only");
  add_bench_flags(*command, *flags);
  command->callback([flags, &exit_status] { exit_status = run_gap_bench_command(*flags); });
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_status) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this build on this machine, beside its rivals");
  bench->require_subcommand(1);
  bench->footer("Example:\n  selmcast bench plan --quick");
  add_plan_bench(*bench, exit_status);
  add_ssp_bench(*bench, exit_status);
  add_sim_bench(*bench, exit_status);
  add_policy_bench(*bench, exit_status);
  add_gap_bench(*bench, exit_status);
  add_net_bench(*bench, exit_status);
  add_multicast_bench(*bench, exit_status);
  add_torch_bench(*bench, exit_status);
  add_accuracy_bench(*bench, exit_status);
  add_bandwidth_bench(*bench, exit_status);
}

}  // namespace selmcast::cli
