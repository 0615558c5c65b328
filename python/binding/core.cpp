// selmcast._core: the C interface (selmcast/c/selmcast.h) as two Python classes, and nothing more. Types, defaults and
// documentation are in python/selmcast/_core.pyi and in the Python classes over them (worker.py, manager.py).
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "python/binding/float_view.h"
#include "python/binding/interruptible.h"
#include "selmcast/c/selmcast.h"

namespace selmcast::python {
namespace py = pybind11;
namespace {

// Raises the class of selmcast/errors.py that stands for the code.
void raise_unless_ok(const Outcome& outcome) {
  if (outcome.code == SELMCAST_OK) return;
  const py::object error =
      py::module_::import("selmcast.errors").attr("make")(selmcast_code_name(outcome.code), outcome.message);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  throw py::error_already_set();
}

using TensorTuple = std::tuple<std::string, std::vector<std::int64_t>, int>;

struct CloseWorker {
  void operator()(selmcast_worker* worker) const { selmcast_worker_close(worker); }
};
struct FreeCancel {
  void operator()(selmcast_cancel* cancel) const { selmcast_cancel_free(cancel); }
};

class Worker {
 public:
  Worker(const std::string& manager, const std::string& name, const std::vector<TensorTuple>& tensors,
         int mixing, int receive_buffers, std::pair<double, double> declared_bps,
         std::pair<double, double> emulated_bps, const std::optional<std::string>& data_host, int data_port,
         double connect_timeout, const std::optional<std::string>& interface_name,
         const std::optional<std::string>& advertised, int payload, int streams) {
    std::vector<selmcast_tensor> list;
    for (const auto& [tensor, shape, role] : tensors)
      list.push_back({tensor.c_str(), shape.data(), shape.size(), role});
    selmcast_worker_options options;
    selmcast_worker_options_init(&options, sizeof options);
    options.manager = manager.c_str();
    options.name = name.c_str();
    options.tensors = list.data();
    options.tensor_count = list.size();
    options.mixing = mixing;
    options.receive_buffers = receive_buffers;
    std::tie(options.declared_uplink_bps, options.declared_downlink_bps) = declared_bps;
    std::tie(options.emulated_uplink_bps, options.emulated_downlink_bps) = emulated_bps;
    options.data_host = data_host ? data_host->c_str() : nullptr;
    options.data_port = data_port;
    options.interface_name = interface_name ? interface_name->c_str() : nullptr;
    options.advertised = advertised ? advertised->c_str() : nullptr;
    options.connect_timeout_seconds = connect_timeout;
    options.payload = payload;
    options.streams = streams;
    const std::unique_ptr<selmcast_cancel, FreeCancel> cancel(selmcast_cancel_new());
    options.cancel = cancel.get();
    selmcast_worker* made = nullptr;
    const auto connect = [&] { return selmcast_worker_connect(&options, &made); };
    const auto outcome = [&] {
      try {
        return interruptible(connect, [&] { selmcast_cancel_now(cancel.get()); });
      } catch (...) {
        CloseWorker()(made);
        throw;
      }
    }();
    raise_unless_ok(outcome);
    worker_ = std::shared_ptr<selmcast_worker>(made, CloseWorker());
    id_ = selmcast_worker_id(made);
    count_ = selmcast_worker_count(made);
    payload_bytes_ = selmcast_worker_payload_bytes(made);
    late_ = selmcast_worker_came_late(made) != 0;
  }
  ~Worker() { close(); }

  std::uint32_t id() const { return id_; }
  std::uint32_t count() const { return count_; }
  std::uint64_t payload_bytes() const { return payload_bytes_; }
  bool late() const { return late_; }

  // (round, mixed_with, sent_to, workers, predicted, elapsed, own_weight, next_round)
  py::tuple synchronize(const py::object& parameters) {
    return call(&selmcast_worker_synchronize, parameters);
  }
  py::tuple catch_up(const py::object& parameters) { return call(&selmcast_worker_catch_up, parameters); }
  py::tuple drain(const py::object& parameters) { return call(&selmcast_worker_drain, parameters); }

