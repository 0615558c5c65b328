// Trials of one simulated setting with bounded staleness (paper section IV-B), and what is drawn of them.
//
// The setting that all of the paper's SSP figures vary: n = 50 workers, network multicast, b = 40 Gbit/s with lambda =
// 0.5 (Orpheus' curves fit it; the paper says it too), 200 MB a multicast, p = floor(0.3 n), eta = 0.75, ssp = k = 4,
// 600 s. What a simulation counts: sim/simulation.h.
#pragma once

#include <array>
#include <string_view>

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

// Of all trials, with deviation and range; x is left to the caller.
struct SspScores {
  Point npu;
  Point scale;
};
SspScores run_ssp(const sim::Settings& settings, const StudyOptions& options);

}  // namespace selmcast::reproduce
