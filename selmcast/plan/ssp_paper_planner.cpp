#include "selmcast/plan/ssp_paper_planner.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace selmcast::plan {
namespace {

constexpr std::size_t kSteps = 64;

// Bare seconds inside this file: g++ 12 compares a Duration through partial_ordering, at thrice the price.
double seconds(Bytes load, Rate rate) { return (load / rate).in_seconds(); }

}  // namespace

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

bool SspPaperPlanner::fits_uplink(const SspTasks& tasks, std::size_t task, Bytes remaining) const {
  const Rate uplink = tasks.uplink[position(tasks.tasks[task].sender)];
  return seconds(uplink_load_with(tasks, task, remaining), uplink) <= states_[task].deadline_seconds;
}

bool SspPaperPlanner::fits_downlink(const SspTasks& tasks, std::size_t task,
                                    const SspCandidate& candidate) const {
  const std::size_t j = position(candidate.receiver);
  return seconds(downlink_load_[j] + candidate.remaining, tasks.downlink[j]) <=
         states_[task].deadline_seconds;
}

void SspPaperPlanner::start(const SspTasks& tasks) {
  downlink_load_.assign(tasks.downlink.size(), Bytes(0));
  is_up_.resize(tasks.downlink.size());
  for (std::size_t j = 0; j < is_up_.size(); ++j) is_up_[j] = tasks.downlink[j].bps() > 0 ? 1 : 0;
  states_.clear();
  std::size_t first = 0;
  for (const SspTask& task : tasks.tasks) {
    states_.push_back({});
    states_.back().first = first;
    states_.back().sender_is_up = tasks.uplink[position(task.sender)].bps() > 0 ? 1 : 0;
    first += task.candidates.size();
  }
  verdicts_.assign(first, std::nullopt);
}

// Without branches on what is kept: nobody can predict it, and this is the pass over all candidates. Remainders of one
// multicast are mostly alike: looked at once, not once a candidate.
void SspPaperPlanner::keep(const SspTasks& tasks) {
  static constexpr Verdict kVerdicts[] = {std::nullopt, Reason::kept, Reason::required};
  const bool is_network = tasks.multicast == MulticastKind::network;
  for (std::size_t t = 0; t < tasks.tasks.size(); ++t) {
    const SspTask& task = tasks.tasks[t];
    const double enough = tasks.keep_fraction * static_cast<double>(task.volume.count());
    Bytes sum, largest, looked_at;
    int is_little = static_cast<int>(0 < enough);
    std::int64_t selected = 0;
    Verdict* verdict = verdicts_.data() + states_[t].first;
    for (const SspCandidate& candidate : task.candidates) {
      if (candidate.remaining != looked_at) {
        looked_at = candidate.remaining;
        is_little = static_cast<int>(static_cast<double>(looked_at.count()) < enough);
      }
      const int is_up = states_[t].sender_is_up & is_up_[position(candidate.receiver)];
      const int is_required = is_up & static_cast<int>(candidate.required);
      const int is_selected = is_required | (is_up & is_little);
      const Bytes load = is_selected * candidate.remaining;
      *verdict++ = kVerdicts[is_selected + is_required];
      downlink_load_[position(candidate.receiver)] += load;
      sum += load;
      largest = std::max(largest, load);
      selected += is_selected;
    }
    states_[t].uplink_load = is_network ? largest : sum;
    states_[t].selected = selected;
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
    if (missing > 0) select_lightest(tasks, t, static_cast<std::size_t>(missing));
  }
}

// Cheaper than nth_element, whose comparisons nobody can predict: the times are counted in equal steps from least to
// greatest, and only those of the step in which the wanted number is reached have to be compared one by one. Rounding
// is monotone, so a smaller time never falls into a later step. One multicast's picks do not weigh on one another,
// so their order does not matter.
void SspPaperPlanner::select_lightest(const SspTasks& tasks, std::size_t t, std::size_t wanted) {
  weigh_candidates(tasks, t);
  wanted = std::min(wanted, lightest_.size());
  if (wanted == 0) return;
  double least = lightest_[0].seconds, greatest = least;
  for (const Light& light : lightest_) {
    least = std::min(least, light.seconds);
    greatest = std::max(greatest, light.seconds);
  }
  const double scale = (kSteps - 1) / (greatest - least);
  std::array<std::uint32_t, kSteps> count{};
  for (Light& light : lightest_) {
    // All times alike, or so near that the scale is infinite: one step.
    light.step = std::isfinite(scale) ? static_cast<std::uint32_t>((light.seconds - least) * scale) : 0;
    ++count[light.step];
  }
  std::uint32_t last = 0;
  std::size_t left = wanted;
  while (count[last] < left) left -= count[last++];

  in_last_step_.clear();
  for (const Light& light : lightest_) {
    if (light.step < last) select(tasks, t, light.candidate, Reason::basic);
    if (light.step == last) in_last_step_.push_back(light);
  }
  const auto end = in_last_step_.begin() + static_cast<std::ptrdiff_t>(left);
  std::nth_element(in_last_step_.begin(), end - 1, in_last_step_.end());
  for (auto light = in_last_step_.begin(); light != end; ++light)
    select(tasks, t, light->candidate, Reason::basic);
}

