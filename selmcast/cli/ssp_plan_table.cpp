#include "selmcast/cli/ssp_plan_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "selmcast/cli/infeasible_text.h"

namespace selmcast::cli {
namespace {

using plan::SspProblem;
using plan::SspSenderPlan;

const std::string& name(const SspProblem& problem, WorkerIndex worker) {
  return problem.base.worker(worker).name;
}

std::string_view meaning(plan::Reason reason) {
  switch (reason) {
    case plan::Reason::required: return "the pair has reached max_age";
    case plan::Reason::basic: return "among the lightest when the sender was filled up to min_receivers";
    case plan::Reason::spare: return "ends within the time that the sender needs or waits anyway";
    case plan::Reason::random: return "drawn";
    case plan::Reason::broadcast: return "everybody receives";
    case plan::Reason::kept: return "already running, and not cut off";
  }
  return "?";
}

// What the planner was told of a sender.
struct Before {
  Duration wait;
  std::size_t delivered = 0;
  bool is_ready = false;
};
Before before(const SspProblem& problem, WorkerIndex sender) {
  const auto multicast = std::ranges::find(problem.active, sender, &plan::RunningMulticast::sender);
  if (multicast == problem.active.end()) return {problem.ready_wait, 0, true};
  return {multicast->wait, multicast->delivered.size(), false};
}

void add_summary(const SspProblem& problem, const SspPlanReport& report, const CheckedSspPlan& checked,
                 std::string& out) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "planner      {} ({}), {} multicast, {} is ready, planned in {:.3g} ms\n",
                 report.planner, to_string(checked.status), to_string(problem.base.multicast),
                 name(problem, problem.ready), report.plan_time.in_milliseconds());
  fmt::format_to(to, "completion   {:.4g} s", checked.completion.in_seconds());
  if (const auto slowest = plan::find_bottleneck(problem.base, plan::link_loads(problem, checked.plan))) {
    fmt::format_to(to, ", set by the {} of {}: {} bytes at {:g} bit/s", to_string(slowest->side),
                   name(problem, slowest->worker), slowest->time.load.count(), slowest->time.rate.bps());
  }
  fmt::format_to(to, "\nlower bound  {:.4g} s, set by {}\n", checked.bound.time.in_seconds(),
                 describe(problem.base, checked.bound));
  fmt::format_to(to, "receivers    {} with {} senders, {} dropped\n", checked.plan.receiver_count(),
                 checked.plan.senders.size(), checked.plan.dropped_count());
}

void add_rows(const SspProblem& problem, const CheckedSspPlan& checked, std::string& out) {
  const auto to = std::back_inserter(out);
  std::size_t width = 6;
  for (const SspSenderPlan& of_sender : checked.plan.senders)
    width = std::max(width, name(problem, of_sender.sender).size());
  width = std::min<std::size_t>(width, 24);
  fmt::format_to(to, "\n{:<{}}  {:>8}  {:>5}  {:>9}  {:>9}  {:>7}  to\n", "sender", width, "wait s", "needs",
                 "delivered", "receivers", "dropped");
  for (const SspSenderPlan& of_sender : checked.plan.senders) {
    const Before was = before(problem, of_sender.sender);
    fmt::format_to(to, "{:<{}}  {:>8.4g}  {:>5}  {:>9}  {:>9}  {:>7} ", name(problem, of_sender.sender),
                   width, was.wait.in_seconds(), problem.base.worker(of_sender.sender).min_receivers,
                   was.delivered, of_sender.receivers.size(), of_sender.dropped.size());
    if (of_sender.receivers.empty()) out += " nobody";
    for (const plan::Selection& selection : of_sender.receivers)
      fmt::format_to(to, " {}", name(problem, selection.receiver));
    for (const WorkerIndex receiver : of_sender.dropped)
      fmt::format_to(to, " (not {})", name(problem, receiver));
    out += '\n';
  }
}

void add_explanation(const SspProblem& problem, const CheckedSspPlan& checked, std::string& out) {
  const auto to = std::back_inserter(out);
  for (const SspSenderPlan& of_sender : checked.plan.senders) {
    const bool is_ready = before(problem, of_sender.sender).is_ready;
    fmt::format_to(to, "\n{}{}\n", name(problem, of_sender.sender), is_ready ? ", ready" : ", running");
    for (const plan::Selection& selection : of_sender.receivers) {
      fmt::format_to(to, "  to {}: {} ({})\n", name(problem, selection.receiver), to_string(selection.reason),
                     meaning(selection.reason));
    }
    for (const WorkerIndex receiver : of_sender.dropped)
      fmt::format_to(to, "  dropped {}: not needed, and would end too late\n", name(problem, receiver));
  }
}

}  // namespace

std::string plan_as_table(const SspProblem& problem, const SspPlanReport& report) {
  const auto* checked = std::get_if<CheckedSspPlan>(&report.outcome);
  if (checked == nullptr) return infeasible_as_text(std::get<plan::Infeasible>(report.outcome));
  std::string out;
  add_summary(problem, report, *checked, out);
  add_rows(problem, *checked, out);
  if (report.explain) add_explanation(problem, *checked, out);
  return out;
}

}  // namespace selmcast::cli
