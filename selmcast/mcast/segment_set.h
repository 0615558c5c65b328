// Which segments of a stream are there: a bit each, so that memory is 1 / (8 * segment_bytes) of the payload
// whatever is lost. Pure; one owner.
//
// Complexity: first_missing() is amortised O(1) as the prefix grows; everything else O(segments asked for / 64).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace selmcast::mcast {

// Segments first <= s < end.
struct SegmentRange {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  std::uint32_t size() const { return end - first; }
  bool operator==(const SegmentRange&) const = default;
};

class SegmentSet {
 public:
  explicit SegmentSet(std::uint32_t segments) : words_((segments + 63) / 64), segments_(segments) {}

  bool contains(std::uint32_t segment) const { return (words_[segment / 64] >> (segment % 64)) & 1; }
  bool insert(std::uint32_t segment);  // false: it was there
  std::uint32_t count() const { return count_; }
  bool full() const { return count_ == segments_; }
  std::uint32_t first_missing() const { return first_missing_; }  // segments if full
  // The first one that is missing from `from` on; `end` if there is none before it.
  std::uint32_t next_missing(std::uint32_t from, std::uint32_t end) const;

  // Bit k of the answer, byte by byte from bit 0: range.first + k is there. Bits beyond the range are 0.
  std::vector<std::byte> bits(SegmentRange range) const;
  // What bits() said: all of them are there. Requires a range within the stream and as many bytes as it needs.
  void insert_bits(SegmentRange range, std::span<const std::byte> bits);
  // All before `end` are there.
  void insert_prefix(std::uint32_t end);
  // Missing ones before `end`, ascending, merged; at most `most` ranges.
  std::vector<SegmentRange> missing(std::uint32_t end, std::size_t most) const;

 private:
  std::vector<std::uint64_t> words_;
  std::uint32_t segments_;
  std::uint32_t count_ = 0;
  std::uint32_t first_missing_ = 0;
};

}  // namespace selmcast::mcast