void SspPaperPlanner::weigh_candidates(const SspTasks& tasks, std::size_t t) {
  const SspTask& task = tasks.tasks[t];
  const Verdict* verdict = verdicts_.data() + states_[t].first;
  lightest_.resize(task.candidates.size());
  std::size_t count = 0;
  for (std::size_t k = 0; k < task.candidates.size(); ++k) {
    const SspCandidate& candidate = task.candidates[k];
    const Bytes load = downlink_load_[position(candidate.receiver)] + candidate.remaining;
    lightest_[count] = {seconds(load, tasks.downlink[position(candidate.receiver)]),
                        static_cast<std::uint32_t>(k), 0};
    // Overwritten by the next one if it is not to be had.
    count += static_cast<std::size_t>(states_[t].sender_is_up & is_up_[position(candidate.receiver)] &
                                      static_cast<int>(!verdict[k].has_value()));
  }
  lightest_.resize(count);
}

void SspPaperPlanner::set_deadlines(const SspTasks& tasks) {
  downlink_seconds_.resize(downlink_load_.size());
  for (std::size_t j = 0; j < downlink_load_.size(); ++j) {
    const bool is_idle = downlink_load_[j] == Bytes(0);
    downlink_seconds_[j] = is_idle ? 0 : seconds(downlink_load_[j], tasks.downlink[j]);
  }
  for (std::size_t t = 0; t < tasks.tasks.size(); ++t) {
    const SspTask& task = tasks.tasks[t];
    if (is_complete(tasks, t)) continue;  // nothing is spare
    const Verdict* verdict = verdicts_.data() + states_[t].first;
    double deadline = task.wait.in_seconds();
    if (states_[t].uplink_load > Bytes(0))
      deadline = std::max(deadline, seconds(states_[t].uplink_load, tasks.uplink[position(task.sender)]));
    for (const SspCandidate& candidate : task.candidates) {
      const auto is_selected = static_cast<double>(static_cast<int>(verdict++->has_value()));
      deadline = std::max(deadline, is_selected * downlink_seconds_[position(candidate.receiver)]);
    }
    states_[t].deadline_seconds = deadline;
  }
}

// All that would fit if it were first, in ascending order of pairs. Each is written down, and overwritten by the next
// one if it does not fit: nobody can predict that either.
void SspPaperPlanner::collect_spare(const SspTasks& tasks) {
  spare_.resize(verdicts_.size());
  std::size_t count = 0;
  std::uint32_t oldest = 0;
  for (std::size_t t = 0; t < tasks.tasks.size(); ++t) {
    if (is_complete(tasks, t)) continue;
    const SspTask& task = tasks.tasks[t];
    const Verdict* verdict = verdicts_.data() + states_[t].first;
    Bytes looked_at;
    int is_in_time = states_[t].sender_is_up & static_cast<int>(fits_uplink(tasks, t, looked_at));
    for (std::uint32_t k = 0; k < task.candidates.size(); ++k) {
      const SspCandidate& candidate = task.candidates[k];
      if (candidate.remaining != looked_at) {
        looked_at = candidate.remaining;
        is_in_time = states_[t].sender_is_up & static_cast<int>(fits_uplink(tasks, t, looked_at));
      }
      const int is_spare = is_in_time & static_cast<int>(!verdict[k].has_value()) &
                           is_up_[position(candidate.receiver)] &
                           static_cast<int>(fits_downlink(tasks, t, candidate));
      spare_[count] = {candidate.age, static_cast<std::uint32_t>(t), k};
      count += static_cast<std::size_t>(is_spare);
      oldest = std::max(oldest, candidate.age * static_cast<std::uint32_t>(is_spare));
    }
  }
  spare_.resize(count);
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
  // One copy fits an uplink whatever is added, as each of them was found to fit.
  const bool one_copy = tasks.multicast == MulticastKind::network;
  for (const Spare& spare : spare_) {
    const SspCandidate& candidate = tasks.tasks[spare.task].candidates[spare.candidate];
    if (!one_copy && !fits_uplink(tasks, spare.task, candidate.remaining)) continue;
    if (fits_downlink(tasks, spare.task, candidate))
      select(tasks, spare.task, spare.candidate, Reason::spare);
  }
}

std::span<const Verdict> SspPaperPlanner::plan(const SspTasks& tasks) & {
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
