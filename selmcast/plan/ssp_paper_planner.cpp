#include "selmcast/plan/ssp_paper_planner.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace selmcast::plan {

Bytes SspPaperPlanner::uplink_load_with(const SspTasks& tasks, std::size_t task, Bytes remaining) const {
  const Bytes load = states_[task].uplink_load;
  return tasks.multicast == MulticastKind::network ? std::max(load, remaining) : load + remaining;
}

void SspPaperPlanner::select(const SspTasks& tasks, std::size_t task, std::size_t candidate, Reason reason) {
  const SspCandidate& selected = tasks.tasks[task].candidates[candidate];
  TaskState& state = states_[task];
  state.uplink_load = uplink_load_with(tasks, task, selected.remaining);
  ++state.selected;
  downlink_load_[position(selected.receiver)] += selected.remaining;
  verdicts_[state.first + candidate] = reason;
}

bool SspPaperPlanner::fits(const SspTasks& tasks, std::size_t task, const SspCandidate& candidate) const {
  const Duration deadline = states_[task].deadline;
  const Bytes up = uplink_load_with(tasks, task, candidate.remaining);
  const Bytes down = downlink_load_[position(candidate.receiver)] + candidate.remaining;
  return up / tasks.uplink[position(tasks.tasks[task].sender)] <= deadline &&
         down / tasks.downlink[position(candidate.receiver)] <= deadline;
}

void SspPaperPlanner::start(const SspTasks& tasks) {
  downlink_load_.assign(tasks.downlink.size(), Bytes(0));
  states_.clear();
  std::size_t first = 0;
  for (const SspTask& task : tasks.tasks) {
    states_.push_back({first, Bytes(0), 0, Duration()});
    first += task.candidates.size();
  }
  verdicts_.assign(first, std::nullopt);
}

void SspPaperPlanner::keep(const SspTasks& tasks) {
  for (std::size_t t = 0; t < tasks.tasks.size(); ++t) {
    const SspTask& task = tasks.tasks[t];
    const double enough = tasks.keep_fraction * static_cast<double>(task.volume.count());
    for (std::size_t k = 0; k < task.candidates.size(); ++k) {
      const SspCandidate& candidate = task.candidates[k];
      if (!tasks.is_up(task, candidate)) continue;
      if (candidate.required) {
        select(tasks, t, k, Reason::required);
      } else if (static_cast<double>(candidate.remaining.count()) < enough) {
        select(tasks, t, k, Reason::kept);
      }
    }
  }
}

void SspPaperPlanner::select_basic(const SspTasks& tasks) {
  order_.resize(tasks.tasks.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::sort(order_, [&](std::uint32_t a, std::uint32_t b) {
    const Duration wait_a = tasks.tasks[a].wait;
    const Duration wait_b = tasks.tasks[b].wait;
    return wait_a != wait_b ? wait_a < wait_b : a < b;
  });
  for (const std::uint32_t t : order_) {
    const std::int64_t missing = tasks.tasks[t].needed - states_[t].selected;
    if (missing > 0) select_lightest(tasks, t, missing);
  }
}

void SspPaperPlanner::select_lightest(const SspTasks& tasks, std::size_t t, std::int64_t count) {
  const SspTask& task = tasks.tasks[t];
  lightest_.clear();
  for (std::size_t k = 0; k < task.candidates.size(); ++k) {
    const SspCandidate& candidate = task.candidates[k];
    if (verdicts_[states_[t].first + k] || !tasks.is_up(task, candidate)) continue;
    const Bytes load = downlink_load_[position(candidate.receiver)] + candidate.remaining;
    lightest_.push_back({load / tasks.downlink[position(candidate.receiver)], static_cast<std::uint32_t>(k)});
  }
  // One multicast's picks do not weigh on one another, so their order does not matter.
  const auto end = lightest_.begin() + std::min(count, std::ssize(lightest_));
  if (end != lightest_.end()) std::nth_element(lightest_.begin(), end, lightest_.end());
  for (auto light = lightest_.begin(); light != end; ++light)
    select(tasks, t, light->candidate, Reason::basic);
}

void SspPaperPlanner::set_deadlines(const SspTasks& tasks) {
  downlink_time_.resize(downlink_load_.size());
  for (std::size_t j = 0; j < downlink_load_.size(); ++j) {
    const bool is_idle = downlink_load_[j] == Bytes(0);
    downlink_time_[j] = is_idle ? Duration() : downlink_load_[j] / tasks.downlink[j];
  }
  for (std::size_t t = 0; t < tasks.tasks.size(); ++t) {
    const SspTask& task = tasks.tasks[t];
    TaskState& state = states_[t];
    state.deadline = task.wait;
    if (state.uplink_load > Bytes(0))
      state.deadline = std::max(state.deadline, state.uplink_load / tasks.uplink[position(task.sender)]);
    for (std::size_t k = 0; k < task.candidates.size(); ++k) {
      if (verdicts_[state.first + k])
        state.deadline = std::max(state.deadline, downlink_time_[position(task.candidates[k].receiver)]);
    }
  }
}

// All that would fit if it were first, in ascending order of pairs.
void SspPaperPlanner::collect_spare(const SspTasks& tasks) {
  spare_.clear();
  std::uint32_t oldest = 0;
  for (std::size_t t = 0; t < tasks.tasks.size(); ++t) {
    const SspTask& task = tasks.tasks[t];
    for (std::size_t k = 0; k < task.candidates.size(); ++k) {
      const SspCandidate& candidate = task.candidates[k];
      if (verdicts_[states_[t].first + k] || !tasks.is_up(task, candidate) || !fits(tasks, t, candidate))
        continue;
      spare_.push_back({candidate.age, static_cast<std::uint32_t>(t), static_cast<std::uint32_t>(k)});
      oldest = std::max(oldest, candidate.age);
    }
  }
  for (Spare& spare : spare_) spare.youth = oldest - spare.youth;
}

// Least significant byte first, each pass stable. Ages are small: mostly one pass, and none if all are equal.
void SspPaperPlanner::sort_by_age() {
  std::uint32_t youngest = 0;
  for (const Spare& spare : spare_) youngest = std::max(youngest, spare.youth);
  for (unsigned shift = 0; shift < 32 && (youngest >> shift) > 0; shift += 8) {
    const auto digit = [&](const Spare& spare) { return (spare.youth >> shift) & 0xFFU; };
    std::array<std::uint32_t, 257> first{};
    for (const Spare& spare : spare_) ++first[digit(spare) + 1];
    std::partial_sum(first.begin(), first.end(), first.begin());
    sorted_.resize(spare_.size());
    for (const Spare& spare : spare_) sorted_[first[digit(spare)]++] = spare;
    std::swap(spare_, sorted_);
  }
}

void SspPaperPlanner::select_spare(const SspTasks& tasks) {
  for (const Spare& spare : spare_) {
    if (fits(tasks, spare.task, tasks.tasks[spare.task].candidates[spare.candidate]))
      select(tasks, spare.task, spare.candidate, Reason::spare);
  }
}

std::span<const Verdict> SspPaperPlanner::plan(const SspTasks& tasks) {
  start(tasks);
  keep(tasks);
  select_basic(tasks);
  set_deadlines(tasks);
  collect_spare(tasks);
  sort_by_age();
  select_spare(tasks);
  return verdicts_;
}

}  // namespace selmcast::plan
