#include "selmcast/payload/model_codec.h"

#include <algorithm>

#include "selmcast/base/check.h"
#include "selmcast/payload/codec.h"

namespace selmcast::payload {

ModelCodec::ModelCodec(Format format, const std::vector<TensorSize>& tensors) : format_(format) {
  for (const TensorSize& size : tensors) {
    const Format own = size.rounded ? format : Format::float32;
    if (size.values == 0) continue;
    plain_ = plain_ && own == Format::float32;
    tensors_.push_back({own, values_, size.values, bytes_, encoded_bytes(own, size.values)});
    values_ += size.values;
    bytes_ += tensors_.back().bytes;
  }
}

void ModelCodec::encode(std::span<const float> model, std::span<std::byte> payload) const {
  SELMCAST_CHECK(model.size() == values_ && payload.size() == bytes_, "a model has the size of its tensors");
  const std::uint32_t seed = plain_ ? 0 : seed_of(model);
  for (const Tensor& tensor : tensors_) {
    payload::encode(tensor.format, model.subspan(tensor.first_value, tensor.values),
                    {seed, static_cast<std::uint32_t>(tensor.first_value)},
                    payload.subspan(tensor.first_byte, tensor.bytes));
  }
}

std::span<const float> ModelCodec::decode(std::span<const std::byte> payload, std::size_t from,
                                          std::span<float> tile) const {
  SELMCAST_CHECK(from < values_ && payload.size() == bytes_, "a payload has the size of its tensors");
  const auto after = std::ranges::upper_bound(tensors_, from, {}, &Tensor::first_value);
  const Tensor& tensor = *std::prev(after);
  const std::size_t within = from - tensor.first_value;
  const std::span<float> values = tile.first(std::min(tile.size(), tensor.values - within));
  payload::decode(tensor.format, payload.subspan(tensor.first_byte, tensor.bytes), tensor.values, within,
                  values);
  return values;
}

ModelValues::ModelValues(const ModelCodec& codec, std::span<const std::byte> payload) : payload_(payload) {
  SELMCAST_CHECK(payload.size() == codec.bytes(), "a payload is whole");
  if (codec.is_plain())
    values_ = {reinterpret_cast<const float*>(payload.data()), codec.values()};
  else
    codec_ = &codec;
}

std::span<const float> ModelValues::read(std::size_t from, std::size_t most, std::span<float> tile) const {
  if (codec_ != nullptr) return codec_->decode(payload_, from, tile.first(std::min(most, tile.size())));
  return values_.subspan(from, std::min(most, values_.size() - from));
}

}  // namespace selmcast::payload
