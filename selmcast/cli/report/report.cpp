#include "selmcast/cli/report/report.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/cli/report/plan_picture.h"
#include "selmcast/cli/report/plots.h"
#include "selmcast/cli/report/report_page.h"
#include "selmcast/cli/report/summary_text.h"

namespace selmcast::report {
namespace {

namespace fs = std::filesystem;

// A folder for half-made files inside the run folder, so that finished ones can be renamed out of it; gone at
// the end.
class Scratch {
 public:
  static Result<Scratch> inside(const fs::path& folder) {
    std::string path = (folder / ".report-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr)
      return failure(ErrorCode::io,
                     fmt::format("{}: cannot be written to: {}", folder.string(), std::strerror(errno)));
    return Scratch(path);
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, fs::path())) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit Scratch(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

Result<void> publish(const fs::path& from, const fs::path& to) {
  std::error_code problem;
  fs::rename(from, to, problem);
  if (problem)
    return failure(ErrorCode::io, fmt::format("{}: cannot be written: {}", to.string(), problem.message()));
  return {};
}

Result<void> write_file(const Scratch& scratch, const fs::path& file, const std::string& content) {
  const fs::path half = scratch.path() / file.filename();
  std::ofstream out(half, std::ios::binary);
  out << content;
  out.close();
  if (!out)
    return failure(ErrorCode::io, fmt::format("{}: cannot be written; is the disk full?", half.string()));
  return publish(half, file);
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Draws, publishes, and returns what the page shows.
Result<std::vector<PagePicture>> draw_plots(const Scratch& scratch, const fs::path& run_folder,
                                            const std::vector<Plot>& plots, const Gnuplot& gnuplot) {
  if (plots.empty()) return std::vector<PagePicture>();
  if (auto drawn = run_gnuplot(gnuplot, whole_script(plots), scratch.path()); !drawn)
    return std::unexpected(drawn.error());
  std::vector<PagePicture> pictures;
  for (const Plot& plot : plots) {
    pictures.push_back({read_file(scratch.path() / (plot.name + ".svg")), plot.caption});
    std::vector<std::string> files = {plot.name + ".svg"};
    if (plot.as_png) files.push_back(plot.name + ".png");
    for (const std::string& file : files)
      if (auto moved = publish(scratch.path() / file, run_folder / file); !moved)
        return std::unexpected(moved.error());
  }
  return pictures;
}

// A planner's name comes from outside and becomes part of a file name: what is not plain becomes '-'.
std::string plan_file(const std::string& planner, std::size_t number) {
  std::string name;
  for (const char c : planner.substr(0, 40)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    name += plain ? c : '-';
  }
  // Two names may become one this way; the number keeps their files apart.
  return name == planner ? fmt::format("plan-{}.svg", name) : fmt::format("plan-{}-{}.svg", name, number);
}

Result<std::vector<std::string>> draw_plans(const Scratch& scratch, const fs::path& run_folder,
                                            const RunFolder& folder) {
  const std::vector<PlanView> views = typical_plans(folder);
  std::vector<std::string> pictures;
  if (views.empty()) return pictures;
  const RibbonScale scale = common_scale(views);
  for (std::size_t i = 0; i < views.size(); ++i) {
    pictures.push_back(draw_plan(views[i], scale));
    const fs::path file = run_folder / plan_file(views[i].planner, i);
    if (auto written = write_file(scratch, file, pictures.back()); !written)
      return std::unexpected(written.error());
  }
  if (auto written = write_file(scratch, run_folder / "plans.svg", draw_side_by_side(views)); !written)
    return std::unexpected(written.error());
  return pictures;
}

}  // namespace

Result<void> write_report(const fs::path& run_folder, const RunFolder& folder, const Summary& summary,
                          const ReportOptions& options) {
  const auto scratch = Scratch::inside(run_folder);
  if (!scratch) return std::unexpected(scratch.error());
  if (auto written = write_file(*scratch, run_folder / "summary.json", summary_json(summary)); !written)
    return written;
  auto plans = draw_plans(*scratch, run_folder, folder);
  if (!plans) return std::unexpected(plans.error());

  PageContent content{folder, summary, {}, std::move(*plans), {}};
  auto plots = draw_plots(*scratch, run_folder, make_plots(folder, summary), options.gnuplot);
  if (plots) {
    content.plots = std::move(*plots);
  } else {
    content.notes.push_back("The plots are missing. " + plots.error().message);
  }
  if (auto written = write_file(*scratch, run_folder / "report.html", report_page(content)); !written)
    return written;
  if (!plots) return std::unexpected(with_context("the report was written without its plots", plots.error()));
  return {};
}

Result<void> write_report(const fs::path& run_folder, const ReportOptions& options) {
  const auto folder = read_run_folder(run_folder);
  if (!folder) return std::unexpected(folder.error());
  return write_report(run_folder, *folder, summarise(*folder), options);
}

}  // namespace selmcast::report