  py::tuple call(selmcast_code (*function)(selmcast_worker*, float*, std::size_t),
                 const py::object& parameters) {
    const std::shared_ptr<selmcast_worker> worker =
        worker_;  // close() elsewhere ends the call, not the object
    if (!worker) raise_unless_ok({SELMCAST_CANCELLED, "the worker is closed"});
    if (busy_.exchange(true))
      raise_unless_ok(
          {SELMCAST_INVALID_INPUT, "a synchronisation of this worker is under way in another thread"});
    const FreeOnExit free{busy_};
    const FloatView view(parameters);
    const auto values = view.values();
    raise_unless_ok(interruptible([&] { return function(worker.get(), values.data(), values.size()); },
                                  [&] { selmcast_worker_leave(worker.get(), "interrupted"); }));
    selmcast_report report{};
    report.struct_size = sizeof report;
    raise_unless_ok(outcome_of([&] { return selmcast_worker_report(worker.get(), &report); }));
    return py::make_tuple(
        report.round,
        py::tuple(py::cast(std::vector(report.mixed_with, report.mixed_with + report.mixed_with_count))),
        py::tuple(py::cast(std::vector(report.sent_to, report.sent_to + report.sent_to_count))),
        report.workers, report.predicted_seconds, report.elapsed_seconds, report.own_weight,
        report.next_round);
  }

  void leave(const std::string& why) {
    const std::shared_ptr<selmcast_worker> worker = worker_;
    const py::gil_scoped_release released;
    if (worker) selmcast_worker_leave(worker.get(), why.c_str());
  }

  void close() {
    std::shared_ptr<selmcast_worker> worker = std::move(worker_);
    worker_.reset();
    if (!worker) return;
    const py::gil_scoped_release released;
    selmcast_worker_leave(worker.get(), "done");
    worker.reset();
  }

 private:
  struct FreeOnExit {
    std::atomic<bool>& busy;
    ~FreeOnExit() { busy = false; }
  };
  std::shared_ptr<selmcast_worker> worker_;
  std::atomic<bool> busy_ = false;
  std::uint32_t id_ = 0;
  std::uint32_t count_ = 0;
  std::uint64_t payload_bytes_ = 0;
  bool late_ = false;
};

struct CloseManager {
  void operator()(selmcast_manager* manager) const { selmcast_manager_close(manager); }
};

class Manager {
 public:
  Manager(std::uint32_t workers, const std::string& host, int port, const std::string& sync,
          const std::string& planner, int staleness, double min_receivers, std::uint32_t max_age,
          std::uint64_t seed, double join_timeout, double compute_timeout,
          const std::optional<std::string>& journal, bool overlap, bool elastic,
          const std::optional<std::string>& state, double patience, const std::string& multicast) {
    selmcast_manager_options options;
    selmcast_manager_options_init(&options, sizeof options);
    options.workers = workers;
    options.host = host.c_str();
    options.port = port;
    options.sync = sync.c_str();
    options.planner = planner.c_str();
    options.staleness = staleness;
    options.min_receivers = min_receivers;
    options.max_age = max_age;
    options.seed = seed;
    options.join_timeout_seconds = join_timeout;
    options.compute_timeout_seconds = compute_timeout;
    options.journal = journal ? journal->c_str() : nullptr;
    options.overlap = overlap ? 1 : 0;
    options.elastic = elastic ? 1 : 0;
    options.state = state ? state->c_str() : nullptr;
    options.patience_seconds = patience;
    options.multicast = multicast.c_str();
    selmcast_manager* made = nullptr;
    raise_unless_ok(outcome_of([&] { return selmcast_manager_start(&options, &made); }));
    manager_ = std::shared_ptr<selmcast_manager>(made, CloseManager());
    address_ = selmcast_manager_address(made);
  }
  ~Manager() { close(); }

  std::string address() const { return address_; }
  bool running() const { return manager_ && selmcast_manager_running(manager_.get()) == 1; }

