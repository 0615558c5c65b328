#include "selmcast/plan/dinic.h"

#include <algorithm>
#include <limits>

namespace selmcast::plan {

Dinic::Dinic(std::size_t nodes, std::size_t arcs) : leaving_(nodes), level_(nodes), current_(nodes) {
  edges_.reserve(2 * arcs);
  queue_.reserve(nodes);
}

Dinic::Arc Dinic::add_arc(std::size_t from, std::size_t to) {
  const auto edge = static_cast<std::uint32_t>(edges_.size());
  edges_.push_back({static_cast<std::uint32_t>(to), 0});
  edges_.push_back({static_cast<std::uint32_t>(from), 0});
  leaving_[from].push_back(edge);
  leaving_[to].push_back(edge + 1);
  return edge / 2;
}

void Dinic::clear() {
  for (Edge& edge : edges_) edge.room = 0;
}

std::int64_t Dinic::augment(std::size_t source, std::size_t sink) {
  std::int64_t total = 0;
  while (find_levels(source, sink)) {
    std::ranges::fill(current_, 0);
    total += push(source, sink, std::numeric_limits<std::int64_t>::max());
  }
  return total;
}

bool Dinic::find_levels(std::size_t source, std::size_t sink) {
  std::ranges::fill(level_, -1);
  queue_.assign(1, static_cast<std::uint32_t>(source));
  level_[source] = 0;
  for (std::size_t head = 0; head < queue_.size(); ++head) {
    const std::uint32_t node = queue_[head];
    for (const std::uint32_t id : leaving_[node]) {
      const Edge& edge = edges_[id];
      if (edge.room == 0 || level_[edge.to] >= 0) continue;
      level_[edge.to] = level_[node] + 1;
      if (edge.to == sink) return true;
      queue_.push_back(edge.to);
    }
  }
  return false;
}

std::int64_t Dinic::push(std::size_t node, std::size_t sink, std::int64_t most) {
  if (node == sink) return most;
  std::int64_t pushed = 0;
  for (std::size_t& at = current_[node]; at < leaving_[node].size(); ++at) {
    const std::uint32_t id = leaving_[node][at];
    const Edge edge = edges_[id];
    if (edge.room == 0 || level_[edge.to] != level_[node] + 1) continue;
    const std::int64_t through = push(edge.to, sink, std::min(most - pushed, edge.room));
    edges_[id].room -= through;
    edges_[id ^ 1U].room += through;
    pushed += through;
    if (pushed == most) break;  // this edge may have room left
  }
  return pushed;
}

}  // namespace selmcast::plan
