#include "selmcast/cli/plan_json.h"

#include <nlohmann/json.hpp>

#include "selmcast/cli/infeasible_text.h"
#include "selmcast/cli/json_text.h"
#include "selmcast/plan/reach.h"
#include "selmcast/plan/relay_trees.h"

namespace selmcast::cli {
namespace {

using nlohmann::ordered_json;
using plan::Problem;

const std::string& name(const Problem& problem, WorkerIndex worker) { return problem.worker(worker).name; }

// {worker name: of(index)} for all workers. Appends: ordered_json's operator[] would look through all earlier
// keys.
template <class Of>
ordered_json by_worker(const Problem& problem, Of of) {
  ordered_json::object_t members;
  for (std::size_t i = 0; i < problem.size(); ++i) members.emplace_back(problem.workers[i].name, of(i));
  return members;
}

// JSON knows no infinity.
ordered_json finite(Duration time) {
  return time == Duration::infinite() ? ordered_json() : ordered_json(time.in_seconds());
}

ordered_json gains_json(const Problem& problem, const plan::Sensitivity& more) {
  auto links = ordered_json::array();
  for (const plan::Gain& gain : more.gains) {
    links.push_back({{"link", to_string(gain.link.side)},
                     {"worker", name(problem, gain.link.worker)},
                     {"completion_seconds", gain.completion.in_seconds()},
                     {"receiver_count", gain.receiver_count}});
  }
  return {{"step_bps", more.step.bps()}, {"links", std::move(links)}, {"left_out", more.left_out}};
}

ordered_json explanation_json(const Problem& problem, const CheckedPlan& checked) {
  const plan::Explanation& why = *checked.explanation;
  ordered_json json;
  json["what_binds"] = plan::what_binds(problem, {checked.plan, checked.status, checked.certificate});
  json["binds"] = nullptr;
  if (why.bottleneck) {
    json["binds"] = {{"link", to_string(why.bottleneck->side)},
                     {"worker", name(problem, why.bottleneck->worker)}};
  }
  json["more_bandwidth"] = gains_json(problem, *checked.more_bandwidth);
  json["links"] = by_worker(problem, [&](std::size_t i) {
    return ordered_json{{"uplink_bytes", why.loads.uplink[i].count()},
                        {"uplink_seconds", why.times.uplink[i].in_seconds()},
                        {"downlink_bytes", why.loads.downlink[i].count()},
                        {"downlink_seconds", why.times.downlink[i].in_seconds()}};
  });
  json["selected"] = by_worker(problem, [&](std::size_t i) {
    auto list = ordered_json::array();
    for (const plan::ExplainedSelection& pair : why.senders[i].selected) {
      list.push_back({{"receiver", name(problem, pair.receiver)},
                      {"reason", to_string(pair.reason)},
                      {"age", pair.age}});
    }
    return list;
  });
  json["not_selected"] = by_worker(problem, [&](std::size_t i) {
    auto list = ordered_json::array();
    for (const plan::ExplainedRefusal& pair : why.senders[i].refused) {
      list.push_back({{"receiver", name(problem, pair.receiver)},
                      {"because", to_string(pair.refusal)},
                      {"uplink_seconds", finite(pair.uplink_time)},
                      {"downlink_seconds", finite(pair.downlink_time)}});
    }
    return list;
  });
  return json;
}

// plan/certificate.h says what it proves and how.
ordered_json certificate_json(const Problem& problem, const plan::Certificate& certificate) {
  const auto names = [&](const std::vector<WorkerIndex>& workers) {
    auto list = ordered_json::array();
    for (const WorkerIndex worker : workers) list.push_back(name(problem, worker));
    return list;
  };
  ordered_json json{{"time_bound_by", to_string(certificate.time_bound)}};
  if (certificate.worker) json["worker"] = name(problem, *certificate.worker);
  if (certificate.time_bound == plan::Certificate::TimeBound::cut)
    json["time_senders"] = names(certificate.time_senders);
  json["count_senders"] = names(certificate.count_senders);
  return json;
}

ordered_json rates_json(const Problem& problem, const std::vector<sync::PairRate>& rates) {
  ordered_json::object_t senders;
  for (const sync::PairRate& delivery : rates) {
    const std::string& sender = name(problem, delivery.pair.sender);
    const bool next_sender = senders.empty() || senders.back().first != sender;
    if (problem.multicast != plan::MulticastKind::unicast && !plan::is_mixed(problem)) {
      if (next_sender) senders.emplace_back(sender, delivery.rate.bps());
      continue;
    }
    if (next_sender) senders.emplace_back(sender, ordered_json::object());
    senders.back().second[name(problem, delivery.pair.receiver)] = delivery.rate.bps();
  }
  return senders;
}

// {sender: receivers of it that have a copy of their own}, of senders that have such.
ordered_json own_copies_json(const Problem& problem, const plan::Plan& plan) {
  const plan::Reach reach(problem);
  ordered_json::object_t senders;
  for (std::size_t i = 0; i < problem.size(); ++i) {
    auto list = ordered_json::array();
    for (const plan::Selection& selection : plan.selections[i]) {
      if (!reach.shares(i, position(selection.receiver))) list.push_back(name(problem, selection.receiver));
    }
    if (!list.empty()) senders.emplace_back(problem.workers[i].name, std::move(list));
  }
  return senders;
}

// {sender: [{"share": of its bytes, "parents": {receiver: who sends to it}}]}: one tree a multicast as yet.
ordered_json trees_json(const Problem& problem, const plan::Plan& plan) {
  return by_worker(problem, [&](std::size_t i) {
    auto trees = ordered_json::array();
    if (plan.selections[i].empty()) return trees;
    ordered_json::object_t parents;
    for (std::size_t k = 0; k < plan.selections[i].size(); ++k)
      parents.emplace_back(name(problem, plan.selections[i][k].receiver), name(problem, plan.parents[i][k]));
    trees.push_back({{"share", 1.0}, {"parents", std::move(parents)}});
    return trees;
  });
}

void add_plan(const Problem& problem, const CheckedPlan& checked, ordered_json& json) {
  json["status"] = to_string(checked.status);
  json["completion_seconds"] = checked.completion.in_seconds();
  json["lower_bound_seconds"] = checked.bound.time.in_seconds();
  json["lower_bound_by"] = describe(problem, checked.bound);
  if (checked.solver) {
    // Without a time nobody needs a receiver, and no plan is better than the empty one.
    json["gap"] = checked.solver->time > Duration() ? checked.completion / checked.solver->time - 1 : 0.0;
    if (checked.solver->count) json["count_bound"] = *checked.solver->count;
  }
  json["receiver_count"] = checked.plan.receiver_count();
  json["mean_receivers"] =
      static_cast<double>(checked.plan.receiver_count()) / static_cast<double>(problem.size());
  json["receivers"] = by_worker(problem, [&](std::size_t i) {
    auto list = ordered_json::array();
    for (const plan::Selection& selection : checked.plan.selections[i])
      list.push_back(name(problem, selection.receiver));
    return list;
  });
  if (plan::is_mixed(problem)) json["own_copies"] = own_copies_json(problem, checked.plan);
  json["rates_bps"] = rates_json(problem, checked.rates);
  if (problem.multicast == plan::MulticastKind::relay) {
    json["trees"] = trees_json(problem, checked.plan);
    json["tree_depth"] = plan::tree_depth(checked.plan);
    json["pipeline_seconds"] = checked.pipeline.in_seconds();
  }
  json["dropped"] = ordered_json::object();
  if (checked.certificate) json["certificate"] = certificate_json(problem, *checked.certificate);
}

}  // namespace

std::string plan_as_json(const Problem& problem, const PlanReport& report) {
  ordered_json json;
  json["schema"] = "selmcast.plan/1";
  json["planner"] = report.planner;
  const auto* checked = std::get_if<CheckedPlan>(&report.outcome);
  if (checked != nullptr) {
    add_plan(problem, *checked, json);
  } else {
    add_infeasible(problem, std::get<plan::Infeasible>(report.outcome), json);
  }
  json["plan_seconds"] = report.plan_time.in_seconds();
  if (checked != nullptr && checked->explanation) json["explanation"] = explanation_json(problem, *checked);
  return spread_json(json);
}

}  // namespace selmcast::cli
