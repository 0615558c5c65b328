// Arithmetic on parameter vectors: the exact average of all workers' models, and how far they are from it.
// Sums are in double, in the order in which the vectors were added, and rounded to float once at the end.
// Thread rule: values, nothing shared.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace selmcast::train {

// Collects vectors one by one, so that only one of them has to be in memory. All have the same length.
class Average {
 public:
  // Requires the length of the first vector added.
  void add(std::span<const float> parameters);
  std::size_t count() const { return count_; }
  // Requires count() > 0.
  std::vector<float> value() const;

 private:
  std::vector<double> sums_;
  std::size_t count_ = 0;
};

// Consensus distance: sqrt(mean over workers of |x_i - average|^2) / |average|. 0: all models are equal.
// Add the squared distance of each worker, then ask.
class ConsensusDistance {
 public:
  explicit ConsensusDistance(std::span<const float> average);  // a view; must outlive this
  // Requires the length of the average.
  void add(std::span<const float> parameters);
  // Requires at least one vector. A zero average gives 0 if all vectors are zero too, else infinity.
  double value() const;

 private:
  std::span<const float> average_;
  double squared_distances_ = 0;
  std::size_t count_ = 0;
};

}  // namespace selmcast::train
