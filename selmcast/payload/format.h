// How the float32 values of a model travel: in four, two or about one byte each.
//
// One tensor of n values x_0 .. x_{n-1} becomes encoded_bytes() bytes, everything little-endian, without padding:
//
//     float32    n times 4 bytes: the bits of x_k
//     float16    n times 2 bytes: IEEE binary16
//     bfloat16   n times 2 bytes: the upper half of a float32
//     int8       ceil(n / 64) times 4 bytes, the scales s_0, s_1, ... (float32) of blocks of 64 values each, the last
//                one perhaps shorter; then n bytes q_k, signed. Decoded: q_k * s_{floor(k / 64)}
//
// Rounding is dithered: a value between two neighbours of the format becomes the upper or the lower one, by a hash of
// its position and of the whole model, the upper one the more often the closer it is. So the mean error is nothing, and
// a value that a format has is kept. Why not to the nearest: workers mix with the rounded models of others, step after
// step. Rounded to the nearest, every mixture would pull a value to the same neighbour again, and steps of training
// that are shorter than that pull would never leave it. The same happens, less often, where the hash is of the value's
// own bits: the pull holds on to the first value that does not change. payload_bias_test.cpp shows both. Why no
// generator or number of a round: the bytes depend on the model alone, so that a resumed training has the same bits.
//
// Error bounds, for x finite and A the greatest magnitude in its block, |decoded - x| <
//
//     float32    0; bit for bit, NaN included
//     bfloat16   2^-7 |x|; below 2^-126: 2^-133
//     float16    2^-10 |x| up to 65504; below 2^-14: 2^-24; what is beyond 65504 becomes 65504 with its sign
//     int8       A / 127 (1 + 2^-13); a block with A < 2^-100 becomes zeros
//
// The root of the mean squared error is half of that at most. What is finite stays finite; zero stays zero (in int8
// without its sign). Infinities and NaN stay what they are in float16 and bfloat16; in int8 their whole block becomes
// NaN: a broken model is not made to look whole.
//
// The same bits on every machine, whatever it can do at once and whether it flushes subnormals to zero (codec.h).
// Which tensors of a model are rounded at all: model_codec.h. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "selmcast/base/error.h"

namespace selmcast::payload {

enum class Format { float32, float16, bfloat16, int8 };

// "float32", "float16", "bfloat16", "int8".
std::string_view to_string(Format format);
// Those, and "fp32", "fp16", "bf16". Error (invalid_input) naming the formats there are.
Result<Format> parse_format(std::string_view name);

// Values that share a scale in int8.
inline constexpr std::size_t kBlock = 64;

// Of one tensor.
constexpr std::size_t encoded_bytes(Format format, std::size_t values) {
  switch (format) {
    case Format::float16:
    case Format::bfloat16: return 2 * values;
    case Format::int8: return 4 * ((values + kBlock - 1) / kBlock) + values;
    case Format::float32: break;
  }
  return 4 * values;
}

}  // namespace selmcast::payload
