#include "selmcast/plan/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <unordered_map>

namespace selmcast::plan {
namespace {

using Part = Fault::Part;

std::optional<Fault> rate_fault(Part part, std::size_t index, std::string_view link, const WorkerSpec& worker,
                                Rate rate) {
  if (rate == Rate() || (rate >= kMinRate && rate <= kMaxRate)) return std::nullopt;  // false for NaN
  return Fault{
      part, index,
      fmt::format("worker {}: the {} is {} bit/s; give a rate between {} and {}, or 0 if the link is down",
                  worker.name, link, rate.bps(), kMinRate.bps(), kMaxRate.bps())};
}

std::optional<Fault> worker_fault(const Problem& problem, std::size_t index) {
  const WorkerSpec& worker = problem.workers[index];
  if (worker.name.empty())
    return Fault{Part::name, index, fmt::format("worker number {} has an empty name; name it", index)};
  if (auto fault = rate_fault(Part::uplink, index, "uplink", worker, worker.uplink)) return fault;
  if (auto fault = rate_fault(Part::downlink, index, "downlink", worker, worker.downlink)) return fault;
  if (worker.volume < Bytes(1) || worker.volume > kMaxVolume) {
    return Fault{Part::volume, index,
                 fmt::format("worker {}: the volume is {} bytes; give between 1 and {}", worker.name,
                             worker.volume.count(), kMaxVolume.count())};
  }
  if (worker.min_receivers < 0) {
    return Fault{
        Part::min_receivers, index,
        fmt::format("worker {}: min_receivers is {}; give 0 or more", worker.name, worker.min_receivers)};
  }
  return std::nullopt;
}

std::optional<Fault> name_fault(const Problem& problem) {
  std::unordered_map<std::string_view, std::size_t> first_with;
  for (std::size_t i = 0; i < problem.size(); ++i) {
    const auto [earlier, is_new] = first_with.emplace(problem.workers[i].name, i);
    if (is_new) continue;
    return Fault{Part::name, i,
                 fmt::format("workers number {} and {} are both named {}; name them differently",
                             earlier->second, i, problem.workers[i].name)};
  }
  return std::nullopt;
}

// Pairs that leave the problem, join a worker with itself, or stand twice.
std::optional<Fault> pair_fault(const Problem& problem, Part part, std::string_view kind, std::size_t count,
                                const std::function<Pair(std::size_t)>& pair_at) {
  for (std::size_t k = 0; k < count; ++k) {
    const Pair pair = pair_at(k);
    if (position(pair.sender) >= problem.size() || position(pair.receiver) >= problem.size()) {
      return Fault{
          part, k,
          fmt::format("{} pair number {} ({} -> {}) names a worker that is not there; there are {} workers",
                      kind, k, position(pair.sender), position(pair.receiver), problem.size())};
    }
    if (pair.sender == pair.receiver) {
      return Fault{part, k,
                   fmt::format("{} pair number {} joins {} with itself; remove it", kind, k,
                               problem.worker(pair.sender).name)};
    }
  }
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, pair_at);
  const auto twice = std::ranges::adjacent_find(order, {}, pair_at);
  if (twice == order.end()) return std::nullopt;
  const Pair pair = pair_at(*twice);
  return Fault{part, *std::next(twice),
               fmt::format("{} pair {} -> {} stands twice (number {} and {}); remove one", kind,
                           problem.worker(pair.sender).name, problem.worker(pair.receiver).name, *twice,
                           *std::next(twice))};
}

}  // namespace

std::string_view to_string(MulticastKind kind) {
  switch (kind) {
    case MulticastKind::network: return "network";
    case MulticastKind::unicast: return "unicast";
    case MulticastKind::relay: return "relay";
  }
  return "?";
}

std::optional<Fault> first_fault(const Problem& problem) {
  if (problem.workers.empty()) return Fault{Part::workers, 0, "there are no workers; name at least one"};
  if (problem.size() > kMaxWorkers) {
    return Fault{
        Part::workers, 0,
        fmt::format("there are {} workers; at most {} are planned together", problem.size(), kMaxWorkers)};
  }
  for (std::size_t i = 0; i < problem.size(); ++i) {
    if (auto fault = worker_fault(problem, i)) return fault;
  }
  if (auto fault = name_fault(problem)) return fault;
  if (auto fault = pair_fault(problem, Part::required, "required", problem.required.size(),
                              [&](std::size_t k) { return problem.required[k]; })) {
    return fault;
  }
  if (auto fault = pair_fault(problem, Part::ages, "aged", problem.ages.size(),
                              [&](std::size_t k) { return problem.ages[k].pair; })) {
    return fault;
  }
  return pair_fault(problem, Part::unreached, "unreached", problem.unreached.size(),
                    [&](std::size_t k) { return problem.unreached[k]; });
}

Result<void> validate(const Problem& problem) {
  if (auto fault = first_fault(problem)) return failure(ErrorCode::invalid_input, std::move(fault->message));
  return {};
}

}  // namespace selmcast::plan
