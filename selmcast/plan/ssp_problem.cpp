#include "selmcast/plan/ssp_problem.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <utility>

namespace selmcast::plan {
namespace {

using Part = SspFault::Part;

bool is_wait(Duration wait) { return std::isfinite(wait.in_seconds()) && wait >= Duration(); }

std::optional<SspFault> ready_fault(const SspProblem& problem) {
  if (position(problem.ready) >= problem.size()) {
    return SspFault{Part::ready, 0, 0,
                    fmt::format("worker number {} is ready, but there are only {} workers",
                                position(problem.ready), problem.size())};
  }
  if (!is_wait(problem.ready_wait)) {
    return SspFault{Part::ready_wait, 0, 0,
                    fmt::format("the wait of {} is {} s; give 0 or more",
                                problem.base.worker(problem.ready).name, problem.ready_wait.in_seconds())};
  }
  if (!(problem.keep_fraction >= 0 && problem.keep_fraction <= 1)) {  // also for NaN
    return SspFault{Part::keep_fraction, 0, 0,
                    fmt::format("the keep fraction is {}; give 0 to 1", problem.keep_fraction)};
  }
  return std::nullopt;
}

// Walks the multicasts once, with one mark a worker: which multicast named it last, and how.
class ActiveChecker {
 public:
  explicit ActiveChecker(const SspProblem& problem)
      : problem_(problem), sends_(problem.size(), 0), named_by_(problem.size(), 0) {}

  std::optional<SspFault> multicast_fault(std::size_t index) {
    const RunningMulticast& multicast = problem_.active[index];
    if (auto fault = sender_fault(index)) return fault;
    if (!is_wait(multicast.wait)) {
      return SspFault{Part::wait, index, 0,
                      fmt::format("the wait of {} is {} s; give 0 or more", name(multicast.sender),
                                  multicast.wait.in_seconds())};
    }
    for (std::size_t k = 0; k < multicast.delivered.size(); ++k) {
      if (auto fault = receiver_fault(Part::delivered, index, k, multicast.delivered[k])) return fault;
    }
    for (std::size_t k = 0; k < multicast.receivers.size(); ++k) {
      const auto [receiver, remaining] = multicast.receivers[k];
      if (auto fault = receiver_fault(Part::receiver, index, k, receiver)) return fault;
      const Bytes volume = problem_.base.worker(multicast.sender).volume;
      if (remaining >= Bytes(0) && remaining <= volume) continue;
      return SspFault{Part::remaining, index, k,
                      fmt::format("{} -> {}: {} bytes remain of {}; give between 0 and the volume",
                                  name(multicast.sender), name(receiver), remaining.count(), volume.count())};
    }
    return std::nullopt;
  }

 private:
  const std::string& name(WorkerIndex worker) const { return problem_.base.worker(worker).name; }

  std::optional<SspFault> sender_fault(std::size_t index) {
    const WorkerIndex sender = problem_.active[index].sender;
    if (position(sender) >= problem_.size()) {
      return SspFault{Part::sender, index, 0,
                      fmt::format("worker number {} sends, but there are only {} workers", position(sender),
                                  problem_.size())};
    }
    if (sender == problem_.ready) {
      return SspFault{Part::sender, index, 0,
                      fmt::format("{} is the ready worker, so no multicast of it can be running; remove it",
                                  name(sender))};
    }
    if (std::exchange(sends_[position(sender)], 1) == 0) return std::nullopt;
    return SspFault{Part::sender, index, 0,
                    fmt::format("{} has two running multicasts; remove one", name(sender))};
  }

  std::optional<SspFault> receiver_fault(Part part, std::size_t index, std::size_t element,
                                         WorkerIndex receiver) {
    const WorkerIndex sender = problem_.active[index].sender;
    if (position(receiver) >= problem_.size()) {
      return SspFault{part, index, element,
                      fmt::format("{} sends to worker number {}, but there are only {} workers", name(sender),
                                  position(receiver), problem_.size())};
    }
    if (receiver == sender)
      return SspFault{part, index, element, fmt::format("{} sends to itself; remove it", name(sender))};
    const auto mark = static_cast<std::uint32_t>(index + 1);
    if (std::exchange(named_by_[position(receiver)], mark) != mark) return std::nullopt;
    return SspFault{part, index, element,
                    fmt::format("{} names {} twice; a receiver is either delivered or running, and only once",
                                name(sender), name(receiver))};
  }

  const SspProblem& problem_;
  std::vector<char> sends_;
  std::vector<std::uint32_t> named_by_;  // 1 + index of the last multicast that named this worker
};

// Each running multicast's required pairs must be among those it delivered or still runs to: a dropped
// receiver cannot be taken back, so nothing could be done about any other.
std::optional<SspFault> required_fault(const SspProblem& problem) {
  const Problem& base = problem.base;
  std::vector<std::vector<std::size_t>> required_of(problem.size());
  for (std::size_t k = 0; k < base.required.size(); ++k)
    required_of[position(base.required[k].sender)].push_back(k);
  std::vector<std::uint32_t> named_by(problem.size(), 0);
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < problem.active.size(); ++i) {
    const RunningMulticast& multicast = problem.active[i];
    const auto mark = static_cast<std::uint32_t>(i + 1);
    for (const WorkerIndex receiver : multicast.delivered) named_by[position(receiver)] = mark;
    for (const RunningReceiver& running : multicast.receivers) named_by[position(running.receiver)] = mark;
    for (const std::size_t k : required_of[position(multicast.sender)]) {
      const bool is_lost = named_by[position(base.required[k].receiver)] != mark;
      if (is_lost && (!first || k < *first)) first = k;
    }
  }
  if (!first) return std::nullopt;
  return SspFault{Part::required, *first, 0,
                  fmt::format("required pair {} -> {}: the running multicast of {} has neither delivered to "
                              "{} nor runs to it; add it there or remove the pair",
                              base.worker(base.required[*first].sender).name,
                              base.worker(base.required[*first].receiver).name,
                              base.worker(base.required[*first].sender).name,
                              base.worker(base.required[*first].receiver).name)};
}

}  // namespace

std::optional<SspFault> first_ssp_fault(const SspProblem& problem) {
  if (auto fault = ready_fault(problem)) return fault;
  ActiveChecker checker(problem);
  for (std::size_t i = 0; i < problem.active.size(); ++i) {
    if (auto fault = checker.multicast_fault(i)) return fault;
  }
  return required_fault(problem);
}

Result<void> validate(const SspProblem& problem) {
  if (auto valid = validate(problem.base); !valid) return valid;
  if (auto fault = first_ssp_fault(problem))
    return failure(ErrorCode::invalid_input, std::move(fault->message));
  return {};
}

}  // namespace selmcast::plan
