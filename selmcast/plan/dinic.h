// Maximum flow after E. A. Dinic (1970), on adjacency lists: the textbook algorithm and nothing more.
//
// Repeats: breadth-first levels from the source over arcs with room, then a depth-first search for a blocking
// flow along arcs that climb one level, with a current-arc pointer per node. O(V^2 E) in general, O(E sqrt V)
// on unit networks. Capacities may be raised between two calls of augment(): flow found so far stays. Of several arcs
// that would do, those added first are tried first. A value of one thread.
#pragma once

#include <cstdint>
#include <vector>

namespace selmcast::plan {

class Dinic {
 public:
  // An arc's name: its place in the order of add_arc().
  using Arc = std::size_t;

  Dinic(std::size_t nodes, std::size_t arcs);

  Arc add_arc(std::size_t from, std::size_t to);  // without capacity
  // Forgets all flow; every arc has no capacity.
  void clear();
  // Adds to what the arc may still carry.
  void raise(Arc arc, std::int64_t capacity) { edges_[2 * arc].room += capacity; }
  std::int64_t flow(Arc arc) const { return edges_[2 * arc + 1].room; }

  // Pushes as much as still fits from source to sink; returns how much that was.
  std::int64_t augment(std::size_t source, std::size_t sink);

 private:
  struct Edge {
    std::uint32_t to;
    std::int64_t room;
  };

  bool find_levels(std::size_t source, std::size_t sink);
  std::int64_t push(std::size_t node, std::size_t sink, std::int64_t most);

  std::vector<Edge> edges_;                          // 2 a: arc a, 2 a + 1: its reverse
  std::vector<std::vector<std::uint32_t>> leaving_;  // edges by node
  std::vector<std::int32_t> level_;                  // -1: not reached
  std::vector<std::size_t> current_;                 // place in leaving_: earlier edges are used up
  std::vector<std::uint32_t> queue_;
};

}  // namespace selmcast::plan
