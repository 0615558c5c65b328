#include "selmcast/plan/age_classes.h"

#include <unordered_map>

namespace selmcast::plan {
namespace {

// The different ages above 0, ascending. Ages are small in practice: those are found without hashing.
std::vector<std::uint32_t> different_ages(const std::vector<PairAge>& ages) {
  std::vector<char> seen(1024, 0);
  std::unordered_map<std::uint32_t, bool> large;
  for (const PairAge& entry : ages) {
    if (entry.age < seen.size())
      seen[entry.age] = 1;
    else
      large.emplace(entry.age, true);
  }
  std::vector<std::uint32_t> result;
  for (std::uint32_t age = 1; age < seen.size(); ++age) {
    if (seen[age] != 0) result.push_back(age);
  }
  const auto small = static_cast<std::ptrdiff_t>(result.size());
  for (const auto& [age, unused] : large) result.push_back(age);
  std::sort(result.begin() + small, result.end());
  return result;
}

}  // namespace

AgeClasses::AgeClasses(const std::vector<PairAge>& ages, std::span<const std::uint32_t> place,
                       std::size_t size)
    : size_(size), words_(words_for(size)) {
  std::vector<std::uint32_t> different = different_ages(ages);
  const std::size_t kept = std::min(different.size(), kAgeClasses - 1);
  const std::vector<std::uint32_t> ages_of_class(different.end() - static_cast<std::ptrdiff_t>(kept),
                                                 different.end());
  classes_ = kept + 1;
  planes_.assign(static_cast<std::size_t>(std::bit_width(kept)), BitMatrix(size));

  std::vector<std::uint8_t> class_of_small(1024, 0);
  for (std::size_t c = 0; c < kept; ++c) {
    if (ages_of_class[c] < class_of_small.size())
      class_of_small[ages_of_class[c]] = static_cast<std::uint8_t>(c + 1);
  }
  for (const PairAge& entry : ages) {
    std::size_t age_class = 0;
    if (entry.age < class_of_small.size()) {
      age_class = class_of_small[entry.age];
    } else if (const auto found = std::ranges::lower_bound(ages_of_class, entry.age);
               found != ages_of_class.end() && *found == entry.age) {
      age_class = static_cast<std::size_t>(found - ages_of_class.begin()) + 1;
    }
    const std::size_t i = place[position(entry.pair.sender)];
    const std::size_t j = place[position(entry.pair.receiver)];
    for_each_bit(age_class, 0, [&](std::size_t bit) { planes_[bit].set(i, j); });
  }
}

void AgeClasses::select(std::size_t age_class, std::size_t row, const Word* among, Word* result) const {
  std::copy_n(among, words_, result);
  for (std::size_t bit = 0; bit < planes_.size(); ++bit) {
    const Word* plane = planes_[bit].row(row);
    const Word flip = (age_class >> bit & 1U) != 0 ? Word{0} : ~Word{0};
    for (std::size_t w = 0; w < words_; ++w) result[w] &= plane[w] ^ flip;
  }
}

std::size_t AgeClasses::class_of(std::size_t row, std::size_t column) const {
  std::size_t result = 0;
  for (std::size_t bit = 0; bit < planes_.size(); ++bit)
    result |= std::size_t{planes_[bit].test(row, column)} << bit;
  return result;
}

// Adds 1 to all numbers of the row at once: the carry of bit b is where all bits up to b were 1.
void AgeClasses::grow_older(std::size_t row, const Word* met) {
  if (static_cast<std::size_t>(std::bit_width(std::min(classes_, kAgeClasses - 1))) > planes_.size())
    planes_.emplace_back(size_);
  for (std::size_t w = 0; w < words_; ++w) {
    const std::size_t left = size_ - w * kWordBits;
    Word carry = left >= kWordBits ? ~Word{0} : (Word{1} << left) - 1;
    for (BitMatrix& plane : planes_) {
      Word& bits = plane.row(row)[w];
      const Word both = bits & carry;
      bits ^= carry;
      carry = both;
    }
    for (BitMatrix& plane : planes_) {
      Word& bits = plane.row(row)[w];
      bits = (bits | carry) & ~met[w];
    }
  }
}

void AgeClasses::end_round() { classes_ = std::min(classes_ + 1, kAgeClasses); }

void AgeClasses::resize(std::size_t size) {
  for (BitMatrix& plane : planes_) {
    BitMatrix larger(size);
    for (std::size_t i = 0; i < size_; ++i) std::copy_n(plane.row(i), words_, larger.row(i));
    plane = std::move(larger);
  }
  size_ = size;
  words_ = words_for(size);
}

void AgeClasses::forget(std::size_t place) {
  for (BitMatrix& plane : planes_) {
    std::fill_n(plane.row(place), words_, Word{0});
    for (std::size_t i = 0; i < size_; ++i) plane.clear(i, place);
  }
}

}  // namespace selmcast::plan
