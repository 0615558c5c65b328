#include "selmcast/plan/bits.h"

#include <gtest/gtest.h>

#include "selmcast/base/rng.h"
#include "selmcast/plan/age_classes.h"

namespace selmcast::plan {
namespace {

TEST(Bits, TransposeTurnsRowsIntoColumns) {
  for (const std::size_t size : {1U, 63U, 64U, 65U, 200U}) {
    SCOPED_TRACE(size);
    Rng rng(size);
    BitMatrix matrix(size), turned(size);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        if (rng.below(3) == 0) matrix.set(i, j);
      }
    }
    transpose(matrix, size, turned);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) ASSERT_EQ(turned.test(j, i), matrix.test(i, j)) << i << " " << j;
    }
  }
}

TEST(AgeClasses, GrowAsAgesDo) {
  // Ages of one row of 70 pairs, kept beside the classes; one in three meets each round. 80 rounds: beyond
  // the oldest class.
  Rng rng(1);
  const std::size_t size = 70;
  std::vector<std::size_t> ages(size, 0);
  AgeClasses classes({}, {}, size);
  for (int round = 0; round < 80; ++round) {
    BitSet met(size);
    for (std::size_t j = 0; j < size; ++j) {
      const bool meets = j > 0 && rng.below(3) == 0;  // the first never does
      if (meets) met.set(j);
      ages[j] = meets ? 0 : std::min(ages[j] + 1, AgeClasses::kAgeClasses - 1);
    }
    classes.grow_older(5, met.data());
    classes.end_round();
    for (std::size_t j = 0; j < size; ++j) ASSERT_EQ(classes.class_of(5, j), ages[j]) << round << " " << j;
  }
  EXPECT_EQ(classes.classes(), AgeClasses::kAgeClasses);
}

TEST(AgeClasses, KeepTheOrderOfAnyAges) {
  // Different ages 7, 100, 2^32 - 1: classes 1, 2, 3; what is not named is of class 0.
  const auto pair = [](std::uint32_t i, std::uint32_t j) { return Pair{WorkerIndex(i), WorkerIndex(j)}; };
  const std::vector<std::uint32_t> place{2, 0, 1};
  const AgeClasses classes({{pair(0, 1), 100}, {pair(1, 2), UINT32_MAX}, {pair(2, 0), 7}, {pair(2, 1), 0}},
                           place, 3);
  EXPECT_EQ(classes.classes(), 4U);
  EXPECT_EQ(classes.class_of(2, 0), 2U);
  EXPECT_EQ(classes.class_of(0, 1), 3U);
  EXPECT_EQ(classes.class_of(1, 2), 1U);
  EXPECT_EQ(classes.class_of(1, 0), 0U);
}

TEST(AgeClasses, MergeTheYoungestOfTooMany) {
  // 100 different ages; the 63 oldest (38 .. 100) have classes 1 .. 63, the others share class 0.
  std::vector<PairAge> ages;
  std::vector<std::uint32_t> place;
  for (std::uint32_t k = 0; k <= 100; ++k) {
    place.push_back(k);
    if (k > 0) ages.push_back({{WorkerIndex(0), WorkerIndex(k)}, k});
  }
  const AgeClasses classes(ages, place, place.size());
  EXPECT_EQ(classes.classes(), 64U);
  EXPECT_EQ(classes.class_of(0, 100), 63U);
  EXPECT_EQ(classes.class_of(0, 38), 1U);
  EXPECT_EQ(classes.class_of(0, 37), 0U);
}

}  // namespace
}  // namespace selmcast::plan
