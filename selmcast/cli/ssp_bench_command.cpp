#include "selmcast/cli/ssp_bench_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/ssp_bench.h"
#include "selmcast/cli/exit_status.h"

namespace selmcast::cli {
namespace {

using nlohmann::ordered_json;
using rivals::SspBenchCase;
using rivals::SspBenchResult;

constexpr double kTimesFaster = 3;
constexpr double kNanosecondsAPair = 15;
constexpr std::size_t kTargetWorkers = 1000;  // the targets are for this size
constexpr int kRepeats = 31;

struct SspBenchFlags {
  bool quick = false;
  std::string format = "table";
};

double times_faster(const SspBenchResult& result) { return result.literal / result.fast; }
double nanoseconds_a_pair(const SspBenchResult& result) {
  return result.fast.in_seconds() * 1e9 / static_cast<double>(result.candidates);
}
bool has_target(const SspBenchResult& result) { return result.bench_case.workers == kTargetWorkers; }
bool is_met(const SspBenchResult& result) {
  return result.plans_agree && times_faster(result) >= kTimesFaster &&
         nanoseconds_a_pair(result) <= kNanosecondsAPair;
}

std::string as_table(const std::vector<SspBenchResult>& results) {
  std::string out = fmt::format("{:<30} {:>7} {:>8} {:>12} {:>12} {:>8} {:>10} {:>10}\n", "case", "workers",
                                "pairs", "paper us", "literal us", "ratio", "ns a pair", "same plan");
  for (const SspBenchResult& result : results) {
    out += fmt::format("{:<30} {:>7} {:>8} {:>12.4g} {:>12.4g} {:>8.3g} {:>10.3g} {:>10}\n",
                       result.bench_case.name, result.bench_case.workers, result.candidates,
                       result.fast.in_seconds() * 1e6, result.literal.in_seconds() * 1e6,
                       times_faster(result), nanoseconds_a_pair(result), result.plans_agree ? "yes" : "NO");
  }
  out += '\n';
  for (const SspBenchResult& result : results) {
    if (!has_target(result)) continue;
    out += fmt::format("{:<7} {}: same plan, at least {:g}x faster and at most {:g} ns a candidate pair\n",
                       is_met(result) ? "met" : "MISSED", result.bench_case.name, kTimesFaster,
                       kNanosecondsAPair);
  }
  return out;
}

std::string as_json(const std::vector<SspBenchResult>& results) {
  ordered_json json{{"schema", "selmcast.bench_ssp/1"}, {"cases", ordered_json::array()}};
  for (const SspBenchResult& result : results) {
    ordered_json row{{"case", result.bench_case.name},
                     {"workers", result.bench_case.workers},
                     {"candidate_pairs", result.candidates},
                     {"paper_seconds", result.fast.in_seconds()},
                     {"literal_seconds", result.literal.in_seconds()},
                     {"times_faster", times_faster(result)},
                     {"nanoseconds_a_pair", nanoseconds_a_pair(result)},
                     {"same_plan", result.plans_agree}};
    if (has_target(result)) row["met"] = is_met(result);
    json["cases"].push_back(std::move(row));
  }
  return json.dump(2) + "\n";
}

int run(const SspBenchFlags& flags) {
  std::vector<SspBenchResult> results;
  for (const SspBenchCase& bench_case : rivals::ssp_bench_cases(flags.quick)) {
    fmt::print(stderr, "selmcast bench: {}\n", bench_case.name);
    results.push_back(rivals::run_ssp_bench(bench_case, kRepeats));
  }
  fmt::print("{}", flags.format == "json" ? as_json(results) : as_table(results));
  return kExitDone;
}

}  // namespace

void add_ssp_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<SspBenchFlags>();
  CLI::App* command = bench.add_subcommand("ssp", "How long Algorithm 2 takes, beside the literal one");
  command->footer(
      "Fixed instances and seeds, planning time only, one thread, medians. Some seconds. A target missed is "
      "no\n"
      "error.\n"
      "Examples:\n"
      "  selmcast bench ssp                   the table\n"
      "  selmcast bench ssp --quick           the simulator's size only\n"
      "  selmcast bench ssp --format json     for another program");
  command->add_flag("--quick", flags->quick, "Small sizes only");
  command->add_option("--format", flags->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([flags, &exit_status] { exit_status = run(*flags); });
}

}  // namespace selmcast::cli
