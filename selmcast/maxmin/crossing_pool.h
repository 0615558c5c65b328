// The links that flows cross, in one array: a flow's crossings lie side by side in a block of it.
//
// Blocks are as large as powers of two; one given back is used again for the next of its size, so memory stays linear
// in the most incidences there ever were. Thread rule: one owner.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace selmcast::maxmin {

// The two ends of an incidence know one another's position, so that it is unlinked in O(1).
struct Crossing {
  std::uint32_t link = 0;
  std::uint32_t place = 0;  // in the link's members
};

struct CrossingBlock {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint32_t size_class = 0;  // room for 2 ^ size_class
};

class CrossingPool {
 public:
  // A block with room for `count` > 0, all of it in use.
  CrossingBlock take(std::size_t count) {
    const auto size_class = static_cast<std::uint32_t>(std::bit_width(count - 1));
    auto& free = free_[size_class];
    CrossingBlock block{0, static_cast<std::uint32_t>(count), size_class};
    if (free.empty()) {
      block.first = static_cast<std::uint32_t>(cells_.size());
      cells_.resize(cells_.size() + (std::size_t{1} << size_class));
    } else {
      block.first = free.back();
      free.pop_back();
    }
    return block;
  }
  void give_back(CrossingBlock block) { free_[block.size_class].push_back(block.first); }
  std::span<Crossing> of(CrossingBlock block) { return {cells_.data() + block.first, block.count}; }
  std::span<const Crossing> of(CrossingBlock block) const {
    return {cells_.data() + block.first, block.count};
  }

 private:
  std::vector<Crossing> cells_;
  std::array<std::vector<std::uint32_t>, 33> free_;  // first cells of free blocks, by size class
};

}  // namespace selmcast::maxmin
