// A whole model to the bytes of its payload, and back, a piece at a time.
//
// A model's payload is that of its tensors, one after the other, without padding. Not all of it is rounded: parameters
// and frozen tensors travel in the format, float buffers and counters always as float32. They are few, and what
// rounding does to a counter, to BatchNorm's variance or to Adam's second moments is out of proportion to the bytes.
// Blocks of int8 begin anew with each tensor, so that small biases do not share a scale with large weights.
//
// A received model is mixed without being decoded as a whole: ModelValues hands out pieces. Pure. Thread rule: constant
// after construction, any thread.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "selmcast/payload/format.h"

namespace selmcast::payload {

struct TensorSize {
  std::size_t values = 0;
  bool rounded = true;  // in the format of the model; otherwise float32
};

class ModelCodec {
 public:
  ModelCodec(Format format, const std::vector<TensorSize>& tensors);

  Format format() const { return format_; }
  // The payload is the model's own memory, bit for bit: there is nothing to encode.
  bool is_plain() const { return plain_; }
  std::size_t values() const { return values_; }
  std::size_t bytes() const { return bytes_; }

  // Requires values() values and bytes() bytes.
  void encode(std::span<const float> model, std::span<std::byte> payload) const;

  // Values from `from` on, decoded into the beginning of `tile`: at least one, at most as many as it holds. Requires
  // from < values(), and bytes() bytes.
  std::span<const float> decode(std::span<const std::byte> payload, std::size_t from,
                                std::span<float> tile) const;

 private:
  struct Tensor {
    Format format = Format::float32;
    std::size_t first_value = 0, values = 0;
    std::size_t first_byte = 0, bytes = 0;
  };

  Format format_;
  std::vector<Tensor> tensors_;  // of at least one value; in order
  std::size_t values_ = 0, bytes_ = 0;
  bool plain_ = true;
};

// The values of a model, whether they lie in memory or in a payload. Refers to what it was made of.
class ModelValues {
 public:
  template <class Floats>
  requires std::is_convertible_v<const Floats&, std::span<const float>> ModelValues(const Floats& values)
      : values_(values) {}  // as they are
  // Requires codec.bytes() bytes that begin where a float may stand.
  ModelValues(const ModelCodec& codec, std::span<const std::byte> payload);

  std::size_t size() const { return codec_ == nullptr ? values_.size() : codec_->values(); }
  // At least one value from `from` on, at most `most`; `tile` is where they lie if they must be decoded. Requires
  // from < size(), and that neither `most` nor `tile` is empty.
  std::span<const float> read(std::size_t from, std::size_t most, std::span<float> tile) const;

 private:
  std::span<const float> values_;
  const ModelCodec* codec_ = nullptr;
  std::span<const std::byte> payload_;
};

}  // namespace selmcast::payload
