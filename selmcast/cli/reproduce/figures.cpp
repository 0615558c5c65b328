#include "selmcast/cli/reproduce/figures.h"

#include <array>

namespace selmcast::reproduce {
namespace {

constexpr std::array<FigureMaker, 5> kMakers{{
    {"fig1", "how many senders pick one receiver at random", make_fig1},
    {"fig3", "computation times", make_fig3},
    {"fig4", "BSP over n: planning time, completion, scale", make_fig4},
    {"fig5", "BSP over p/n: completion", make_fig5},
    {"fig6", "BSP with fast uplinks: scale", make_fig6},
}};

}  // namespace

std::span<const FigureMaker> figure_makers() { return kMakers; }

}  // namespace selmcast::reproduce
