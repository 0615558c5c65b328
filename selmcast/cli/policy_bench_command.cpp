#include "selmcast/cli/policy_bench_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/policy_bench.h"
#include "selmcast/cli/exit_status.h"

namespace selmcast::cli {
namespace {

using bench::Contender;
using bench::Interval;
using bench::PolicyCase;
using bench::PolicyScores;
using nlohmann::ordered_json;

struct Flags {
  bool grid = false;
  std::size_t workers = 0;  // of the grid; 0: all sizes
  bool quick = false;
  std::string format = "table";
  bool overlap = false;
};
struct Row {
  std::string setting;
  Contender contender;
  PolicyScores scores;
};
struct Verdict {
  std::string target;
  std::string measured;
  bool met = false;
};
struct PolicyBench {
  std::vector<Row> rows;
  std::vector<Verdict> verdicts;
};

std::string name_of(const Contender& contender) {
  if (contender.planner != "slack") return contender.planner;
  return fmt::format("slack, width {:g}", contender.width.value());
}

std::string text(const Interval& interval) {
  return fmt::format("{:.4f} ± {:.4f}", interval.mean, interval.half_width);
}

void run_case(const PolicyCase& policy_case, const std::vector<Contender>& contenders, PolicyBench& result) {
  for (const Contender& contender : contenders) {
    fmt::print(stderr, "selmcast bench: {}, {}\n", policy_case.name, name_of(contender));
    result.rows.push_back({policy_case.name, contender, bench::run_policy(policy_case, contender)});
  }
}

const PolicyScores& scores_of(const PolicyBench& bench, const std::string& setting, const std::string& name) {
  for (const Row& row : bench.rows) {
    if (row.setting == setting && name_of(row.contender) == name) return row.scores;
  }
  throw std::logic_error("no such row");
}

// The floor of each workload, and Algorithm 2 at no more scale.
void judge_floor(const PolicyCase& policy_case, PolicyBench& bench) {
  const std::string& name = policy_case.name;
  const bool blocking = !policy_case.settings.overlap;
  const double npu_floor = name == "lstm" ? 0.745 : 0.81;
  const PolicyScores& paper = scores_of(bench, name, "paper");
  std::optional<Verdict> floor, above;
  for (const Row& row : bench.rows) {
    if (row.setting != name || row.contender.planner != "slack") continue;
    const Interval npu = bench::interval_of(row.scores.npu), scale = bench::interval_of(row.scores.scale);
    const std::string measured =
        fmt::format("{}: NPU {}, scale {}", name_of(row.contender), text(npu), text(scale));
    if (npu.mean >= npu_floor && scale.mean >= 0.5) floor = {"", measured, true};
    const Interval more_npu = bench::difference(row.scores.npu, paper.npu);
    const Interval more_scale = bench::difference(row.scores.scale, paper.scale);
    if (more_npu.is_above(0) && more_scale.mean >= 0)
      above = {"",
               fmt::format("{}: NPU {} more, scale {} more", name_of(row.contender), text(more_npu),
                           text(more_scale)),
               true};
  }
  const Verdict none{"", "no width of those run", false};
  if (blocking) {
    bench.verdicts.push_back(floor.value_or(none));
    bench.verdicts.back().target =
        fmt::format("{}: NPU >= {} and scale >= 0.5 at one width", name, npu_floor);
  }
  bench.verdicts.push_back(above.value_or(none));
  bench.verdicts.back().target = fmt::format("{}: more NPU than Algorithm 2 at no less scale", name);
}

void judge_grid(const std::vector<PolicyCase>& cases, PolicyBench& bench) {
  for (const char* rival : bench::kPolicyRivals) {
    std::size_t dominated = 0, dominates = 0;
    std::string where;
    for (const PolicyCase& policy_case : cases) {
      const PolicyScores& theirs = scores_of(bench, policy_case.name, rival);
      const PolicyScores& ours = scores_of(bench, policy_case.name, name_of({"slack", {}}));
      dominates += bench::dominates(ours, theirs) ? 1 : 0;
      if (!bench::dominates(theirs, ours)) continue;
      ++dominated;
      where += "; " + policy_case.name;
    }
    bench.verdicts.push_back({fmt::format("{} dominates slack nowhere on the grid", rival),
                              fmt::format("dominates it in {} of {} settings, and is dominated in {}{}",
                                          dominated, cases.size(), dominates, where),
                              dominated == 0});
  }
}

PolicyBench measure(const Flags& flags) {
  PolicyBench result;
  std::vector<PolicyCase> cases = flags.grid ? bench::policy_grid() : bench::policy_floor();
  if (flags.quick) {
    for (PolicyCase& policy_case : cases) {
      policy_case.trials = 2;
      policy_case.settings.horizon = Duration::seconds(20);
    }
    if (flags.grid) cases.resize(15);
  }
  for (PolicyCase& policy_case : cases) policy_case.settings.overlap = flags.overlap;
  if (flags.workers > 0)
    std::erase_if(cases, [&](const PolicyCase& c) { return c.settings.workers != flags.workers; });
  std::vector<Contender> contenders{{"paper", {}}, {"random", {}}, {"slack", {}}};
  if (!flags.grid) {
    for (const double width : {0.0, 0.25, 0.4, 0.6, 0.75})
      contenders.push_back({"slack", *sync::Width::from(width)});
  }
  for (const PolicyCase& policy_case : cases) run_case(policy_case, contenders, result);
  if (flags.grid) {
    judge_grid(cases, result);
  } else {
    for (const PolicyCase& policy_case : cases) judge_floor(policy_case, result);
  }
  return result;
}

std::string as_table(const PolicyBench& bench) {
  std::string out =
      fmt::format("{:<34} {:<18} {:>18} {:>18}\n", "setting", "policy", "NPU utilization", "scale");
  for (const Row& row : bench.rows)
    out += fmt::format("{:<34} {:<18} {:>18} {:>18}\n", row.setting, name_of(row.contender),
                       text(bench::interval_of(row.scores.npu)), text(bench::interval_of(row.scores.scale)));
  out += "\nMean and 95 % interval over clusters; verdicts compare cluster by cluster.\n";
  for (const Verdict& verdict : bench.verdicts)
    out += fmt::format("{:<7} {}: {}\n", verdict.met ? "met" : "MISSED", verdict.target, verdict.measured);
  return out;
}

std::string as_json(const PolicyBench& bench) {
  ordered_json json{{"schema", "selmcast.bench_policies/1"},
                    {"rows", ordered_json::array()},
                    {"verdicts", ordered_json::array()}};
  for (const Row& row : bench.rows) {
    json["rows"].push_back({{"setting", row.setting}, {"planner", row.contender.planner}});
    if (row.contender.planner == "slack") json["rows"].back()["width"] = row.contender.width.value();
    json["rows"].back()["npu_utilization"] = row.scores.npu;
    json["rows"].back()["multicast_scale"] = row.scores.scale;
  }
  for (const Verdict& verdict : bench.verdicts)
    json["verdicts"].push_back(
        {{"target", verdict.target}, {"measured", verdict.measured}, {"met", verdict.met}});
  return json.dump(2) + "\n";
}

}  // namespace

void add_policy_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = bench.add_subcommand("policies", "What SSP policies reach, on the same clusters");
  command->footer(
      "Simulated, with fixed settings and seeds (bench/policy_bench.h): the same figures on every machine. A "
      "target\n"
      "missed is no error.\n"
      "Examples:\n"
      "  selmcast bench policies                  the paper's cluster, three workloads: two minutes\n"
      "  selmcast bench policies --grid           180 settings: an hour or two\n"
      "  selmcast bench policies --grid --workers 50      the 60 of them with 50 workers: some minutes\n"
      "  selmcast bench policies --format json    by trial, for another program");
  CLI::Option* grid = command->add_flag(
      "--grid", flags->grid, "Other sizes, spreads and fluctuations instead of the paper's cluster");
  command->add_option("--workers", flags->workers, "Of the grid only the settings of this size")
      ->check(CLI::IsMember({20, 50, 200}))
      ->needs(grid);
  command->add_flag(
      "--overlap", flags->overlap,
      "Workers compute while their multicast is delivered: another mode, its figures are no rivals");
  command->add_flag("--quick", flags->quick,
                    "Two short trials each, of the grid 15 settings: no verdict to go by");
  command->add_option("--format", flags->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([flags, &exit_status] {
    const PolicyBench result = measure(*flags);
    fmt::print("{}", flags->format == "json" ? as_json(result) : as_table(result));
    exit_status = kExitDone;
  });
}

}  // namespace selmcast::cli
