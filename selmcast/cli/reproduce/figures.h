// The figures of the paper, each built from the paper's numbers and a study of our own.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/cli/reproduce/bsp_study.h"
#include "selmcast/cli/reproduce/figure.h"

namespace selmcast::reproduce {

class SspRuns;  // ssp_study.h

struct StudyOptions {
  Trials bsp{100, 1};
  Trials ssp{10, 1};
  Duration ssp_horizon = Duration::seconds(600);
  std::vector<int> frontier_receivers{2, 5, 10, 15, 20, 25, 30};
  Duration cbc_limit =
      Duration::seconds(20);  // of one stage of the paper's model in CBC; zero: leave CBC out
  // Called between settings: what is being done.
  std::function<void(const std::string& what)> progress = [](const std::string&) {};
  std::shared_ptr<SspRuns> ssp_runs{};  // shared by copies; none: each figure makes its own
};

// Figure 1: how many senders pick one receiver, when each picks p at random.
Figure make_fig1(const StudyOptions& options);
// Figure 3: the computation times.
Figure make_fig3(const StudyOptions& options);
// Figures 4 to 6: bulk-synchronous, by the planners alone.
Figure make_fig4(const StudyOptions& options);
Figure make_fig5(const StudyOptions& options);
Figure make_fig6(const StudyOptions& options);

// Figures 7 to 13: with bounded staleness, simulated.
Figure make_fig7(const StudyOptions& options);
Figure make_fig8(const StudyOptions& options);
Figure make_fig9(const StudyOptions& options);
Figure make_fig10(const StudyOptions& options);
Figure make_fig11(const StudyOptions& options);
Figure make_fig12(const StudyOptions& options);
Figure make_fig13(const StudyOptions& options);

// What the paper lacks: NPU utilisation against multicast scale, with the limits of both drawn in.
Figure make_frontier(const StudyOptions& options);

struct FigureMaker {
  std::string_view name;
  std::string_view summary;  // for --help
  Figure (*make)(const StudyOptions& options);
};
// In the order of the paper.
std::span<const FigureMaker> figure_makers();

}  // namespace selmcast::reproduce
