#include "selmcast/cli/plan_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "selmcast/cli/infeasible_text.h"
#include "selmcast/plan/reach.h"
#include "selmcast/plan/relay_trees.h"

namespace selmcast::cli {
namespace {

using plan::Problem;

// fmt pads by display width only for whole UTF-8 code points, which is what ids are made of.
std::size_t id_width(const Problem& problem) {
  std::size_t width = 6;
  for (const plan::WorkerSpec& worker : problem.workers) width = std::max(width, worker.name.size());
  return std::min<std::size_t>(width, 24);
}

std::string seconds(Duration time) { return fmt::format("{:.4g} s", time.in_seconds()); }

std::string_view meaning(plan::Reason reason) {
  switch (reason) {
    case plan::Reason::required: return "the pair has reached max_age";
    case plan::Reason::basic: return "fills the sender up to min_receivers";
    case plan::Reason::spare: return "fits into idle bandwidth without delaying the plan";
    case plan::Reason::random: return "drawn";
    case plan::Reason::broadcast: return "everybody receives";
    case plan::Reason::kept: return "already running and nearly through";
  }
  return "?";
}

void add_summary(const Problem& problem, const PlanReport& report, const CheckedPlan& checked,
                 std::string& out) {
  const auto to = std::back_inserter(out);
  const plan::LinkLoads loads = plan::link_loads(problem, checked.plan);
  const std::size_t count = checked.plan.receiver_count();
  fmt::format_to(to, "planner      {} ({}), {} multicast, planned in {:.3g} ms\n", report.planner,
                 to_string(checked.status), to_string(problem.multicast), report.plan_time.in_milliseconds());
  fmt::format_to(to, "completion   {}", seconds(checked.completion));
  if (const auto slowest = plan::find_bottleneck(problem, loads)) {
    fmt::format_to(to, ", set by the {} of {}: {} bytes at {:g} bit/s", to_string(slowest->side),
                   problem.worker(slowest->worker).name, slowest->time.load.count(),
                   slowest->time.rate.bps());
  }
  fmt::format_to(to, "\nlower bound  {}", seconds(checked.bound.time));
  if (checked.bound.time > Duration()) {
    fmt::format_to(to, " (completion is {:.1f} % of it), set by {}",
                   100 * (checked.completion / checked.bound.time), describe(problem, checked.bound));
  }
  if (checked.solver) {
    const double gap = checked.solver->time > Duration() ? checked.completion / checked.solver->time - 1 : 0;
    fmt::format_to(to, "\nproven       at most {:.3g} % above the least time", 100 * gap);
    if (checked.solver->count)
      fmt::format_to(to, ", and at most {} receivers in this time", *checked.solver->count);
  }
  fmt::format_to(to, "\nreceivers    {}, {:.4g} a worker\n", count,
                 static_cast<double>(count) / static_cast<double>(problem.size()));
  if (plan::is_mixed(problem)) {
    fmt::format_to(to,
                   "copies       one for all receivers that the multicast reaches; \"a*\": a has its own\n");
  }
  if (problem.multicast == plan::MulticastKind::relay) {
    fmt::format_to(
        to,
        "trees        up to {} deep, which adds {} until all chunks are through; \"a<b\": a gets it from b\n",
        plan::tree_depth(checked.plan), seconds(checked.pipeline));
  }
}

void add_rows(const Problem& problem, const CheckedPlan& checked, std::string& out) {
  const auto to = std::back_inserter(out);
  const plan::LinkTimes times = plan::link_times(problem, checked.plan);
  const plan::Reach reach(problem);
  const std::size_t width = id_width(problem);
  const auto share = [&](Duration time) {
    return checked.completion > Duration() ? 100 * (time / checked.completion) : 0.0;
  };
  fmt::format_to(to, "\n{:<{}}  {:>5}  {:>9}  {:>11}  {:>10}  {:>5}  {:>11}  {:>10}  {:>5}  to\n", "worker",
                 width, "needs", "receivers", "up Mbit/s", "busy s", "%", "down Mbit/s", "busy s", "%");
  for (std::size_t i = 0; i < problem.size(); ++i) {
    const plan::WorkerSpec& worker = problem.workers[i];
    fmt::format_to(to,
                   "{:<{}}  {:>5}  {:>9}  {:>11.6g}  {:>10.4g}  {:>5.1f}  {:>11.6g}  {:>10.4g}  {:>5.1f} ",
                   worker.name, width, worker.min_receivers, checked.plan.selections[i].size(),
                   worker.uplink.mbps(), times.uplink[i].in_seconds(), share(times.uplink[i]),
                   worker.downlink.mbps(), times.downlink[i].in_seconds(), share(times.downlink[i]));
    if (checked.plan.selections[i].empty()) out += " nobody";
    for (std::size_t k = 0; k < checked.plan.selections[i].size(); ++k) {
      out += ' ';
      out += problem.worker(checked.plan.selections[i][k].receiver).name;
      if (plan::is_mixed(problem) && !reach.shares(i, position(checked.plan.selections[i][k].receiver)))
        out += '*';
      if (checked.plan.parents.empty() || position(checked.plan.parents[i][k]) == i) continue;
      out += '<' + problem.worker(checked.plan.parents[i][k]).name;
    }
    out += '\n';
  }
}

void add_refusal(const Problem& problem, const plan::ExplainedRefusal& refused, const std::string& sender,
                 std::string& out) {
  const auto to = std::back_inserter(out);
  const std::string& receiver = problem.worker(refused.receiver).name;
  const auto busy = [](const std::string& worker, plan::LinkSide side, Duration time) {
    return time == Duration::infinite()
               ? fmt::format("{}'s {} is down", worker, to_string(side))
               : fmt::format("{}'s {} would be busy for {}", worker, to_string(side), seconds(time));
  };
  const std::string uplink = busy(sender, plan::LinkSide::uplink, refused.uplink_time);
  const std::string downlink = busy(receiver, plan::LinkSide::downlink, refused.downlink_time);
  switch (refused.refusal) {
    case plan::Refusal::uplink: fmt::format_to(to, "  not {}: {}\n", receiver, uplink); break;
    case plan::Refusal::downlink: fmt::format_to(to, "  not {}: {}\n", receiver, downlink); break;
    case plan::Refusal::both: fmt::format_to(to, "  not {}: {}, {}\n", receiver, uplink, downlink); break;
    case plan::Refusal::not_chosen:
      fmt::format_to(to, "  not {}: not chosen, though it would fit\n", receiver);
      break;
  }
}

void add_gains(const Problem& problem, const CheckedPlan& checked, std::string& out) {
  constexpr std::size_t kShown = 10;
  const auto to = std::back_inserter(out);
  const plan::Sensitivity& more = *checked.more_bandwidth;
  if (more.gains.empty()) return;
  fmt::format_to(to, "With {:g} Mbit/s more at one link alone, the best first:\n", more.step.mbps());
  for (std::size_t k = 0; k < std::min(kShown, more.gains.size()); ++k) {
    const plan::Gain& gain = more.gains[k];
    fmt::format_to(to, "  {} of {}: {}, {} receivers\n", to_string(gain.link.side),
                   problem.worker(gain.link.worker).name, seconds(gain.completion), gain.receiver_count);
  }
  if (more.gains.size() > kShown) fmt::format_to(to, "  and {} more\n", more.gains.size() - kShown);
  if (more.left_out > 0) fmt::format_to(to, "  {} more were not tried: each takes a plan\n", more.left_out);
}

void add_explanation(const Problem& problem, const CheckedPlan& checked, std::string& out) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "\nWhat binds: {}\n",
                 plan::what_binds(problem, {checked.plan, checked.status, checked.certificate}));
  add_gains(problem, checked, out);
  fmt::format_to(to, "\nEvery pair, against the completion time of {}:\n", seconds(checked.completion));
  for (std::size_t i = 0; i < problem.size(); ++i) {
    const std::string& sender = problem.workers[i].name;
    fmt::format_to(to, "{}\n", sender);
    for (const plan::ExplainedSelection& selected : checked.explanation->senders[i].selected) {
      fmt::format_to(to, "  to {}: {} ({}), age {}\n", problem.worker(selected.receiver).name,
                     to_string(selected.reason), meaning(selected.reason), selected.age);
    }
    for (const plan::ExplainedRefusal& refused : checked.explanation->senders[i].refused) {
      add_refusal(problem, refused, sender, out);
    }
  }
}

}  // namespace

std::string plan_as_table(const Problem& problem, const PlanReport& report) {
  const auto* checked = std::get_if<CheckedPlan>(&report.outcome);
  if (checked == nullptr) return infeasible_as_text(std::get<plan::Infeasible>(report.outcome));
  std::string out;
  add_summary(problem, report, *checked, out);
  add_rows(problem, *checked, out);
  if (checked->explanation) add_explanation(problem, *checked, out);
  return out;
}

}  // namespace selmcast::cli
