#include "selmcast/payload/codec.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "selmcast/base/check.h"
#include "selmcast/payload/rounding.h"

namespace selmcast::payload {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the formats are little-endian, and so are the loops");

#define SELMCAST_INLINE [[gnu::always_inline]] inline

template <class Value>
SELMCAST_INLINE void put(std::byte* out, std::size_t k, Value value) {
  std::memcpy(out + k * sizeof(Value), &value, sizeof(Value));
}
template <class Value>
SELMCAST_INLINE Value get(const std::byte* in, std::size_t k) {
  Value value;
  std::memcpy(&value, in + k * sizeof(Value), sizeof(Value));
  return value;
}

// r of rounding.h.
SELMCAST_INLINE std::uint32_t random_at(const Dither& made, std::size_t k) {
  return dither(made.position + static_cast<std::uint32_t>(k), made.seed);
}

// Linear, with odd factors: one value that is another changes the sum. Then spread over all bits.
SELMCAST_INLINE std::uint32_t seed_any(const float* x, std::size_t count) {
  std::uint32_t sum = 0;
  for (std::size_t k = 0; k < count; ++k)
    sum += std::bit_cast<std::uint32_t>(x[k]) * ((2 * static_cast<std::uint32_t>(k) + 1) * 0x9e37'79b9U);
  return dither(0, sum);
}

SELMCAST_INLINE void encode_block(const float* x, const Dither& made_by, std::size_t from, std::size_t count,
                                  std::byte* scale, std::byte* codes) {
  std::int32_t greatest = 0;
  for (std::size_t k = 0; k < count; ++k)
    greatest = std::max(greatest, std::bit_cast<std::int32_t>(x[from + k]) & 0x7fff'ffff);
  const BlockScale made = block_scale(static_cast<std::uint32_t>(greatest));
  put(scale, 0, made.step);
  if (made.to_steps == 0) {
    std::memset(codes, 0, count);
    return;
  }
  for (std::size_t k = 0; k < count; ++k)
    put(codes, k, to_int8(x[from + k], made.to_steps, random_at(made_by, from + k)));
}

SELMCAST_INLINE void encode_any(Format format, const float* x, std::size_t count, const Dither& made,
                                std::byte* out) {
  switch (format) {
    case Format::float32: std::memcpy(out, x, count * sizeof(float)); return;
    case Format::float16:
      for (std::size_t k = 0; k < count; ++k) put(out, k, to_float16(x[k], random_at(made, k)));
      return;
    case Format::bfloat16:
      for (std::size_t k = 0; k < count; ++k) put(out, k, to_bfloat16(x[k], random_at(made, k)));
      return;
    case Format::int8: {
      std::byte* const codes = out + (encoded_bytes(format, count) - count);
      std::size_t from = 0;
      for (; from + kBlock <= count; from += kBlock)
        encode_block(x, made, from, kBlock, out + from / kBlock * 4, codes + from);
      if (from < count) encode_block(x, made, from, count - from, out + from / kBlock * 4, codes + from);
      return;
    }
  }
}

SELMCAST_INLINE void decode_any(Format format, const std::byte* in, std::size_t tensor_values,
                                std::size_t from, float* x, std::size_t count) {
  switch (format) {
    case Format::float32: std::memcpy(x, in + from * sizeof(float), count * sizeof(float)); return;
    case Format::float16:
      for (std::size_t k = 0; k < count; ++k) x[k] = from_float16(get<std::uint16_t>(in + 2 * from, k));
      return;
    case Format::bfloat16:
      for (std::size_t k = 0; k < count; ++k) x[k] = from_bfloat16(get<std::uint16_t>(in + 2 * from, k));
      return;
    case Format::int8: {
      const std::byte* const codes = in + (encoded_bytes(format, tensor_values) - tensor_values);
      for (std::size_t done = 0; done < count;) {
        const std::size_t at = from + done;
        const std::size_t here = std::min(count - done, kBlock - at % kBlock);
        const auto step = get<float>(in, at / kBlock);
        for (std::size_t k = 0; k < here; ++k)
          x[done + k] = static_cast<float>(std::int32_t{get<std::int8_t>(codes + at, k)}) * step;
        done += here;
      }
      return;
    }
  }
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] std::uint32_t seed_avx2(const float* x, std::size_t count) {
  return seed_any(x, count);
}
[[gnu::target("avx2")]] void encode_avx2(Format format, const float* x, std::size_t count, const Dither& made,
                                         std::byte* out) {
  encode_any(format, x, count, made, out);
}
[[gnu::target("avx2")]] void decode_avx2(Format format, const std::byte* in, std::size_t tensor_values,
                                         std::size_t from, float* x, std::size_t count) {
  decode_any(format, in, tensor_values, from, x, count);
}
#else
constexpr auto seed_avx2 = [](const float*, std::size_t) { return std::uint32_t{0}; };
constexpr auto encode_avx2 = [](Format, const float*, std::size_t, const Dither&, std::byte*) {};
constexpr auto decode_avx2 = [](Format, const std::byte*, std::size_t, std::size_t, float*, std::size_t) {};
#endif

}  // namespace

Instructions best_instructions() {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  return has_avx2 ? Instructions::avx2 : Instructions::any;
#else
  return Instructions::any;
#endif
}

std::uint32_t seed_of(std::span<const float> model, Instructions with) {
  if (with == Instructions::avx2) return seed_avx2(model.data(), model.size());
  return seed_any(model.data(), model.size());
}

void encode(Format format, std::span<const float> values, const Dither& dither, std::span<std::byte> out,
            Instructions with) {
  SELMCAST_CHECK(out.size() == encoded_bytes(format, values.size()),
                 "a tensor is encoded into its own bytes");
  if (values.empty()) return;  // there may be no memory at all to point to
  if (with == Instructions::avx2)
    return encode_avx2(format, values.data(), values.size(), dither, out.data());
  encode_any(format, values.data(), values.size(), dither, out.data());
}

void decode(Format format, std::span<const std::byte> encoded, std::size_t tensor_values, std::size_t from,
            std::span<float> values, Instructions with) {
  SELMCAST_CHECK(encoded.size() == encoded_bytes(format, tensor_values),
                 "a tensor is decoded from its own bytes");
  SELMCAST_CHECK(from <= tensor_values && values.size() <= tensor_values - from,
                 "a tensor has the values asked for");
  if (values.empty()) return;
  if (with == Instructions::avx2)
    return decode_avx2(format, encoded.data(), tensor_values, from, values.data(), values.size());
  decode_any(format, encoded.data(), tensor_values, from, values.data(), values.size());
}

}  // namespace selmcast::payload
