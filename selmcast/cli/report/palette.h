// The colours of every picture, in one place: the same planner and the same reason look the same everywhere.
//
// After M. Okabe and K. Ito's palette for all kinds of colour vision. Files carry the light values; the page
// swaps each for a CSS variable, so that it can be dark (inline_svg in report_page.h). A reason that one
// planner alone gives wears that planner's colour. Pure.
#pragma once

#include <span>
#include <string_view>

#include "selmcast/plan/plan.h"

namespace selmcast::report {

struct Colour {
  std::string_view name;   // of the CSS variable
  std::string_view light;  // "#rrggbb", unique in the palette
  std::string_view dark;
};

const Colour& ink();    // text, axes
const Colour& muted();  // secondary text, links without load
const Colour& grid();
const Colour& paper();  // the background
const Colour& alarm();  // the link that binds

// The planners of this project have colours of their own; others share the last one.
const Colour& planner_colour(std::string_view planner);
const Colour& reason_colour(plan::Reason reason);
// As the journal spells it.
std::string_view reason_word(plan::Reason reason);

std::span<const Colour> palette();

}  // namespace selmcast::report
