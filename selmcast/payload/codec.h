// One tensor to bytes and back, in the formats of format.h, many values at a time.
//
// The loops are compiled twice, for every machine of the architecture and for those with wider registers (AVX2), and
// chosen once at run time. Both do the arithmetic of rounding.h, in IEEE float32 without fused multiplications, and so
// give the same bits; codec_test.cpp compares them. How fast they are: bench/payload_bench.cpp.
//
// Pure; nothing is allocated. No thread owns anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "selmcast/payload/format.h"

namespace selmcast::payload {

enum class Instructions { any, avx2 };
// What this machine has of them.
Instructions best_instructions();

// What the rounding of a model depends on: another one if any single value is another.
std::uint32_t seed_of(std::span<const float> model, Instructions with = best_instructions());

// Of what is rounded: the seed, and the position of the first value in its model.
struct Dither {
  std::uint32_t seed = 0;
  std::uint32_t position = 0;
};

// Writes all encoded_bytes(format, values.size()) bytes of `out`. Requires that it has as many.
void encode(Format format, std::span<const float> values, const Dither& dither, std::span<std::byte> out,
            Instructions with = best_instructions());

// The values from `from` on of a tensor that lies in `encoded`, whole. Requires that it has them all. Any bytes decode
// to something: whoever does not trust them looks at the values.
void decode(Format format, std::span<const std::byte> encoded, std::size_t tensor_values, std::size_t from,
            std::span<float> values, Instructions with = best_instructions());

}  // namespace selmcast::payload
