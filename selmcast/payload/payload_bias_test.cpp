// Why rounding is dithered, and by a hash of the whole model: small steps of training must survive mixing with rounded
// models, round after round.
//
// Two workers have a model each, all ones at first, and want it to fall: each value takes a step of about -u in every
// round, and then both mix, x <- (x + Q(the other's x)) / 2, where Q is what the payload makes of it. Without rounding
// x = 1 - u t. Neighbours of bfloat16 just below 1 are d = 2^-8 apart. To the nearest, x is drawn back to 1 by half the
// distance, after each step: x = (x - u + 1) / 2, so x = 1 - u for ever, where 1 - 2 u, which is sent, is nearer to 1
// than to 1 - d, that is u < d / 4. A hash of x itself ends there as well: sooner or later x comes by a point at
// which it is rounded up, and what pulls it back to that point is rounded up again. Dithered by what changes with every
// round, the pull is nothing on average.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include "selmcast/payload/model_codec.h"
#include "selmcast/payload/rounding.h"

namespace selmcast::payload {
namespace {

using Model = std::vector<float>;
using Sent = std::function<Model(const Model&)>;

constexpr std::size_t kValues = 4 * kBlock;
constexpr float kStep = 0x1p-12F;  // a sixteenth of d
constexpr int kRounds = 512;       // from 1 to 1 - 2^-3, if every step counts
constexpr double kAim = 1 - 0x1p-3;

// The mean of all values of both, in the end.
double after(const Sent& q) {
  Model a(kValues, 1), b(kValues, 1);
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t k = 0; k < kValues; ++k) {
      a[k] -= kStep * (1 + static_cast<float>(k) * 1e-4F);  // no two of them are quite alike
      b[k] -= kStep * (1 - static_cast<float>(k) * 1e-4F);
    }
    const Model sent_a = q(a), sent_b = q(b);
    for (std::size_t k = 0; k < kValues; ++k) {
      a[k] = (a[k] + sent_b[k]) / 2;
      b[k] = (b[k] + sent_a[k]) / 2;
    }
  }
  return (std::accumulate(a.begin(), a.end(), 0.0) + std::accumulate(b.begin(), b.end(), 0.0)) / 2 / kValues;
}

Sent each(const std::function<float(float)>& q) {
  return [q](Model model) {
    std::ranges::transform(model, model.begin(), q);
    return model;
  };
}

float nearest_bfloat16(float x) {
  const auto b = std::bit_cast<std::uint32_t>(x);
  return from_bfloat16(static_cast<std::uint16_t>((b + 0x7fff + (b >> 16 & 1)) >> 16));
}
float own_hash_bfloat16(float x) {
  return from_bfloat16(to_bfloat16(x, dither(0, std::bit_cast<std::uint32_t>(x))));
}

Sent through(Format format) {
  return [format](const Model& model) {
    const ModelCodec codec(format, {{model.size(), true}});
    std::vector<std::byte> payload(codec.bytes());
    codec.encode(model, payload);
    Model back, tile(kBlock);
    while (back.size() < model.size()) {
      const auto piece = codec.decode(payload, back.size(), tile);
      back.insert(back.end(), piece.begin(), piece.end());
    }
    return back;
  };
}

TEST(PayloadBias, NothingIsLostWithoutRounding) { EXPECT_NEAR(after(through(Format::float32)), kAim, 1e-3); }

TEST(PayloadBias, RoundingToTheNearestWouldSwallowSmallSteps) {
  EXPECT_NEAR(after(each(nearest_bfloat16)), 1 - kStep, kStep / 10);
}

TEST(PayloadBias, AHashOfTheValueItselfWouldSwallowThemLater) {
  EXPECT_GT(after(each(own_hash_bfloat16)), kAim + 0x1p-5);  // more than a quarter of the way is lost
}

// Each mixture moves the mean of two values by a quarter of the sum of two errors, each of a deviation of at most
// d / 2: after t rounds by a deviation of d sqrt(t) / (4 sqrt(2)), and the mean of all kValues pairs by that over
// sqrt(kValues). Six times that is allowed.
TEST(PayloadBias, DitheredStepsAddUp) {
  const double deviation = std::sqrt(kRounds) / (4 * std::sqrt(2.0)) / std::sqrt(double{kValues});
  EXPECT_NEAR(after(through(Format::bfloat16)), kAim, 6 * deviation * 0x1p-8);  // 0.0059
  EXPECT_NEAR(after(through(Format::float16)), kAim, 6 * deviation * 0x1p-11 + 1e-4);
  EXPECT_NEAR(after(through(Format::int8)), kAim, 6 * deviation / 127);  // all values of a block are about 1
}

}  // namespace
}  // namespace selmcast::payload
