#include "selmcast/cli/reproduce/verdict.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace selmcast::reproduce {
namespace {

const Curve* partner(const Panel& panel, const Curve& ours) {
  const auto found = std::ranges::find_if(panel.curves, [&](const Curve& other) {
    return other.source == Source::paper && other.planner == ours.planner;
  });
  return found == panel.curves.end() ? nullptr : &*found;
}

double standard_error(const Panel& panel, const Point& ours) {
  if (ours.trials == 0) return 0;
  const double of_paper = panel.paper_trials > 0 ? 1 / panel.paper_trials : 0;
  return ours.deviation * std::sqrt(of_paper + 1 / static_cast<double>(ours.trials));
}

// Sums of equal numbers differ in their last digits: that is neither a difference nor scatter.
double in_errors(double difference, double error, double scale) {
  constexpr double kRounding = 1e-9;
  if (std::abs(difference) <= kRounding * std::abs(scale)) return 0;
  if (error <= kRounding * std::abs(scale)) return std::numeric_limits<double>::infinity();
  return std::abs(difference) / error;
}

void compare(const Panel& panel, const Point& ours, const Point& paper, Verdict& verdict) {
  const double difference = ours.y - paper.y;
  const double error = standard_error(panel, ours);
  const bool is_same = std::abs(difference) <= kErrorsAllowed * error ||
                       std::abs(difference) <= kReadingAccuracy * std::abs(paper.y);
  ++verdict.points;
  if (!is_same) {
    ++verdict.outside;
    verdict.is_same = false;
  }
  const double relative = paper.y != 0 ? difference / paper.y : 0;
  verdict.most_relative = std::max(verdict.most_relative, std::abs(relative));
  const bool is_further = std::abs(difference) > std::abs(verdict.ours - verdict.paper);
  if (verdict.points > 1 && !is_further) return;
  verdict.x = ours.x;
  verdict.ours = ours.y;
  verdict.paper = paper.y;
  verdict.relative = relative;
  verdict.errors = in_errors(difference, error, paper.y);
}

}  // namespace

std::vector<Verdict> judge(const Panel& panel) {
  std::vector<Verdict> verdicts;
  for (const Curve& ours : panel.curves) {
    if (ours.source != Source::ours) continue;
    const Curve* paper = partner(panel, ours);
    if (paper == nullptr) continue;
    Verdict verdict{.panel = panel.name, .curve = ours.name};
    for (const Point& point : ours.points) {
      const auto same_x = std::ranges::find(paper->points, point.x, &Point::x);
      if (same_x != paper->points.end()) compare(panel, point, *same_x, verdict);
    }
    if (verdict.points > 0) verdicts.push_back(verdict);
  }
  return verdicts;
}

}  // namespace selmcast::reproduce
