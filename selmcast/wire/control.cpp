#include "selmcast/wire/control.h"

namespace selmcast::wire {

std::vector<payload::TensorSize> payload_tensors(const ModelManifest& manifest) {
  std::vector<payload::TensorSize> sizes;
  for (const TensorInfo& tensor : manifest.tensors) {
    std::size_t count = 1;
    for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
    sizes.push_back({count, tensor.role == TensorRole::parameter || tensor.role == TensorRole::frozen});
  }
  return sizes;
}

Bytes payload_bytes(const ModelManifest& manifest) {
  const payload::ModelCodec codec(manifest.payload, payload_tensors(manifest));
  return Bytes(static_cast<std::int64_t>(codec.bytes()));
}

}  // namespace selmcast::wire
