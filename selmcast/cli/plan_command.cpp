#include "selmcast/cli/plan_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>

#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/plan_json.h"
#include "selmcast/cli/plan_run.h"
#include "selmcast/cli/plan_table.h"
#include "selmcast/cli/planner_names.h"
#include "selmcast/cli/problem_json.h"
#include "selmcast/cli/seed_text.h"
#include "selmcast/cli/ssp_plan_json.h"
#include "selmcast/cli/ssp_plan_run.h"
#include "selmcast/cli/ssp_plan_table.h"
#include "selmcast/cli/strict_json.h"

namespace selmcast::cli {
namespace {

struct Arguments {
  std::string file;
  std::string planner = "auto";
  std::string format = "table";
  PlanRequest request;
};

int complain(const Error& error) {
  fmt::print(stderr, "selmcast plan: {}\n", error.message);
  // A file that cannot be read is wrong input as well: the user named it.
  return error.code == ErrorCode::rejected ? kExitFailed : kExitUsage;
}

int print(const std::string& text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (written) return kExitDone;
  fmt::print(stderr, "selmcast plan: cannot write to standard output; is there space left?\n");
  return kExitFailed;
}

// Prints a report of either kind.
template <class Problem, class Report>
int print_report(const Arguments& arguments, const Problem& problem, const Result<Report>& report) {
  if (!report) return complain(report.error());
  const int printed =
      print(arguments.format == "json" ? plan_as_json(problem, *report) : plan_as_table(problem, *report));
  if (printed != kExitDone) return printed;
  const auto* infeasible = std::get_if<plan::Infeasible>(&report->outcome);
  if (infeasible == nullptr) return kExitDone;
  fmt::print(stderr, "selmcast plan: no plan exists: {}\n", infeasible->reason);
  return kExitInfeasible;
}

int run(const Arguments& arguments, const plan::Problem& problem) {
  const plan::Planner* planner = plan::find_planner(arguments.planner);
  return print_report(arguments, problem, run_planner(problem, *planner, arguments.request));
}

int run(const Arguments& arguments, const plan::SspProblem& problem) {
  const plan::SspPlanner* planner = plan::find_ssp_planner(arguments.planner);
  if (planner == nullptr) {
    return complain(
        failure(ErrorCode::invalid_input,
                fmt::format("the planner {} does not plan \"ssp\" problems; give one of auto, paper, "
                            "random, broadcast",
                            arguments.planner))
            .error());
  }
  return print_report(arguments, problem, run_ssp_planner(problem, *planner, arguments.request));
}

int run(const Arguments& arguments) {
  const auto text = read_text_file(arguments.file);
  if (!text) return complain(text.error());
  const auto problem = read_any_problem(*text, display_name(arguments.file));
  if (!problem) return complain(problem.error());
  return std::visit([&](const auto& read) { return run(arguments, read); }, *problem);
}

// CLI::Range lets NaN pass.
std::string not_a_time_limit(const std::string& text) {
  constexpr double kDay = 86'400;
  double seconds = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool whole = fault == std::errc() && end == text.data() + text.size();
  if (whole && seconds >= 0 && seconds <= kDay) return "";
  return fmt::format("{} is not a time limit; give seconds from 0 to {}", text, kDay);
}

std::string footer() {
  std::string text = "Planners:\n";
  for (const plan::Planner& planner : plan::planners())
    text += fmt::format("  {:<10} {}\n", planner.name, planner.summary);
  return text +
         "\nExit status: 0 done, 1 failed, 2 wrong usage or input, 3 no plan exists.\n"
         "\nExamples:\n"
         "  selmcast plan problem.json                            a table of the plan\n"
         "  selmcast plan problem.json --explain                  and why each pair is in or not\n"
         "  selmcast plan problem.json --planner random --seed 7  what a choice blind to bandwidth costs\n"
         "  selmcast plan - --format json < problem.json          for another program";
}

}  // namespace

void add_plan_command(CLI::App& app, int& exit_status) {
  const auto arguments = std::make_shared<Arguments>();  // the callback outlives this call
  CLI::App* command =
      app.add_subcommand("plan", "Plan one synchronisation: who sends to whom, and how long it takes");
  command
      ->add_option("PROBLEM.json", arguments->file, "the problem (selmcast.problem/1); - for standard input")
      ->required();
  command->add_option("--planner", arguments->planner, "see below")
      ->check(CLI::Validator(unknown_planner, "NAME"))
      ->capture_default_str();
  command->add_option("--seed", arguments->request.seed, "of the planners that draw")
      ->check(CLI::Validator(not_a_seed, "COUNT"))
      ->capture_default_str();
  command
      ->add_option_function<double>(
          "--time-limit",
          [arguments](double seconds) { arguments->request.time_limit = Duration::seconds(seconds); },
          "seconds, of exact when volumes differ (default 10)")
      ->check(CLI::Validator(not_a_time_limit, "SECONDS"));
  command->add_flag("--explain", arguments->request.explain, "say why each pair is selected or not");
  command->add_option("--format", arguments->format, "of the answer")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->footer(footer());
  command->callback([arguments, &exit_status] { exit_status = run(*arguments); });
}

}  // namespace selmcast::cli
