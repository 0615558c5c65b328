#include "bench/rivals/literal_ssp_planner.h"

#include <algorithm>
#include <tuple>

namespace selmcast::rivals {

using plan::Reason;

LiteralSspPlanner::LiteralSspPlanner(const plan::SspProblem& problem)
    : problem_(problem),
      n_(problem.size()),
      x_(n_ * n_, 0),
      y_(n_ * n_, 0),
      D_(n_ * n_, 0),
      why_(n_ * n_, Reason::basic),
      v_(n_ * n_, 0),
      c_(n_ * n_, 0),
      tau_(n_, 0),
      delivered_(n_, 0),
      selected_(n_, 0),
      up_(n_, 0),
      down_(n_, 0) {
  for (const plan::Pair& pair : problem.base.required)
    D_[at(position(pair.sender), position(pair.receiver))] = 1;
  for (const plan::PairAge& old : problem.base.ages)
    c_[at(position(old.pair.sender), position(old.pair.receiver))] = old.age;
  for (const plan::RunningMulticast& multicast : problem.active) {
    const std::size_t i = position(multicast.sender);
    G_.push_back(i);
    tau_[i] = multicast.wait.in_seconds();
    delivered_[i] = std::ssize(multicast.delivered);
    for (const plan::RunningReceiver& running : multicast.receivers) {
      x_[at(i, position(running.receiver))] = 1;
      v_[at(i, position(running.receiver))] = running.remaining.count();
    }
  }
  const std::size_t kappa = position(problem.ready);
  G_.push_back(kappa);
  tau_[kappa] = problem.ready_wait.in_seconds();
  for (std::size_t j = 0; j < n_; ++j) {
    if (j == kappa) continue;
    x_[at(kappa, j)] = 1;
    v_[at(kappa, j)] = problem.base.workers[kappa].volume.count();
  }
  std::sort(G_.begin(), G_.end());
}

double LiteralSspPlanner::uplink_seconds(std::size_t i, std::int64_t load) const {
  return (Bytes(load) / problem_.base.workers[i].uplink).in_seconds();
}

double LiteralSspPlanner::downlink_seconds(std::size_t j, std::int64_t load) const {
  return (Bytes(load) / problem_.base.workers[j].downlink).in_seconds();
}

std::int64_t LiteralSspPlanner::uplink_load_with(std::size_t i, std::size_t j) const {
  const std::int64_t v = v_[at(i, j)];
  return problem_.base.multicast == plan::MulticastKind::network ? std::max(up_[i], v) : up_[i] + v;
}

void LiteralSspPlanner::select(std::size_t i, std::size_t j, Reason reason) {
  up_[i] = uplink_load_with(i, j);
  down_[j] += v_[at(i, j)];
  ++selected_[i];
  y_[at(i, j)] = 1;
  why_[at(i, j)] = reason;
}

void LiteralSspPlanner::keep() {
  for (const std::size_t i : G_) {
    const double enough =
        problem_.keep_fraction * static_cast<double>(problem_.base.workers[i].volume.count());
    for (std::size_t j = 0; j < n_; ++j) {
      if (x_[at(i, j)] == 0) continue;
      if (D_[at(i, j)] != 0) {
        select(i, j, Reason::required);
      } else if (static_cast<double>(v_[at(i, j)]) < enough) {
        select(i, j, Reason::kept);
      }
    }
  }
}

void LiteralSspPlanner::select_basic() {
  std::vector<std::size_t> tasks = G_;
  std::stable_sort(tasks.begin(), tasks.end(),
                   [&](std::size_t a, std::size_t b) { return tau_[a] < tau_[b]; });
  for (const std::size_t i : tasks) {
    std::vector<std::pair<double, std::size_t>> lightest;
    for (std::size_t j = 0; j < n_; ++j) {
      if (x_[at(i, j)] != 0 && y_[at(i, j)] == 0)
        lightest.emplace_back(downlink_seconds(j, down_[j] + v_[at(i, j)]), j);
    }
    std::sort(lightest.begin(), lightest.end());
    const std::int64_t q = problem_.base.workers[i].min_receivers - delivered_[i] - selected_[i];
    for (std::int64_t k = 0; k < std::min(q, std::ssize(lightest)); ++k)
      select(i, lightest[static_cast<std::size_t>(k)].second, Reason::basic);
  }
}

void LiteralSspPlanner::improve() {
  std::vector<double> t(n_, 0);
  for (const std::size_t i : G_) {
    t[i] = std::max(tau_[i], uplink_seconds(i, up_[i]));
    for (std::size_t j = 0; j < n_; ++j) {
      if (y_[at(i, j)] != 0) t[i] = std::max(t[i], downlink_seconds(j, down_[j]));
    }
  }
  std::vector<std::tuple<std::uint32_t, std::size_t, std::size_t>> candidates;
  for (const std::size_t i : G_) {
    for (std::size_t j = 0; j < n_; ++j) {
      if (x_[at(i, j)] != 0 && y_[at(i, j)] == 0) candidates.emplace_back(c_[at(i, j)], i, j);
    }
  }
  std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    if (std::get<0>(a) != std::get<0>(b)) return std::get<0>(a) > std::get<0>(b);
    return std::tie(std::get<1>(a), std::get<2>(a)) < std::tie(std::get<1>(b), std::get<2>(b));
  });
  for (const auto& [age, i, j] : candidates) {
    if (uplink_seconds(i, uplink_load_with(i, j)) > t[i]) continue;
    if (downlink_seconds(j, down_[j] + v_[at(i, j)]) > t[i]) continue;
    select(i, j, Reason::spare);
  }
}

void LiteralSspPlanner::run() {
  keep();
  select_basic();
  improve();
}

plan::SspPlan LiteralSspPlanner::selection() const {
  plan::SspPlan plan;
  for (const std::size_t i : G_) {
    auto& of_sender =
        plan.senders.emplace_back(plan::SspSenderPlan{WorkerIndex(static_cast<std::uint32_t>(i)), {}, {}});
    for (std::size_t j = 0; j < n_; ++j) {
      const WorkerIndex receiver(static_cast<std::uint32_t>(j));
      if (y_[at(i, j)] != 0) {
        of_sender.receivers.push_back({receiver, why_[at(i, j)]});
      } else if (x_[at(i, j)] != 0 && i != position(problem_.ready)) {
        of_sender.dropped.push_back(receiver);
      }
    }
  }
  return plan;
}

plan::SspPlan plan_ssp_literally(const plan::SspProblem& problem) {
  LiteralSspPlanner planner(problem);
  planner.run();
  return planner.selection();
}

}  // namespace selmcast::rivals