  // True: the training is over. False: it still runs.
  bool wait(double timeout) {
    const std::shared_ptr<selmcast_manager> manager = manager_;
    if (!manager) return true;
    // A wait that is interrupted ends at its next look.
    std::atomic<bool> interrupted = false;
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(timeout);
    const auto look = [&] {
      constexpr double kLook = 0.2;
      for (;;) {
        const double left = std::chrono::duration<double>(until - std::chrono::steady_clock::now()).count();
        const auto code = selmcast_manager_wait(manager.get(), std::clamp(left, 0.0, kLook));
        if (selmcast_manager_running(manager.get()) == 0 || left <= kLook || interrupted) return code;
      }
    };
    const Outcome outcome = interruptible(look, [&] { interrupted = true; });
    if (selmcast_manager_running(manager.get()) == 1) return false;
    if (outcome.code == SELMCAST_TIMEOUT)  // of a wait that ended just before the training did
      raise_unless_ok(outcome_of([&] { return selmcast_manager_wait(manager.get(), 0); }));
    else
      raise_unless_ok(outcome);
    return true;
  }

  void stop(const std::string& why) {
    if (manager_) selmcast_manager_stop(manager_.get(), why.c_str());
  }

  void close() {
    std::shared_ptr<selmcast_manager> manager = std::move(manager_);
    manager_.reset();
    const py::gil_scoped_release released;
    manager.reset();
  }

 private:
  std::shared_ptr<selmcast_manager> manager_;
  std::string address_;
};

}  // namespace

PYBIND11_MODULE(_core, module) {
  module.doc() = "SelMcast's C interface. Use selmcast.Worker and selmcast.Manager.";
  module.def("version", &selmcast_version);
  py::class_<Worker>(module, "Worker")
      .def(py::init<const std::string&, const std::string&, const std::vector<TensorTuple>&, int, int,
                    std::pair<double, double>, std::pair<double, double>, const std::optional<std::string>&,
                    int, double, const std::optional<std::string>&, const std::optional<std::string>&, int,
                    int>(),
           py::arg("manager"), py::arg("name"), py::arg("tensors"), py::arg("mixing"),
           py::arg("receive_buffers"), py::arg("declared_bps"), py::arg("emulated_bps"), py::arg("data_host"),
           py::arg("data_port"), py::arg("connect_timeout"), py::arg("interface_name"), py::arg("advertised"),
           py::arg("payload"), py::arg("streams"))
      .def_property_readonly("id", &Worker::id)
      .def_property_readonly("count", &Worker::count)
      .def_property_readonly("payload_bytes", &Worker::payload_bytes)
      .def_property_readonly("late", &Worker::late)
      .def("synchronize", &Worker::synchronize, py::arg("parameters"))
      .def("catch_up", &Worker::catch_up, py::arg("parameters"))
      .def("drain", &Worker::drain, py::arg("parameters"))
      .def("leave", &Worker::leave, py::arg("why"))
      .def("close", &Worker::close);
  py::class_<Manager>(module, "Manager")
      .def(py::init<std::uint32_t, const std::string&, int, const std::string&, const std::string&, int,
                    double, std::uint32_t, std::uint64_t, double, double, const std::optional<std::string>&,
                    bool, bool, const std::optional<std::string>&, double, const std::string&>(),
           py::arg("workers"), py::arg("host"), py::arg("port"), py::arg("sync"), py::arg("planner"),
           py::arg("staleness"), py::arg("min_receivers"), py::arg("max_age"), py::arg("seed"),
           py::arg("join_timeout"), py::arg("compute_timeout"), py::arg("journal"), py::arg("overlap"),
           py::arg("elastic"), py::arg("state"), py::arg("patience"), py::arg("multicast"))
      .def_property_readonly("address", &Manager::address)
      .def_property_readonly("running", &Manager::running)
      .def("wait", &Manager::wait, py::arg("timeout"))
      .def("stop", &Manager::stop, py::arg("why"))
      .def("close", &Manager::close);
}

}  // namespace selmcast::python
