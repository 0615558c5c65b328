#include "selmcast/cli/reproduce/reproduce_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/plots.h"
#include "selmcast/cli/reproduce/drawing.h"
#include "selmcast/cli/reproduce/figures.h"
#include "selmcast/cli/reproduce/page.h"
#include "selmcast/cli/reproduce/ssp_study.h"

namespace selmcast::reproduce {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::vector<std::string> figures{"all"};
  std::string out;
  std::size_t bsp_trials = 100;
  std::size_t ssp_trials = 10;
  std::uint64_t seed = 1;
  double cbc_seconds = 10;
};

int complain(const Error& error) {
  fmt::print(stderr, "selmcast reproduce: {}\n", error.message);
  return error.code == ErrorCode::invalid_input ? cli::kExitUsage : cli::kExitFailed;
}

// On a terminal one line that changes, elsewhere a line each.
void show_progress(const std::string& what) {
  const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
  fmt::print(stderr, "{}{}{}", is_terminal ? "\r\033[K" : "", what, is_terminal ? "" : "\n");
  std::fflush(stderr);
}

Result<void> write_file(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) return failure(ErrorCode::io, path.string() + ": cannot be written; is there space left?");
  return {};
}

Result<void> write_figure(const fs::path& folder, const Figure& figure) {
  std::vector<report::Plot> plots;
  for (const Panel& panel : figure.panels) {
    if (auto written = write_file(folder / (panel.name + ".csv"), to_csv(panel)); !written) return written;
    plots.push_back(draw(panel));
  }
  if (auto drawn = report::run_gnuplot({}, report::whole_script(plots), folder); !drawn) return drawn;
  std::error_code ignored;  // they only matter where gnuplot failed
  fs::remove(folder / "script.gp", ignored);
  fs::remove(folder / "gnuplot.log", ignored);
  return {};
}

// After each figure all that is there is complete: a run that is broken off leaves what it has done.
Result<std::vector<Figure>> make_figures(const Arguments& arguments, const StudyOptions& options) {
  const auto is_wanted = [&](std::string_view name) {
    return std::ranges::any_of(arguments.figures,
                               [&](const std::string& wanted) { return wanted == "all" || wanted == name; });
  };
  std::vector<Figure> figures;
  for (const FigureMaker& maker : figure_makers()) {
    if (!is_wanted(maker.name)) continue;
    figures.push_back(maker.make(options));
    const fs::path folder = arguments.out;
    auto written = write_figure(folder, figures.back());
    if (written) written = write_file(folder / "index.html", make_page(figures, options));
    if (!written) return std::unexpected(written.error());
  }
  return figures;
}

int run(const Arguments& arguments) {
  const fs::path folder = arguments.out;
  std::error_code fault;
  fs::create_directories(folder, fault);
  if (fault)
    return complain({ErrorCode::invalid_input, fmt::format("{}: cannot be made: {}; name another folder",
                                                           folder.string(), fault.message())});
  StudyOptions options;
  options.bsp = {arguments.bsp_trials, arguments.seed};
  options.ssp = {arguments.ssp_trials, arguments.seed};
  options.cbc_limit = Duration::seconds(arguments.cbc_seconds);
  options.progress = show_progress;
  options.ssp_runs = std::make_shared<SspRuns>();
  const auto figures = make_figures(arguments, options);
  show_progress("");
  if (!figures) return complain(figures.error());
  const std::string table = verdict_table(*figures);
  if (std::fwrite(table.data(), 1, table.size(), stdout) != table.size() || std::fflush(stdout) != 0) {
    fmt::print(stderr, "selmcast reproduce: cannot write to standard output; is there space left?\n");
    return cli::kExitFailed;
  }
  fmt::print(stderr, "page: {}\n", (folder / "index.html").string());
  return cli::kExitDone;
}

std::string footer() {
  std::string text = "Figures:\n";
  for (const FigureMaker& maker : figure_makers())
    text += fmt::format("  {:<9} {}\n", maker.name, maker.summary);
  return text +
         "\nExit status: 0 done, 1 failed, 2 wrong usage or input. Same seed, same files, measured times "
         "excepted.\n"
         "\nExamples:\n"
         "  selmcast reproduce --out figures                   all figures; open figures/index.html\n"
         "  selmcast reproduce fig4 fig5 --out bsp             some of them\n"
         "  selmcast reproduce fig4 --cbc-limit 0 --out bsp    without the solver of the paper's own model";
}

}  // namespace

void add_reproduce_command(CLI::App& app, int& exit_status) {
  const auto arguments = std::make_shared<Arguments>();  // the callback outlives this call
  CLI::App* command =
      app.add_subcommand("reproduce", "Make the figures of the paper again, ours beside the paper's");
  std::vector<std::string> names{"all"};
  for (const FigureMaker& maker : figure_makers()) names.emplace_back(maker.name);
  command->add_option("FIGURE", arguments->figures, "which ones; see below")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  command->add_option("--out", arguments->out, "the folder for pictures, CSV and index.html")->required();
  command->add_option("--trials", arguments->bsp_trials, "of each BSP setting")
      ->check(CLI::Range(std::size_t{2}, std::size_t{100'000}))
      ->capture_default_str();
  command->add_option("--ssp-trials", arguments->ssp_trials, "of each simulated SSP setting")
      ->check(CLI::Range(std::size_t{2}, std::size_t{10'000}))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "of all random numbers")->capture_default_str();
  command
      ->add_option("--cbc-limit", arguments->cbc_seconds,
                   "seconds a stage for CBC on the paper's model (fig4); 0: leave out")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  command->footer(footer());
  command->callback([arguments, &exit_status] { exit_status = run(*arguments); });
}

}  // namespace selmcast::reproduce
