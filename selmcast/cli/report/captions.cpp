#include "selmcast/cli/report/captions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "selmcast/base/check.h"
#include "selmcast/cli/report/link_use.h"
#include "selmcast/cli/report/plots.h"
#include "selmcast/cli/report/summary_text.h"

namespace selmcast::report {
namespace {

const std::optional<Spread>& value(const GroupSummary& group, std::string_view key) {
  return group.values[metric_index(key)];
}

std::string joined(const std::vector<std::string>& parts) {
  if (parts.empty()) return {};
  if (parts.size() == 1) return parts[0];
  return fmt::format("{} and {}", fmt::join(parts.begin(), parts.end() - 1, ", "), parts.back());
}

}  // namespace

std::size_t metric_index(std::string_view key) {
  const auto found = std::ranges::find(metrics(), key, &Metric::key);
  SELMCAST_CHECK(found != metrics().end(), "a caption asks for a metric that exists");
  return static_cast<std::size_t>(found - metrics().begin());
}

std::string accuracy_caption(const Summary& summary) {
  std::vector<std::string> reached;
  std::vector<std::string> not_reached;
  for (const GroupSummary& group : summary.groups) {
    const auto& time = value(group, "time_to_target_seconds");
    if (time) {
      std::string text = fmt::format("{:.0f} s with {}", time->mean, group.name);
      if (time->count < group.runs.size())
        text += fmt::format(" ({} of {} runs)", time->count, group.runs.size());
      reached.push_back(std::move(text));
    } else if (value(group, "final_accuracy")) {
      not_reached.push_back(group.name);
    }
  }
  std::string text =
      fmt::format("The average of all models reaches {:.3g} %", summary.scenario.target_accuracy * 100);
  if (reached.empty()) return text + " in no run.";
  text += " after " + joined(reached);
  if (!not_reached.empty()) text += fmt::format("; not within the run with {}", joined(not_reached));
  return text + ".";
}

std::string synchronisation_caption(const Summary& summary) {
  std::vector<std::string> parts;
  std::optional<double> first;
  for (const GroupSummary& group : summary.groups) {
    const auto& time = value(group, "sync_seconds_mean");
    if (!time) continue;
    std::string part = fmt::format("{} {}", show_seconds(Duration::seconds(time->mean)),
                                   first ? "with " + group.name : "in the mean with " + group.name);
    if (first && *first > 0) part += fmt::format(" ({:.2g} times that)", time->mean / *first);
    if (!first) first = time->mean;
    parts.push_back(std::move(part));
  }
  return "A synchronisation takes " + joined(parts) + ".";
}

std::string prediction_caption(const Summary& summary) {
  std::vector<std::string> parts;
  for (const GroupSummary& group : summary.groups)
    if (const auto& ratio = value(group, "measured_over_predicted"))
      parts.push_back(fmt::format("{:.2f} times the prediction with {}", ratio->mean, group.name));
  return "Deliveries take " + joined(parts) + " (mean over the rounds); on the diagonal they would be equal.";
}

std::string link_use_caption(const RunFolder& folder, const Summary& summary) {
  std::vector<std::string> parts;
  for (const GroupSummary& group : summary.groups) {
    std::vector<double> shares;
    for (const std::size_t run : group.runs) {
      if (!was_planned(folder.runs[run])) continue;
      const LinkUse use = link_use(folder.scenario, folder.runs[run]);
      shares.insert(shares.end(), use.downlink.begin(), use.downlink.end());
    }
    if (const auto share = mean(shares))
      parts.push_back(fmt::format("{:.0f} % with {}", *share * 100, group.name));
  }
  return "While it synchronises, a worker's downlink carries in the mean " + joined(parts) +
         " of what it could.";
}

std::string learning_caption(const RunFolder& folder) {
  const auto worst = worst_declared(folder.scenario, 1);
  const auto run = std::ranges::find_if(folder.runs, was_planned);
  if (worst.empty() || run == folder.runs.end())
    return "What the manager believes of each downlink, round by round.";
  const WorkerLinks& links = folder.scenario.workers[position(worst[0])];
  const Estimate last = final_estimates(folder.scenario, *run)[position(worst[0])];
  return fmt::format(
      "{}'s downlink was declared at {}, is limited to {}, and was believed at {} when {} ended.", links.name,
      show_rate(links.declared_downlink), show_rate(links.downlink), show_rate(last.downlink),
      run->plan.name);
}

std::string utilisation_caption(const Summary& summary) {
  std::vector<std::string> parts;
  for (const GroupSummary& group : summary.groups)
    if (const auto& share = value(group, "compute_share"))
      parts.push_back(fmt::format("{:.0f} % with {}", share->mean * 100, group.name));
  return "Of their time the workers compute " + joined(parts) +
         "; the rest they are blocked in synchronize().";
}

std::string staleness_caption(const Summary& summary) {
  std::vector<std::string> parts;
  for (const GroupSummary& group : summary.groups)
    if (const auto& lead = value(group, "widest_lead_rounds"))
      parts.push_back(fmt::format("{:.0f} with {}", lead->mean, group.name));
  return "Completed rounds of each worker above the least of all that still train; lines of equal height are "
         "drawn a "
         "little apart. A round was started at most so many rounds ahead: " +
         joined(parts) + ".";
}

std::string drops_caption(const Summary& summary) {
  std::vector<std::string> parts;
  for (const GroupSummary& group : summary.groups)
    if (const auto& drops = value(group, "dropped_deliveries"))
      parts.push_back(fmt::format("{:.3g} with {}", drops->mean, group.name));
  return "Receivers that a later plan took off a running multicast: " + joined(parts) + ".";
}

std::string plans_caption() {
  return "Who sends to whom in the same round, one planner beside the other: a full box is the link that "
         "binds; the "
         "emptier the other downlinks, the more bandwidth lay idle while it was waited for.";
}

}  // namespace selmcast::report
