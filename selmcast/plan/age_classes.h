// The ages of all pairs, by class, so that "all pairs of this class that worker i sends" is a few word
// operations.
//
// A class is a set of pairs of equal age; class 0 is age 0, classes grow with age, and only their order has a
// meaning. The oldest kAgeClasses - 1 different ages have a class each; any ages below those share class 0
// with age 0 (a training with max_age k has at most k + 1 ages).
//
// Representation: bit-sliced. The class of a pair is a number of a few bits; bit b of all pairs' classes is
// one BitMatrix. A row of a class is the AND of the planes or their complements: O(n / 64 * log classes).
// Memory: n^2 / 8 bytes a plane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "selmcast/plan/bits.h"
#include "selmcast/plan/problem.h"

namespace selmcast::plan {

class AgeClasses {
 public:
  static constexpr std::size_t kAgeClasses = 64;

  AgeClasses() = default;
  // `place[i]` < size is the row and column of worker i. O(pairs), and O(n^2 / 64) a plane.
  AgeClasses(const std::vector<PairAge>& ages, std::span<const std::uint32_t> place, std::size_t size);

  // At least 1: class 0 is always there.
  std::size_t classes() const { return classes_; }
  std::size_t class_of(std::size_t row, std::size_t column) const;
  // Writes the pairs (row, *) of class `age_class` that are also in `among`. Requires words() of a row in
  // both.
  void select(std::size_t age_class, std::size_t row, const Word* among, Word* result) const;

  // A round later: all pairs of `row` are one class older (the oldest ones stay), but those in `met` start
  // again from 0. After all rows were given, call end_round().
  void grow_older(std::size_t row, const Word* met);
  void end_round();
  // Nobody is at this place any more: its pairs have age 0.
  void forget(std::size_t place);
  // More places; the pairs of the new ones have age 0.
  void resize(std::size_t size);

 private:
  std::size_t size_ = 0;
  std::size_t words_ = 0;
  std::size_t classes_ = 1;
  std::vector<BitMatrix> planes_;
};

}  // namespace selmcast::plan
