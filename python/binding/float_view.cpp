#include "python/binding/float_view.h"

#include <string>
#include <string_view>

#include "python/binding/dlpack.h"

namespace selmcast::python {
namespace py = pybind11;
namespace {

constexpr const char* kRemedy =
    "give contiguous, writable float32 values on the CPU: a numpy array, or a tensor by "
    "tensor.detach().cpu().float()"
    ".contiguous()";

[[noreturn]] void refuse(const py::object& object, const std::string& why) {
  throw py::type_error("parameters (a " + std::string(Py_TYPE(object.ptr())->tp_name) + ") " + why + "; " +
                       kRemedy);
}

bool is_contiguous(const dlpack::Tensor& tensor) {
  if (tensor.strides == nullptr) return true;
  std::int64_t expected = 1;
  for (std::int32_t k = tensor.dimensions; k-- > 0;) {
    if (tensor.shape[k] != 1 && tensor.strides[k] != expected) return false;
    expected *= tensor.shape[k];
  }
  return true;
}

}  // namespace

FloatView::FloatView(const py::object& object) {
  if (PyObject_CheckBuffer(object.ptr())) {
    open_buffer(object);
  } else if (py::hasattr(object, "__dlpack__")) {
    open_dlpack(object);
  } else {
    refuse(object, "has neither a buffer nor DLPack");
  }
}

FloatView::~FloatView() {
  if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
}

void FloatView::open_buffer(const py::object& object) {
  if (PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT) != 0) {
    PyErr_Clear();
    buffer_ = {};
    refuse(object, "is read-only or not contiguous");
  }
  const std::string_view format = buffer_.format == nullptr ? "B" : buffer_.format;
  if (buffer_.itemsize != sizeof(float) || (format != "f" && format != "<f" && format != "=f")) {
    PyBuffer_Release(&buffer_);
    buffer_ = {};
    refuse(object, "has elements of format '" + std::string(format) + "'");
  }
  values_ = {static_cast<float*>(buffer_.buf), static_cast<std::size_t>(buffer_.len) / sizeof(float)};
}

void FloatView::open_dlpack(const py::object& object) {
  capsule_ = object.attr("__dlpack__")();
  if (!PyCapsule_IsValid(capsule_.ptr(), dlpack::kCapsuleName)) refuse(object, "gives no DLPack tensor");
  const auto* managed =
      static_cast<const dlpack::ManagedTensor*>(PyCapsule_GetPointer(capsule_.ptr(), dlpack::kCapsuleName));
  const dlpack::Tensor& tensor = managed->tensor;
  if (tensor.device.type != dlpack::kCpu && tensor.device.type != dlpack::kCudaHost)
    refuse(object, "is not in the CPU's memory");
  if (tensor.type.code != dlpack::kFloat || tensor.type.bits != 32 || tensor.type.lanes != 1)
    refuse(object, "is not float32");
  if (!is_contiguous(tensor)) refuse(object, "is not contiguous");
  std::size_t count = 1;
  for (std::int32_t k = 0; k < tensor.dimensions; ++k) count *= static_cast<std::size_t>(tensor.shape[k]);
  values_ = {reinterpret_cast<float*>(static_cast<std::byte*>(tensor.data) + tensor.byte_offset), count};
}

}  // namespace selmcast::python
