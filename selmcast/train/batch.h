// Labelled images side by side: what is read, trained on and scored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace selmcast::train {

inline constexpr std::size_t kImagePixels = 28 * 28;
inline constexpr std::size_t kClasses = 10;

// Image i is pixels[i * kImagePixels ..], its class labels[i] < kClasses.
struct Batch {
  std::span<const std::uint8_t> pixels;
  std::span<const std::uint8_t> labels;
};

}  // namespace selmcast::train
