#include "selmcast/cli/doctor/doctor_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "selmcast/cli/doctor/findings.h"
#include "selmcast/cli/doctor/probe.h"
#include "selmcast/cli/doctor/serve.h"
#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/stop_flag.h"

namespace selmcast::doctor {
namespace {

struct Flags {
  std::string manager;
  std::vector<std::string> peers;
  double timeout = 3;
  std::string serve;
  double seconds = 0;
  std::string format = "table";
};

std::string as_table(const std::vector<Finding>& findings) {
  std::size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.what.size());
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{:<8} {:<{}}  {}\n", to_string(finding.verdict), finding.what, width, finding.found);
    if (!finding.remedy.empty()) text += fmt::format("{:<8} {:<{}}  -> {}\n", "", "", width, finding.remedy);
  }
  return text;
}

std::string as_json(const std::string& host, const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings)
    list.push_back({{"verdict", to_string(finding.verdict)},
                    {"what", finding.what},
                    {"found", finding.found},
                    {"remedy", finding.remedy}});
  const nlohmann::ordered_json all{{"format", "selmcast.doctor/1"},
                                   {"host", host},
                                   {"verdict", to_string(worst(findings))},
                                   {"findings", list}};
  return all.dump(2) + "\n";
}

int examine(const Flags& flags) {
  Questions questions{flags.manager, flags.peers, Duration::seconds(flags.timeout)};
  const Facts facts = look(questions);
  const auto findings = judge(facts);
  fmt::print("{}", flags.format == "json" ? as_json(facts.host, findings) : as_table(findings));
  return worst(findings) == Verdict::problem ? cli::kExitFailed : cli::kExitDone;
}

int serve_others(const Flags& flags) {
  cli::StopFlag::arm();
  Serving serving{.where = flags.serve,
                  .length = flags.seconds > 0 ? Duration::seconds(flags.seconds) : Duration::infinite(),
                  .stop = [] { return cli::StopFlag::is_set(); },
                  .listening =
                      [](const std::string& address) {
                        fmt::print("listening at {}; Ctrl-C ends it\n", address);
                        std::fflush(stdout);
                      },
                  .reached_by =
                      [](const std::string& address) {
                        fmt::print("reached by {}\n", address);
                        std::fflush(stdout);
                      }};
  const auto served = serve(serving);
  if (served) return cli::kExitDone;
  fmt::print(stderr, "selmcast doctor: {}\n", served.error().message);
  return served.error().code == ErrorCode::invalid_input ? cli::kExitUsage : cli::kExitFailed;
}

}  // namespace

void add_doctor_command(CLI::App& app, int& exit_status) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("doctor", "Is this machine fit for a training, and what to change");
  command->add_option("--manager", flags->manager,
                      "HOST:PORT of a manager that runs: is it reached, and through which interface");
  command->add_option("--peer", flags->peers,
                      "HOST:PORT of another worker, or of its `doctor --serve`; may be repeated");
  command->add_option("--timeout", flags->timeout, "Seconds to wait for each of them")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 60.0));
  CLI::Option* serve = command->add_option(
      "--serve", flags->serve, "PORT or HOST:PORT: take connections of other machines' doctors instead");
  command->add_option("--seconds", flags->seconds, "Of --serve: then it ends; 0: when it is interrupted")
      ->needs(serve)
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  command->add_option("--format", flags->format, "table or json")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json"}));
  command->footer(
      "Reads settings and opens connections; changes nothing. Exit status 1 if something would make a "
      "training fail.\n"
      "Examples:\n"
      "  selmcast doctor                                      this machine alone\n"
      "  selmcast doctor --manager 10.0.0.1:7070              and the way to the manager\n"
      "  selmcast doctor --serve 7071                         on each of the others (it answers IP "
      "multicast, too), then\n"
      "  selmcast doctor --manager 10.0.0.1:7070 --peer 10.0.0.2:7071 --peer 10.0.0.3:7071");
  command->callback(
      [flags, &exit_status] { exit_status = flags->serve.empty() ? examine(*flags) : serve_others(*flags); });
}

}  // namespace selmcast::doctor
