#include "selmcast/payload/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/payload/rounding.h"

namespace selmcast::payload {
namespace {

using Floats = std::vector<float>;
using Payload = std::vector<std::byte>;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kMost = std::numeric_limits<float>::max();
constexpr std::array kRounded = {Format::float16, Format::bfloat16, Format::int8};
constexpr std::array kAll = {Format::float32, Format::float16, Format::bfloat16, Format::int8};

constexpr Dither kDither{2026, 1000};

Payload encoded(Format format, const Floats& values, Instructions with = best_instructions(),
                const Dither& dither = kDither) {
  Payload out(encoded_bytes(format, values.size()));
  encode(format, values, dither, out, with);
  return out;
}
Floats decoded(Format format, const Payload& bytes, std::size_t count,
               Instructions with = best_instructions()) {
  Floats values(count);
  decode(format, bytes, count, 0, values, with);
  return values;
}
Floats there_and_back(Format format, const Floats& values) {
  return decoded(format, encoded(format, values), values.size());
}

float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

// Of all magnitudes and both signs, finite.
Floats any_finite(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Floats values(count);
  for (float& value : values) {
    do {
      value = float_of(static_cast<std::uint32_t>(rng.below(std::uint64_t{1} << 32)));
    } while (!std::isfinite(value));
  }
  return values;
}
// Like weights: within 1, none of them special.
Floats like_weights(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Floats values(count);
  for (float& value : values) value = static_cast<float>(rng.uniform() * 2 - 1) * 0.1F;
  return values;
}

TEST(Payload, NamesAreReadAndOthersRefusedWithThoseThereAre) {
  for (const Format format : kAll) EXPECT_EQ(parse_format(to_string(format)), format);
  EXPECT_EQ(parse_format("bf16"), Format::bfloat16);
  EXPECT_EQ(parse_format("fp16"), Format::float16);
  EXPECT_EQ(parse_format("fp32"), Format::float32);
  const auto none = parse_format("int4");
  ASSERT_FALSE(none.has_value());
  EXPECT_THAT(none.error().message, ::testing::HasSubstr("float32, float16, bfloat16, int8"));
}

TEST(Payload, SizesAreThoseOfTheLayout) {
  EXPECT_EQ(encoded_bytes(Format::float32, 130), 520u);
  EXPECT_EQ(encoded_bytes(Format::float16, 130), 260u);
  EXPECT_EQ(encoded_bytes(Format::bfloat16, 130), 260u);
  EXPECT_EQ(encoded_bytes(Format::int8, 130), 3u * 4 + 130);  // blocks of 64, 64 and 2
  EXPECT_EQ(encoded_bytes(Format::int8, 128), 2u * 4 + 128);
  EXPECT_EQ(encoded_bytes(Format::int8, 0), 0u);
}

// Values that need no rounding, so that every byte is known.
TEST(Payload, TheBytesAreThoseOfTheLayout) {
  const auto bytes = [](std::initializer_list<int> list) {
    Payload made;
    for (const int byte : list) made.push_back(static_cast<std::byte>(byte));
    return made;
  };
  const Floats values{1, -2};
  EXPECT_EQ(encoded(Format::float32, values), bytes({0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}));
  EXPECT_EQ(encoded(Format::float16, values), bytes({0, 0x3c, 0, 0xc0}));
  EXPECT_EQ(encoded(Format::bfloat16, values), bytes({0x80, 0x3f, 0, 0xc0}));
  // Greatest magnitudes 127 and 254: steps of 1 (0x3f800000) and 2 (0x40000000), the second block of one value.
  Floats blocks(kBlock, 0);
  blocks[0] = 127;
  blocks[1] = -3;
  blocks.push_back(-254);
  Payload expected = bytes({0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 127, 0xfd});
  expected.resize(8 + kBlock);
  expected.push_back(std::byte{0x81});  // -127
  EXPECT_EQ(encoded(Format::int8, blocks), expected);
}

TEST(Payload, Float32IsKeptBitForBit) {
  Floats values = any_finite(1000, 1);
  values.push_back(float_of(0xffc0'1234));  // a NaN and what it says
  values.push_back(-kInf);
  values.push_back(-0.0F);
  const Floats back = there_and_back(Format::float32, values);
  EXPECT_EQ(std::memcmp(back.data(), values.data(), values.size() * sizeof(float)), 0);
}

// ---- error bounds, as format.h states them

TEST(Payload, Bfloat16IsWithinItsBound) {
  const Floats values = any_finite(1 << 20, 2);
  const Floats back = there_and_back(Format::bfloat16, values);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double x = values[k];
    const double bound = std::abs(x) < 0x1p-126 ? 0x1p-133 : std::abs(x) * 0x1p-7;
    ASSERT_LT(std::abs(back[k] - x), bound) << "x = " << x;
  }
}

TEST(Payload, Float16IsWithinItsBoundAndNeverOverflows) {
  Floats values = any_finite(1 << 18, 3);
  Rng rng(4);
  for (int k = 0; k < 1 << 18; ++k)  // exponents that it has: 2^-26 to 2^17
    values.push_back(static_cast<float>(std::ldexp(rng.uniform() + 1, static_cast<int>(rng.below(43)) - 26)));
  values.insert(values.end(), {65504, -65504, 65505, 65519.99F, 65520, -1e6F, kMost, -kMost});
  const Floats back = there_and_back(Format::float16, values);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double x = values[k];
    if (std::abs(x) > 65504) {
      ASSERT_EQ(back[k], x > 0 ? 65504.0F : -65504.0F) << "x = " << x;
      continue;
    }
    const double bound = std::abs(x) < 0x1p-14 ? 0x1p-24 : std::abs(x) * 0x1p-10;
    ASSERT_LT(std::abs(back[k] - x), bound) << "x = " << x;
  }
}

TEST(Payload, Int8IsWithinItsBoundInBlocksOfAllMagnitudes) {
  Rng rng(5);
  for (int exponent = -120; exponent <= 127; ++exponent) {
    Floats values(kBlock + 3);  // the last block is short
    for (float& value : values) value = static_cast<float>(std::ldexp(rng.uniform() * 2 - 1, exponent));
    const Floats back = there_and_back(Format::int8, values);
    for (std::size_t from = 0; from < values.size(); from += kBlock) {
      const std::size_t to = std::min(values.size(), from + kBlock);
      double greatest = 0;
      for (std::size_t k = from; k < to; ++k) greatest = std::max(greatest, std::abs(double{values[k]}));
      for (std::size_t k = from; k < to; ++k) {
        const double bound = greatest < 0x1p-100 ? 0x1p-100 : greatest / 127 * (1 + 0x1p-13);
        ASSERT_LT(std::abs(double{back[k]} - values[k]), bound) << "2^" << exponent << ", value " << k;
      }
    }
  }
}

TEST(Payload, TheGreatestFloatsSurviveInt8) {
  const Floats back = there_and_back(Format::int8, {kMost, -kMost, kMost / 2, 0});
  for (const float value : back) EXPECT_TRUE(std::isfinite(value));
  EXPECT_NEAR(back[0] / kMost, 1, 0x1p-18);
  EXPECT_EQ(back[1], -back[0]);
  EXPECT_EQ(back[3], 0);
}

// ---- special values

TEST(Payload, InfinitiesAndNaNStayWhatTheyAreInHalfPrecision) {
  for (const Format format : {Format::float16, Format::bfloat16}) {
    // A NaN whose bits would all be cut off stays one, too.
    const Floats back = there_and_back(
        format, {kInf, -kInf, float_of(0x7fc0'0000), float_of(0x7f80'0001), float_of(0xff80'0001), 1});
    EXPECT_EQ(back[0], kInf) << to_string(format);
    EXPECT_EQ(back[1], -kInf) << to_string(format);
    EXPECT_TRUE(std::isnan(back[2]) && std::isnan(back[3]) && std::isnan(back[4])) << to_string(format);
    EXPECT_TRUE(std::signbit(back[4])) << to_string(format);
    EXPECT_EQ(back[5], 1) << to_string(format);
  }
}

TEST(Payload, ABlockOfInt8WithAnInfinityOrNaNBecomesNaNAndNoOtherDoes) {
  for (const float bad : {kInf, -kInf, float_of(0x7fc0'0000), float_of(0xff80'0001)}) {
    Floats values(3 * kBlock, 1);
    values[kBlock + 7] = bad;
    const Floats back = there_and_back(Format::int8, values);
    for (std::size_t k = 0; k < values.size(); ++k)
      ASSERT_EQ(std::isnan(back[k]), k / kBlock == 1) << "value " << k << " beside " << bad;
  }
}

TEST(Payload, ZerosAndSubnormalsAreTakenForWhatTheyAre) {
  const float least = std::numeric_limits<float>::denorm_min();
  for (const Format format : kRounded) {
    EXPECT_THAT(there_and_back(format, Floats(200, 0)), ::testing::Each(0)) << to_string(format);
    EXPECT_THAT(there_and_back(format, Floats(70, -0.0F)), ::testing::Each(0)) << to_string(format);
  }
  // 2^-149 lies between 0 and a neighbour; the neighbours are 2^-133 and 2^-24 away.
  EXPECT_LE(there_and_back(Format::bfloat16, {least})[0], 0x1p-133F);
  EXPECT_LE(there_and_back(Format::float16, {least})[0], 0x1p-24F);
  EXPECT_THAT(there_and_back(Format::int8, {least, -least, 0x1p-101F}), ::testing::Each(0));  // below 2^-100
  EXPECT_EQ(there_and_back(Format::float16, {3 * 0x1p-24F, -0x1p-15F}), (Floats{3 * 0x1p-24F, -0x1p-15F}));
}

TEST(Payload, NothingIsWrittenForNoValues) {
  for (const Format format : kAll) EXPECT_TRUE(there_and_back(format, {}).empty());
}

TEST(Payload, AnyBytesDecodeToSomething) {
  Rng rng(8);
  for (const Format format : kAll) {
    Payload bytes(encoded_bytes(format, 1000));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.below(256));
    EXPECT_EQ(decoded(format, bytes, 1000).size(), 1000u);  // AddressSanitizer and UBSan look on
  }
}

// ---- rounding

// All 65536 patterns of each: what was decoded is encoded to the same bits, so nothing is rounded twice.
TEST(Payload, WhatAFormatHasIsKeptBitForBit) {
  for (const Format format : {Format::float16, Format::bfloat16}) {
    Payload all(2 * 65536);
    for (std::size_t k = 0; k < 65536; ++k) {
      const auto pattern = static_cast<std::uint16_t>(k);
      std::memcpy(&all[2 * k], &pattern, 2);
    }
    const Floats values = decoded(format, all, 65536);
    const Payload again = encoded(format, values);
    for (std::size_t k = 0; k < 65536; ++k) {
      std::uint16_t now = 0;
      std::memcpy(&now, &again[2 * k], 2);
      if (std::isnan(values[k])) {
        ASSERT_TRUE(std::isnan(decoded(format, again, 65536)[k])) << k;
        k = (k & 0x8000) != 0 ? 65535 : 0x7fff;  // the others of this sign are NaN, too
        continue;
      }
      ASSERT_EQ(now, k) << to_string(format) << " of " << values[k];
    }
  }
}

TEST(Payload, Int8KeepsWholeSteps) {
  Floats values;
  for (int k = -127; k <= 127; ++k) values.push_back(static_cast<float>(k) * 0.25F);  // each block ...
  values.resize(192);
  for (std::size_t from = 0; from < values.size(); from += kBlock)
    values[from] = 127 * 0.25F;  // ... of this step
  EXPECT_EQ(there_and_back(Format::int8, values), values);
}

// The mean of n decoded values between two neighbours that are d apart deviates by d / sqrt(4 n) at most; six times
// that is allowed.
TEST(Payload, RoundingHasNoMean) {
  constexpr std::size_t kCount = 1 << 16;
  struct Case {
    Format format;
    float x, neighbours_apart;
  };
  for (const Case& it : {Case{Format::bfloat16, 1.001F, 0x1p-7F}, Case{Format::bfloat16, -0.7521F, 0x1p-8F},
                         Case{Format::float16, 1.0003F, 0x1p-10F}, Case{Format::float16, 1.3e-6F, 0x1p-24F},
                         Case{Format::int8, 0.1F, 127.0F / 127}, Case{Format::int8, -77.77F, 127.0F / 127}}) {
    Floats values(kCount);
    double mean = 0;
    for (std::size_t k = 0; k < kCount; ++k) {
      values[k] = float_of(bits_of(it.x) + static_cast<std::uint32_t>(k % 4));
      if (it.format == Format::int8 && k % kBlock == 0) values[k] = 127;
      mean += values[k] / kCount;
    }
    double back = 0;
    for (const float value : there_and_back(it.format, values)) back += value / double{kCount};
    EXPECT_NEAR(back, mean, 6 * it.neighbours_apart / std::sqrt(4.0 * kCount))
        << to_string(it.format) << " of " << it.x;
  }
}

TEST(Payload, TheSeedTellsModelsApartByEachOfTheirValues) {
  Floats values = like_weights(1000, 7);
  const std::uint32_t seed = seed_of(values);
  EXPECT_EQ(seed_of(values, Instructions::any), seed);
  for (std::size_t k = 0; k < values.size(); k += 111) {
    Floats other = values;
    other[k] = std::nextafter(other[k], 1.0F);
    EXPECT_NE(seed_of(other), seed) << "value " << k;
  }
  std::swap(values[3], values[4]);
  EXPECT_NE(seed_of(values), seed);
}

TEST(Payload, WithAnotherSeedAValueMayBeRoundedTheOtherWay) {
  int up = 0;
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    const Payload bytes = encoded(Format::bfloat16, {1.001F}, best_instructions(), {seed, 5});
    up += decoded(Format::bfloat16, bytes, 1)[0] > 1 ? 1 : 0;
  }
  EXPECT_NEAR(
      up, 128,
      6 * 11);  // 1.001 is 0.128 of the way from 1 to 1 + 2^-7; deviation sqrt(1000 0.128 0.872) = 10.6
}

TEST(Payload, TheSameValueElsewhereMayBeRoundedTheOtherWay) {
  const Floats back = there_and_back(Format::bfloat16, Floats(1000, 1.001F));
  EXPECT_NEAR(static_cast<double>(std::ranges::count(back, 1.0078125F)), 128, 6 * 11);  // as above
}

// ---- the same on all machines

// What every machine does, beside what rounding.h says and what this one does at best.
TEST(Payload, WiderRegistersGiveTheSameBitsAndSoDoesOneValueAtATime) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Floats values = seed % 2 == 0 ? any_finite(1000 + seed, seed) : like_weights(1000 + seed, seed);
    if (seed % 3 == 0) values.insert(values.begin() + 70, {kInf, float_of(0x7fc0'0000), -0.0F, 0x1p-149F});
    for (const Format format : kAll) {
      const Payload plain = encoded(format, values, Instructions::any);
      ASSERT_EQ(encoded(format, values, best_instructions()), plain) << to_string(format);
      const Floats here = decoded(format, plain, values.size(), Instructions::any);
      const Floats wide = decoded(format, plain, values.size(), best_instructions());
      ASSERT_EQ(std::memcmp(here.data(), wide.data(), here.size() * sizeof(float)), 0) << to_string(format);
    }
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::uint32_t r = dither(kDither.position + static_cast<std::uint32_t>(k), kDither.seed);
      const auto half = [&](Format format) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, &encoded(format, values)[2 * k], 2);
        return bits;
      };
      if (k % 97 != 0) continue;  // half() encodes everything
      ASSERT_EQ(half(Format::float16), to_float16(values[k], r));
      ASSERT_EQ(half(Format::bfloat16), to_bfloat16(values[k], r));
    }
  }
}

// Bytes that must not change between releases: workers of different machines mix what they get.
TEST(Payload, BytesOfAKnownModelAreKnown) {
  Floats values(300);
  for (std::size_t k = 0; k < values.size(); ++k)
    values[k] = (static_cast<float>(k % 37) - 18.3F) * 0.0123F * static_cast<float>(k % 5 + 1);
  const auto sum = [&](Format format) {  // FNV-1a
    std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
    for (const std::byte byte : encoded(format, values))
      hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100'0000'01b3;
    return hash;
  };
  EXPECT_EQ(sum(Format::float16), 2627790570678977588u);
  EXPECT_EQ(sum(Format::bfloat16), 6869712750102490621u);
  EXPECT_EQ(sum(Format::int8), 10659165966832670196u);
}

#if defined(__x86_64__)
// Flushing subnormals to zero, as torch.set_flush_denormal() asks for, changes no bit.
TEST(Payload, ThePresentTreatmentOfSubnormalsDoesNotMatter) {
  Floats values = any_finite(5000, 6);
  for (std::size_t k = 0; k < values.size(); k += 3) values[k] *= 0x1p-100F;  // many subnormal ones
  for (std::uint32_t m : {1U, 0x7f'ffffU, 0x80'0000U}) values.push_back(float_of(m));
  std::vector<Payload> usual, flushed;
  std::vector<Floats> usual_back, flushed_back;
  const auto all = [&](std::vector<Payload>& payloads, std::vector<Floats>& backs) {
    for (const Format format : kAll) {
      payloads.push_back(encoded(format, values));
      backs.push_back(decoded(format, payloads.back(), values.size()));
    }
  };
  all(usual, usual_back);
  const unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040);  // flush to zero, and take subnormals for zero
  all(flushed, flushed_back);
  __builtin_ia32_ldmxcsr(before);
  EXPECT_EQ(usual, flushed);
  for (std::size_t k = 0; k < usual_back.size(); ++k)
    EXPECT_EQ(std::memcmp(usual_back[k].data(), flushed_back[k].data(), values.size() * sizeof(float)), 0)
        << to_string(kAll[k]);
}
#endif

}  // namespace
}  // namespace selmcast::payload
