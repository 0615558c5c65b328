#include "selmcast/cli/report/report_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/report/report.h"
#include "selmcast/cli/report/summary_text.h"

namespace selmcast::report {
namespace {

struct Arguments {
  std::string folder;
  std::string format = "table";
};

int complain(const Error& error) {
  fmt::print(stderr, "selmcast report: {}\n", error.message);
  return error.code == ErrorCode::invalid_input ? cli::kExitUsage : cli::kExitFailed;
}

int run(const Arguments& arguments) {
  const std::filesystem::path path = arguments.folder;
  const auto folder = read_run_folder(path);
  if (!folder) return complain(folder.error());
  const Summary summary = summarise(*folder);
  const std::string result = arguments.format == "json" ? summary_json(summary) : table_text(summary);
  if (std::fwrite(result.data(), 1, result.size(), stdout) != result.size() || std::fflush(stdout) != 0) {
    fmt::print(stderr, "selmcast report: cannot write to standard output; is there space left?\n");
    return cli::kExitFailed;
  }
  if (auto written = write_report(path, *folder, summary); !written) return complain(written.error());
  fmt::print(stderr, "report: {}\n", (path / "report.html").string());
  return cli::kExitDone;
}

}  // namespace

void add_report_command(CLI::App& app, int& exit_status) {
  const auto arguments = std::make_shared<Arguments>();  // the callback outlives this call
  CLI::App* command =
      app.add_subcommand("report", "Turn a folder that `selmcast demo` wrote into tables and pictures");
  command->add_option("DIR", arguments->folder, "the run folder")->required();
  command->add_option("--format", arguments->format, "of the summary on standard output")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->footer(
      "Exit status: 0 done, 1 failed, 2 wrong usage or input.\n"
      "\nExamples:\n"
      "  selmcast report runs/first                   the table here, runs/first/report.html for the "
      "browser\n"
      "  selmcast report runs/first --format json     the summary for another program");
  command->callback([arguments, &exit_status] { exit_status = run(*arguments); });
}

}  // namespace selmcast::report
