// One value at a time: how each format of format.h rounds, and back. The arithmetic of codec.h's loops, and what its
// tests hold them against.
//
// Everything works on bits and on floats that are exact or normal: nothing depends on how the machine treats
// subnormals. Integers are 32 bits wide and choices are selects, not branches, so that compilers do many at once;
// always inlined, because a function of its own is not compiled for wider registers.
// Notation: b the bits of x, m = b without the sign, r the hash of its position and the seed.
#pragma once

#include <bit>
#include <cstdint>

namespace selmcast::payload {

inline constexpr std::uint32_t kSign = 0x8000'0000;
inline constexpr std::uint32_t kInfinity = 0x7f80'0000;  // above it: NaN

// 32 bits that look random, of a position and a seed. The finaliser is "lowbias32" of C. Wellons' hash prospector
// (public domain); positions are spread by the golden ratio.
[[gnu::always_inline]] constexpr std::uint32_t dither(std::uint32_t position, std::uint32_t seed) {
  std::uint32_t x = seed + position * 0x9e37'79b9U;
  x = (x ^ (x >> 16)) * 0x7feb'352dU;
  x = (x ^ (x >> 15)) * 0x846c'a68bU;
  return x ^ (x >> 16);
}

// From 2^-24 to 1 - 2^-24, each float exact.
[[gnu::always_inline]] constexpr float dither_fraction(std::uint32_t r) {
  return (static_cast<float>(static_cast<std::int32_t>(r >> 9)) + 0.5F) * 0x1p-23F;
}

// Up with a probability of what is between v >= 0 and the integer below. Requires v < 2^22.
[[gnu::always_inline]] constexpr std::int32_t round_up_or_down(float v, std::uint32_t r) {
  const auto whole = static_cast<std::int32_t>(v);
  return whole + (v - static_cast<float>(whole) > dither_fraction(r) ? 1 : 0);
}

// A mask for choices; of several choices between the same values g++ would make branches. Requires both below 2^31.
[[gnu::always_inline]] constexpr std::uint32_t all_ones_if_less(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(a - b) >> 31);
}

// ---- bfloat16

[[gnu::always_inline]] constexpr std::uint16_t to_bfloat16(float x, std::uint32_t r) {
  const auto b = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t m = b & ~kSign;
  const std::uint32_t up = (m + (r & 0xffff)) >> 16;
  const std::uint32_t finite = up < 0x7f7f ? up : 0x7f7f;
  const std::uint32_t special = (m >> 16) | (m > kInfinity ? 0x40 : 0);  // a NaN stays one
  return static_cast<std::uint16_t>((b >> 16 & 0x8000) | (m < kInfinity ? finite : special));
}

[[gnu::always_inline]] constexpr float from_bfloat16(std::uint16_t h) {
  return std::bit_cast<float>(std::uint32_t{h} << 16);
}

// ---- float16: a sign, 5 bits of exponent with bias 15, 10 of fraction

[[gnu::always_inline]] constexpr std::uint16_t to_float16(float x, std::uint32_t r) {
  constexpr std::uint32_t kLeastNormal = 0x3880'0000;  // 2^-14
  constexpr std::uint32_t kRebias = (127 - 15) << 10;
  const auto b = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t m = b & ~kSign;
  const std::uint32_t up = ((m + (r & 0x1fff)) >> 13) - kRebias;
  const std::uint32_t normal = up < 0x7bff ? up : 0x7bff;
  const std::uint32_t is_small = all_ones_if_less(m, kLeastNormal);
  const std::uint32_t is_finite = all_ones_if_less(m, kInfinity);
  const std::uint32_t is_nan = all_ones_if_less(kInfinity, m);
  // In units of 2^-24. What is normal is taken for 0 here, so that the conversion to an integer is defined.
  const float small = std::bit_cast<float>(m & is_small) * 0x1p24F;
  const auto subnormal = static_cast<std::uint32_t>(round_up_or_down(small, r));
  const std::uint32_t special = 0x7c00 | (is_nan & (0x200 | (m >> 13 & 0x3ff)));
  const std::uint32_t finite = (subnormal & is_small) | (normal & ~is_small);
  return static_cast<std::uint16_t>((b >> 16 & 0x8000) | (finite & is_finite) | (special & ~is_finite));
}

[[gnu::always_inline]] constexpr float from_float16(std::uint16_t h) {
  const std::uint32_t m = h & 0x7fff;
  const std::uint32_t normal = (m << 13) + ((127U - 15) << 23);
  const std::uint32_t special = (m << 13) | kInfinity;
  const auto subnormal =
      std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(m)) * 0x1p-24F);
  const std::uint32_t value = m < 0x400 ? subnormal : m < 0x7c00 ? normal : special;
  return std::bit_cast<float>((std::uint32_t{h} & 0x8000) << 16 | value);
}

// ---- int8

// Of a block whose greatest magnitude has the bits `greatest`: what its values are multiplied with to get -127 .. 127,
// and the scale that leads back.
struct BlockScale {
  float to_steps = 0;
  float step = 0;
};
[[gnu::always_inline]] constexpr BlockScale block_scale(std::uint32_t greatest) {
  constexpr std::uint32_t kLeast =
      0x0d80'0000;  // 2^-100: neither 127 / A nor A / 127 is subnormal or infinite
  constexpr float kStepMost = 0x1.020406p+121F;  // 127 times it is finite
  if (greatest >= kInfinity) return {0, std::bit_cast<float>(0x7fc0'0000U)};
  if (greatest < kLeast) return {0, 0};
  const float a = std::bit_cast<float>(greatest);
  const float step = a / 127.0F;
  return {127.0F / a, step < kStepMost ? step : kStepMost};
}

// Requires that x is finite, and of the block that the scale is of, or that to_steps is 0.
[[gnu::always_inline]] constexpr std::int8_t to_int8(float x, float to_steps, std::uint32_t r) {
  const auto b = std::bit_cast<std::uint32_t>(x);
  const std::int32_t up = round_up_or_down(std::bit_cast<float>(b & ~kSign) * to_steps, r);
  const std::int32_t steps = up < 127 ? up : 127;
  return static_cast<std::int8_t>((b & kSign) != 0 ? -steps : steps);
}

}  // namespace selmcast::payload
