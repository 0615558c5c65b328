// Sets of workers and sets of pairs, as bits: what makes planning for thousands of workers a matter of
// milliseconds.
//
// A BitSet holds members 0 .. size-1, a BitMatrix one such set a row. Bits beyond the size are 0, always: so
// whole words can be combined without masks. Words are visited from the low bit to the high one.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace selmcast::plan {

using Word = std::uint64_t;
inline constexpr std::size_t kWordBits = 64;

constexpr std::size_t words_for(std::size_t bits) { return (bits + kWordBits - 1) / kWordBits; }

// Calls `visit(position)` for each set bit of `word`, which stands at position `base`.
template <class Visit>
void for_each_bit(Word word, std::size_t base, Visit&& visit) {
  for (; word != 0; word &= word - 1) visit(base + static_cast<std::size_t>(std::countr_zero(word)));
}

class BitSet {
 public:
  BitSet() = default;
  explicit BitSet(std::size_t size) : words_(words_for(size), 0) {}

  bool test(std::size_t k) const { return (words_[k / kWordBits] >> (k % kWordBits) & 1U) != 0; }
  void set(std::size_t k) { words_[k / kWordBits] |= Word{1} << (k % kWordBits); }
  void clear(std::size_t k) { words_[k / kWordBits] &= ~(Word{1} << (k % kWordBits)); }
  void clear_all() { std::ranges::fill(words_, Word{0}); }
  bool empty() const {
    return std::ranges::all_of(words_, [](Word word) { return word == 0; });
  }
  Word* data() { return words_.data(); }
  const Word* data() const { return words_.data(); }
  std::size_t words() const { return words_.size(); }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t w = 0; w < words_.size(); ++w) for_each_bit(words_[w], w * kWordBits, visit);
  }

 private:
  std::vector<Word> words_;
};

// size x size bits.
class BitMatrix {
 public:
  BitMatrix() = default;
  explicit BitMatrix(std::size_t size) : words_(words_for(size)), bits_(size * words_, 0) {}

  std::size_t words() const { return words_; }  // of a row
  Word* row(std::size_t i) { return bits_.data() + i * words_; }
  const Word* row(std::size_t i) const { return bits_.data() + i * words_; }
  bool test(std::size_t i, std::size_t j) const {
    return (row(i)[j / kWordBits] >> (j % kWordBits) & 1U) != 0;
  }
  void set(std::size_t i, std::size_t j) { row(i)[j / kWordBits] |= Word{1} << (j % kWordBits); }
  void clear(std::size_t i, std::size_t j) { row(i)[j / kWordBits] &= ~(Word{1} << (j % kWordBits)); }
  void clear_all() { std::ranges::fill(bits_, Word{0}); }

 private:
  std::size_t words_ = 0;
  std::vector<Word> bits_;
};

// result(j, i) = matrix(i, j). Both are size x size. O(size^2 / 64 * log 64).
void transpose(const BitMatrix& matrix, std::size_t size, BitMatrix& result);

}  // namespace selmcast::plan
