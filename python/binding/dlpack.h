// The part of DLPack's stable ABI that a consumer of CPU tensors needs (https://dmlc.github.io/dlpack, version 0.x:
// what `tensor.__dlpack__()` gives unless a newer version is asked for). Layout only; nothing is called but the
// capsule's own destructor.
#pragma once

#include <cstdint>

namespace selmcast::python::dlpack {

inline constexpr std::int32_t kCpu = 1;
inline constexpr std::int32_t kCudaHost = 3;  // pinned memory of the CPU
inline constexpr std::uint8_t kFloat = 2;
inline constexpr const char* kCapsuleName = "dltensor";

struct Device {
  std::int32_t type;
  std::int32_t id;
};
struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct Tensor {
  void* data;
  Device device;
  std::int32_t dimensions;
  DataType type;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; null: row-major
  std::uint64_t byte_offset;
};
// What a capsule points to begins with the tensor.
struct ManagedTensor {
  Tensor tensor;
  void* manager_context;
  void (*deleter)(ManagedTensor*);
};

}  // namespace selmcast::python::dlpack
