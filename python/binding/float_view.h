// A view of float32 values that live in a Python object: anything with a writable buffer (numpy arrays, array.array,
// memoryview) or with DLPack on the CPU (tensors of torch, jax, cupy's host arrays, ...). No copy, no framework needed.
// Holds the object's memory until it is destroyed. Thread rule: made and destroyed with the GIL held; the span may be
// used without.
#pragma once

#include <pybind11/pybind11.h>

#include <span>

namespace selmcast::python {

class FloatView {
 public:
  // Throws TypeError, naming what was given and the remedy, for anything but contiguous, writable float32 on the CPU.
  explicit FloatView(const pybind11::object& object);
  ~FloatView();
  FloatView(const FloatView&) = delete;
  FloatView& operator=(const FloatView&) = delete;

  std::span<float> values() const { return values_; }

 private:
  void open_buffer(const pybind11::object& object);
  void open_dlpack(const pybind11::object& object);

  std::span<float> values_;
  Py_buffer buffer_{};
  pybind11::object capsule_;
};

}  // namespace selmcast::python
