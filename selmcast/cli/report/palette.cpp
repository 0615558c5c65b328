#include "selmcast/cli/report/palette.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace selmcast::report {
namespace {

enum Entry : std::size_t {
  kInk,
  kMuted,
  kGrid,
  kPaper,
  kAlarm,
  kBlue,
  kVermilion,
  kGreen,
  kSky,
  kPurple,
  kOrange,
  kOther
};

constexpr std::array<Colour, 12> kPalette = {{
    {"ink", "#1f2933", "#e6e9ed"},
    {"muted", "#66717d", "#98a3ae"},
    {"grid", "#dde2e8", "#343b44"},
    {"paper", "#ffffff", "#1b2027"},
    {"alarm", "#b3261e", "#ff8a80"},
    {"blue", "#0072b2", "#4da6dd"},
    {"vermilion", "#d55e00", "#f28a3c"},
    {"green", "#009e73", "#2fc79b"},
    {"sky", "#56b4e9", "#9bd4f5"},
    {"purple", "#a6478a", "#d98cc2"},
    {"orange", "#e69f00", "#f5c04d"},
    {"other", "#7a7f85", "#a9afb6"},
}};

}  // namespace

const Colour& ink() { return kPalette[kInk]; }
const Colour& muted() { return kPalette[kMuted]; }
const Colour& grid() { return kPalette[kGrid]; }
const Colour& paper() { return kPalette[kPaper]; }
const Colour& alarm() { return kPalette[kAlarm]; }

const Colour& planner_colour(std::string_view planner) {
  if (planner == "slack") return kPalette[kInk];
  if (planner == "paper") return kPalette[kBlue];
  if (planner == "random") return kPalette[kVermilion];
  if (planner == "broadcast") return kPalette[kGreen];
  if (planner == "exact" || planner == "slack") return kPalette[kPurple];
  if (planner == "auto") return kPalette[kOrange];
  return kPalette[kOther];
}

const Colour& reason_colour(plan::Reason reason) {
  switch (reason) {
    case plan::Reason::required: return kPalette[kPurple];
    case plan::Reason::basic: return kPalette[kBlue];
    case plan::Reason::spare: return kPalette[kSky];
    case plan::Reason::random: return kPalette[kVermilion];
    case plan::Reason::broadcast: return kPalette[kGreen];
    case plan::Reason::kept: return kPalette[kOrange];
  }
  return kPalette[kOther];
}

std::string_view reason_word(plan::Reason reason) {
  switch (reason) {
    case plan::Reason::required: return "required";
    case plan::Reason::basic: return "basic";
    case plan::Reason::spare: return "spare";
    case plan::Reason::random: return "random";
    case plan::Reason::broadcast: return "broadcast";
    case plan::Reason::kept: return "kept";
  }
  return "unknown";
}

std::span<const Colour> palette() { return kPalette; }

}  // namespace selmcast::report
