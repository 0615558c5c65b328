#include "selmcast/cli/reproduce/paper_figures.h"

#include <nlohmann/json.hpp>

#include "selmcast/base/check.h"

namespace selmcast::reproduce {

// Made from paper_figures.json by CMakeLists.txt.
extern const char kPaperFiguresJson[];

const nlohmann::json& paper_figures() {
  static const nlohmann::json figures = nlohmann::json::parse(kPaperFiguresJson);
  return figures;
}

std::vector<double> paper_xs(const nlohmann::json& panel) { return panel["xs"].get<std::vector<double>>(); }

std::vector<Curve> paper_curves(const nlohmann::json& by_contender, const std::vector<double>& xs) {
  std::vector<Curve> curves;
  for (const Contender& contender : kContenders) {
    const auto found = by_contender.find(contender.key);
    if (found == by_contender.end()) continue;
    SELMCAST_CHECK(found->size() == xs.size(), "the paper's curves have a value for every x");
    Curve curve{std::string(contender.planner), Source::paper, std::string(contender.name) + " (paper)", {}};
    for (std::size_t k = 0; k < xs.size(); ++k) {
      Point point;
      point.x = xs[k];
      point.y = (*found)[k].get<double>();
      curve.points.push_back(point);
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

}  // namespace selmcast::reproduce
