// The numbers read off the paper's figures 3 to 13 (paper_figures.json, built into the program).
//
// S. Luo et al., "Efficient Parameter Synchronization for Peer-to-Peer Distributed Learning With Selective Multicast",
// IEEE Trans. Services Computing 18(1), 2025.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/cli/reproduce/figure.h"

namespace selmcast::reproduce {

// The whole file, parsed once.
const nlohmann::json& paper_figures();

// Whom the paper compares, as it calls them and as we do.
struct Contender {
  std::string_view key;      // in the file: "selmcast"
  std::string_view planner;  // "paper"
  std::string_view name;     // "SelMcast"
};
inline constexpr std::array<Contender, 3> kContenders{
    {{"selmcast", "paper", "SelMcast"}, {"orpheus", "random", "Orpheus"}, {"optimal", "exact", "Optimal"}}};

std::vector<double> paper_xs(const nlohmann::json& panel);
// The paper's curves of {"selmcast": [...], "orpheus": [...]}, those it has, over xs.
std::vector<Curve> paper_curves(const nlohmann::json& by_contender, const std::vector<double>& xs);

}  // namespace selmcast::reproduce
