// The plan of one round as a picture: senders left, receivers right, a ribbon a delivery.
//
// A ribbon is as wide as its allocated rate and coloured by the reason for it. Each worker's box says its
// bandwidth and fills by how long the plan keeps that link busy (load / estimated bandwidth); a full box is
// the link that binds, and its time is the plan's t. With `network` multicast a sender's ribbons start as one
// stream, as on its uplink. Boxes stay legible at 8 workers and readable at 32; width scales to any number.
// Pure: own SVG, no fonts or scripts from outside, colours of the palette only. O(workers + deliveries).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "selmcast/cli/report/run_record.h"

namespace selmcast::report {

struct PlanView {
  std::string planner;  // group name
  Round round;
  plan::MulticastKind multicast = plan::MulticastKind::unicast;
  std::vector<std::string> workers;  // names, by index
  std::vector<Estimate> links;       // that the plan was made with, by index
  std::vector<Delivery> deliveries;
  Duration measured;
};
// Requires at < run.rounds.size().
PlanView view_plan(const Scenario& scenario, const RunRecord& run, std::size_t at);

// How long the view's deliveries keep each link busy, by worker, and the longest of all: the plan's t.
struct BusyTimes {
  std::vector<Duration> uplink;
  std::vector<Duration> downlink;
  Duration longest;
};
BusyTimes busy_times(const PlanView& view);

// Pictures that stand beside each other share this, so that equal widths are equal rates.
struct RibbonScale {
  double pixels_per_mbps = 1;
};
RibbonScale common_scale(std::span<const PlanView> views);

std::string draw_plan(const PlanView& view, RibbonScale scale);
// One SVG with the pictures from left to right.
std::string draw_side_by_side(std::span<const PlanView> views);

// The pictures of a folder: for each planner its first run (a paced one if there is one), all in the same
// round: of the rounds that all of them have with deliveries, the one whose delivery time in the first run is
// the median. Without a common round, each planner's own median round. Empty if no run delivered anything.
std::vector<PlanView> typical_plans(const RunFolder& folder);

}  // namespace selmcast::report
