#include "selmcast/payload/model_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "selmcast/payload/codec.h"

namespace selmcast::payload {
namespace {

using Floats = std::vector<float>;
using Payload = std::vector<std::byte>;

// 100 weights, 3 running means, 70 biases a thousand times smaller.
const std::vector<TensorSize> kTensors = {{100, true}, {3, false}, {0, true}, {70, true}};

Floats model() {
  Floats values;
  for (int k = 0; k < 100; ++k) values.push_back(std::sin(static_cast<float>(k)));
  for (const float mean : {123456.789F, 1e-9F, -7.0F}) values.push_back(mean);
  for (int k = 0; k < 70; ++k) values.push_back(std::cos(static_cast<float>(k)) * 1e-3F);
  return values;
}
Payload payload_of(const ModelCodec& codec, const Floats& values) {
  Payload payload(codec.bytes());
  codec.encode(values, payload);
  return payload;
}
// In pieces of at most `most`.
Floats read_all(const ModelValues& values, std::size_t most) {
  Floats all, tile(16);
  while (all.size() < values.size()) {
    const auto piece = values.read(all.size(), most, tile);
    EXPECT_GT(piece.size(), 0u);
    EXPECT_LE(piece.size(), most);
    all.insert(all.end(), piece.begin(), piece.end());
  }
  return all;
}

TEST(ModelCodec, BytesAreThoseOfTheTensorsAndBuffersTravelWhole) {
  EXPECT_EQ(ModelCodec(Format::float32, kTensors).bytes(), 4u * 173);
  EXPECT_EQ(ModelCodec(Format::bfloat16, kTensors).bytes(), 2u * 100 + 4 * 3 + 2 * 70);
  EXPECT_EQ(ModelCodec(Format::int8, kTensors).bytes(), (8u + 100) + 4 * 3 + (8 + 70));
  EXPECT_EQ(ModelCodec(Format::int8, kTensors).values(), 173u);
}

TEST(ModelCodec, PlainIfNothingIsRounded) {
  EXPECT_TRUE(ModelCodec(Format::float32, kTensors).is_plain());
  EXPECT_FALSE(ModelCodec(Format::int8, kTensors).is_plain());
  EXPECT_TRUE(ModelCodec(Format::int8, {{5, false}}).is_plain());
}

TEST(ModelCodec, BuffersAreExactAndSmallTensorsHaveScalesOfTheirOwn) {
  const Floats values = model();
  for (const Format format : {Format::float16, Format::bfloat16, Format::int8}) {
    const ModelCodec codec(format, kTensors);
    const Payload payload = payload_of(codec, values);
    const Floats back = read_all({codec, payload}, 1000);
    ASSERT_EQ(back.size(), values.size());
    for (std::size_t k = 0; k < values.size(); ++k) {
      const bool is_buffer = k >= 100 && k < 103;
      const float bound =
          is_buffer ? 0 : (k < 100 ? 1.0F : 1e-3F) / 127 * (1 + 0x1p-13F);  // the widest, int8's
      ASSERT_LE(std::abs(back[k] - values[k]), bound) << to_string(format) << ", value " << k;
    }
  }
}

// However it is cut: the pieces are those of the whole.
TEST(ModelCodec, PiecesAddUpToTheModel) {
  const Floats values = model();
  for (const Format format : {Format::float32, Format::float16, Format::bfloat16, Format::int8}) {
    const ModelCodec codec(format, kTensors);
    const Payload payload = payload_of(codec, values);
    const Floats whole = read_all({codec, payload}, 1000);
    for (const std::size_t most : {1u, 3u, 7u, 16u}) EXPECT_EQ(read_all({codec, payload}, most), whole);
  }
}

TEST(ModelValues, PlainOnesAreReadInPlace) {
  const Floats values = model();
  const ModelValues in_memory(values);
  EXPECT_EQ(in_memory.read(5, 1000, {}).data(), values.data() + 5);
  EXPECT_EQ(in_memory.read(5, 1000, {}).size(), values.size() - 5);
  const ModelCodec codec(Format::float32, kTensors);
  const ModelValues in_payload(codec, std::as_bytes(std::span(values)));
  EXPECT_EQ(in_payload.read(7, 9, {}).data(), values.data() + 7);
  EXPECT_EQ(in_payload.read(7, 9, {}).size(), 9u);
}

}  // namespace
}  // namespace selmcast::payload
