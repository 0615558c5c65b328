#include "selmcast/cli/ssp_plan_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "selmcast/cli/infeasible_text.h"
#include "selmcast/cli/json_text.h"

namespace selmcast::cli {
namespace {

using nlohmann::ordered_json;
using plan::SspProblem;
using plan::SspSenderPlan;

const std::string& name(const SspProblem& problem, WorkerIndex worker) {
  return problem.base.worker(worker).name;
}

// {sender: of(its part of the plan)} for all senders. Appends: operator[] would look through all earlier keys.
template <class Of>
ordered_json by_sender(const SspProblem& problem, const plan::SspPlan& plan, Of of) {
  ordered_json::object_t members;
  for (const SspSenderPlan& of_sender : plan.senders)
    members.emplace_back(name(problem, of_sender.sender), of(of_sender));
  return members;
}

Bytes remaining(const SspProblem& problem, WorkerIndex sender, WorkerIndex receiver) {
  const auto multicast = std::ranges::find(problem.active, sender, &plan::RunningMulticast::sender);
  if (multicast == problem.active.end()) return problem.base.worker(sender).volume;
  return std::ranges::find(multicast->receivers, receiver, &plan::RunningReceiver::receiver)->remaining;
}

ordered_json explanation_json(const SspProblem& problem, const plan::SspPlan& plan) {
  ordered_json json;
  json["binds"] = nullptr;
  if (const auto slowest = plan::find_bottleneck(problem.base, plan::link_loads(problem, plan)))
    json["binds"] = {{"link", to_string(slowest->side)}, {"worker", name(problem, slowest->worker)}};
  json["selected"] = by_sender(problem, plan, [&](const SspSenderPlan& of_sender) {
    auto list = ordered_json::array();
    for (const plan::Selection& selection : of_sender.receivers) {
      list.push_back({{"receiver", name(problem, selection.receiver)},
                      {"reason", to_string(selection.reason)},
                      {"remaining_bytes", remaining(problem, of_sender.sender, selection.receiver).count()}});
    }
    return list;
  });
  return json;
}

void add_plan(const SspProblem& problem, const CheckedSspPlan& checked, ordered_json& json) {
  const plan::SspPlan& plan = checked.plan;
  json["status"] = to_string(checked.status);
  json["completion_seconds"] = checked.completion.in_seconds();
  json["lower_bound_seconds"] = checked.bound.time.in_seconds();
  json["lower_bound_by"] = describe(problem.base, checked.bound);
  json["receiver_count"] = plan.receiver_count();
  json["mean_receivers"] =
      static_cast<double>(plan.receiver_count()) / static_cast<double>(plan.senders.size());
  json["receivers"] = by_sender(problem, plan, [&](const SspSenderPlan& of_sender) {
    auto list = ordered_json::array();
    for (const plan::Selection& selection : of_sender.receivers)
      list.push_back(name(problem, selection.receiver));
    return list;
  });
  ordered_json::object_t dropped;
  for (const SspSenderPlan& of_sender : plan.senders) {
    auto list = ordered_json::array();
    for (const WorkerIndex receiver : of_sender.dropped) list.push_back(name(problem, receiver));
    if (!list.empty()) dropped.emplace_back(name(problem, of_sender.sender), std::move(list));
  }
  json["dropped"] = std::move(dropped);
}

}  // namespace

std::string plan_as_json(const SspProblem& problem, const SspPlanReport& report) {
  ordered_json json;
  json["schema"] = "selmcast.plan/1";
  json["planner"] = report.planner;
  const auto* checked = std::get_if<CheckedSspPlan>(&report.outcome);
  if (checked != nullptr) {
    add_plan(problem, *checked, json);
  } else {
    add_infeasible(problem.base, std::get<plan::Infeasible>(report.outcome), json);
  }
  json["plan_seconds"] = report.plan_time.in_seconds();
  if (checked != nullptr && report.explain) json["explanation"] = explanation_json(problem, checked->plan);
  return spread_json(json);
}

}  // namespace selmcast::cli
