// The modes of synchronisation by which demo and report name runs: bsp, ssp, asp, ssp-overlap, asp-overlap. With
// overlap a worker computes while its multicast is delivered (sync/online_machine.h); a mode of its own, for its
// figures mean something else.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace selmcast::cli {

inline constexpr std::array<std::string_view, 5> kSyncModes{"bsp", "ssp", "asp", "ssp-overlap",
                                                            "asp-overlap"};

constexpr bool has_overlap(std::string_view mode) { return mode.ends_with("-overlap"); }
// "bsp", "ssp" or "asp".
constexpr std::string_view rule_of(std::string_view mode) { return mode.substr(0, 3); }

}  // namespace selmcast::cli
