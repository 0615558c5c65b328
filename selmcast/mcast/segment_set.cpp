#include "selmcast/mcast/segment_set.h"

#include <algorithm>
#include <bit>

namespace selmcast::mcast {

bool SegmentSet::insert(std::uint32_t segment) {
  std::uint64_t& word = words_[segment / 64];
  const std::uint64_t bit = std::uint64_t{1} << (segment % 64);
  if (word & bit) return false;
  word |= bit;
  ++count_;
  if (segment == first_missing_) first_missing_ = next_missing(segment + 1, segments_);
  return true;
}

std::uint32_t SegmentSet::next_missing(std::uint32_t from, std::uint32_t end) const {
  while (from < end) {
    const std::uint64_t missing = ~words_[from / 64] >> (from % 64);
    if (missing != 0) return std::min(end, from + static_cast<std::uint32_t>(std::countr_zero(missing)));
    from = (from / 64 + 1) * 64;
  }
  return end;
}

std::vector<std::byte> SegmentSet::bits(SegmentRange range) const {
  std::vector<std::byte> bits((range.size() + 7) / 8);
  for (std::uint32_t s = range.first; s < range.end; ++s) {
    const std::uint32_t k = s - range.first;
    if (contains(s)) bits[k / 8] |= std::byte{1} << (k % 8);
  }
  return bits;
}

void SegmentSet::insert_bits(SegmentRange range, std::span<const std::byte> bits) {
  for (std::uint32_t s = range.first; s < range.end; ++s) {
    const std::uint32_t k = s - range.first;
    if ((bits[k / 8] >> (k % 8) & std::byte{1}) != std::byte{}) insert(s);
  }
}

void SegmentSet::insert_prefix(std::uint32_t end) {
  for (std::uint32_t s = first_missing_; s < end; s = first_missing_) insert(s);
}

std::vector<SegmentRange> SegmentSet::missing(std::uint32_t end, std::size_t most) const {
  std::vector<SegmentRange> ranges;
  for (std::uint32_t s = next_missing(first_missing_, end); s < end && ranges.size() < most;) {
    std::uint32_t stop = s + 1;
    while (stop < end && !contains(stop)) ++stop;
    ranges.push_back({s, stop});
    s = next_missing(stop, end);
  }
  return ranges;
}

}  // namespace selmcast::mcast
