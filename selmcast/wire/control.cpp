#include "selmcast/wire/control.h"

namespace selmcast::wire {

Bytes payload_bytes(const ModelManifest& manifest) {
  std::int64_t elements = 0;
  for (const TensorInfo& tensor : manifest.tensors) {
    std::int64_t count = 1;
    for (std::int64_t extent : tensor.shape) count *= extent;
    elements += count;
  }
  return Bytes(elements * static_cast<std::int64_t>(sizeof(float)));
}

}  // namespace selmcast::wire
