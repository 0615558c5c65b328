// For tests: a small, easy data set made on the spot.
#pragma once

#include <cstdint>

#include "selmcast/base/rng.h"
#include "selmcast/train/idx_dataset.h"

namespace selmcast::train {

// Two classes: images of class 0 are bright in their upper half, those of class 1 in their lower half; with
// noise.
inline Dataset toy_dataset(std::size_t examples, std::uint64_t seed) {
  Rng rng(seed);
  Dataset dataset;
  for (std::size_t i = 0; i < examples; ++i) {
    const auto label = static_cast<std::uint8_t>(i % 2);
    dataset.labels.push_back(label);
    for (std::size_t pixel = 0; pixel < kImagePixels; ++pixel) {
      const bool bright = (pixel < kImagePixels / 2) == (label == 0);
      dataset.pixels.push_back(static_cast<std::uint8_t>((bright ? 128 : 0) + rng.below(100)));
    }
  }
  return dataset;
}

}  // namespace selmcast::train
