// Trials of one simulated setting with bounded staleness (paper section IV-B), and what is drawn of them.
//
// The setting that all of the paper's SSP figures vary: n = 50 workers, network multicast, b = 40 Gbit/s with lambda =
// 0.5 (Orpheus' curves fit it; the paper says it too), 200 MB a multicast, p = floor(0.3 n), eta = 0.75, ssp = k = 4,
// 600 s. What a simulation counts: sim/simulation.h.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "selmcast/cli/reproduce/figure.h"
#include "selmcast/cli/reproduce/figures.h"
#include "selmcast/sim/simulation.h"

namespace selmcast::reproduce {

struct Model {
  std::string_view key;   // in the paper's numbers: "ResNet-50"
  std::string_view name;  // of compute times and files: "resnet50"
};
inline constexpr std::array<Model, 3> kModels{
    {{"LSTM", "lstm"}, {"Transformer", "transformer"}, {"ResNet-50", "resnet50"}}};

sim::Settings ssp_setting(const Model& model, std::string_view planner, const StudyOptions& options);

// Runs already made: many figures contain the same setting. A trial's outcome depends on setting and seed alone, so
// more trials of a setting only add to it. Thread rule: one owner.
class SspRuns {
 public:
  // By trial.
  std::vector<sim::Outcome> simulate(const sim::Settings& settings, const Trials& trials);

 private:
  struct Known {
    sim::Settings settings;
    std::uint64_t seed = 0;
    std::vector<sim::Outcome> outcomes;
  };
  std::vector<Known> known_;
};

// Of all trials, with deviation and range; x is left to the caller.
struct SspScores {
  Point npu;
  Point scale;
};
SspScores run_ssp(const sim::Settings& settings, const StudyOptions& options);

}  // namespace selmcast::reproduce
