#include "selmcast/cli/reproduce/figures.h"

#include <array>

namespace selmcast::reproduce {
namespace {

constexpr std::array<FigureMaker, 13> kMakers{{
    {"fig1", "how many senders pick one receiver at random", make_fig1},
    {"fig3", "computation times", make_fig3},
    {"fig4", "BSP over n: planning time, completion, scale", make_fig4},
    {"fig5", "BSP over p/n: completion", make_fig5},
    {"fig6", "BSP with fast uplinks: scale", make_fig6},
    {"fig7", "SSP: NPU utilisation and scale", make_fig7},
    {"fig8", "SSP over p/n", make_fig8},
    {"fig9", "SSP over k", make_fig9},
    {"fig10", "SSP over the staleness", make_fig10},
    {"fig11", "SSP over eta", make_fig11},
    {"fig12", "SSP over the size of the model", make_fig12},
    {"fig13", "SSP with bandwidth that varies", make_fig13},
    {"frontier", "beyond the paper: NPU utilisation against scale, with bounds", make_frontier},
}};

}  // namespace

std::span<const FigureMaker> figure_makers() { return kMakers; }

}  // namespace selmcast::reproduce
