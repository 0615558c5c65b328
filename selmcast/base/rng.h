// Seeded random numbers that are the same on every machine and with every standard library.
//
// Generator: xoshiro256** seeded through SplitMix64 (D. Blackman, S. Vigna, "Scrambled linear pseudorandom number
// generators", 2021). The distributions are our own because the standard leaves theirs to the implementation.
// Thread rule: none shared; give each owner a stream of its own with fork().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace selmcast {

class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  std::uint64_t next();
  // Uniform in [0, 1): 53 random bits.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // Unbiased in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // An independent stream: the same (seed, label) gives the same stream however much else was drawn.
  Rng fork(std::uint64_t label) const;

  // Fisher-Yates.
  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t seed_;
  std::uint64_t state_[4];
};

}  // namespace selmcast
