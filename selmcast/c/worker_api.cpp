// selmcast.h's workers, over worker::Worker.
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/c/boundary.h"
#include "selmcast/worker/worker.h"

struct selmcast_cancel {
  std::stop_source source;
};

struct selmcast_worker {
  std::unique_ptr<selmcast::worker::Worker> worker;
  std::size_t synchronised = 0;
  selmcast::worker::SyncReport last;
  std::vector<std::uint32_t> mixed_with, sent_to;  // of `last`
};

namespace selmcast::c {
namespace {

template <class Kind>
Result<Kind> enumerator(std::int32_t value, Kind last, const char* what) {
  if (value < 0 || value > static_cast<std::int32_t>(last))
    return failure(ErrorCode::invalid_input,
                   std::string(what) + " " + std::to_string(value) + ": not one of those in selmcast.h");
  return static_cast<Kind>(value);
}

Result<std::vector<worker::Tensor>> tensors_of(const selmcast_worker_options& options) {
  const auto bad = [](const std::string& what) { return failure(ErrorCode::invalid_input, what); };
  if (options.tensors == nullptr && options.tensor_count > 0) return bad("tensors is null");
  std::vector<worker::Tensor> tensors;
  for (std::size_t k = 0; k < options.tensor_count; ++k) {
    const selmcast_tensor& tensor = options.tensors[k];
    if (tensor.name == nullptr) return bad("tensor " + std::to_string(k) + " has no name");
    if (tensor.shape == nullptr && tensor.dimensions > 0)
      return bad("tensor '" + std::string(tensor.name) + "' has no shape");
    const auto role = enumerator(tensor.role, worker::TensorRole::frozen, "role");
    if (!role) return std::unexpected(with_context(tensor.name, role.error()));
    tensors.push_back({tensor.name, {tensor.shape, tensor.shape + tensor.dimensions}, *role});
  }
  return tensors;
}

Result<worker::WorkerOptions> options_of(const selmcast_worker_options& given) {
  const auto bad = [](const std::string& what) { return failure(ErrorCode::invalid_input, what); };
  if (given.manager == nullptr) return bad("manager is null: give \"host:port\"");
  if (given.name == nullptr) return bad("name is null: give one that is unique in the training");
  if (given.data_port < 0 || given.data_port > 65535) return bad("data_port is not from 0 to 65535");
  worker::WorkerOptions options;
  options.manager = given.manager;
  options.name = given.name;
  auto tensors = tensors_of(given);
  if (!tensors) return std::unexpected(tensors.error());
  options.model = *std::move(tensors);
  const auto mixing = enumerator(given.mixing, worker::MixingKind::staleness, "mixing");
  if (!mixing) return std::unexpected(mixing.error());
  options.mixing = *mixing;
  const auto payload = enumerator(given.payload, worker::Format::int8, "payload");
  if (!payload) return std::unexpected(payload.error());
  options.payload = *payload;
  options.receive_buffers = given.receive_buffers;
  options.streams = given.streams;
  options.declared_uplink = Rate::bits_per_second(given.declared_uplink_bps);
  options.declared_downlink = Rate::bits_per_second(given.declared_downlink_bps);
  if (given.emulated_uplink_bps != 0)
    options.emulated_uplink = Rate::bits_per_second(given.emulated_uplink_bps);
  if (given.emulated_downlink_bps != 0)
    options.emulated_downlink = Rate::bits_per_second(given.emulated_downlink_bps);
  options.data_host = text_or(given.data_host, "");
  options.interface = text_or(given.interface_name, "");
  options.advertised = text_or(given.advertised, "");
  options.data_port = static_cast<std::uint16_t>(given.data_port);
  options.connect_timeout = Duration::seconds(given.connect_timeout_seconds);
  if (!(given.connect_timeout_seconds > 0 && given.connect_timeout_seconds <= 3600))
    return bad("connect_timeout_seconds is not above 0 and at most 3600");
  if (given.cancel != nullptr) options.cancel = given.cancel->source.get_token();
  return options;
}

selmcast_worker_options worker_defaults() {
  const worker::WorkerOptions ours;
  selmcast_worker_options defaults{};
  defaults.struct_size = sizeof defaults;
  defaults.mixing = SELMCAST_AVERAGE;
  defaults.payload = SELMCAST_FLOAT32;
  defaults.receive_buffers = ours.receive_buffers;
  defaults.streams = ours.streams;
  defaults.declared_uplink_bps = ours.declared_uplink.bps();
  defaults.declared_downlink_bps = ours.declared_downlink.bps();
  defaults.connect_timeout_seconds = ours.connect_timeout.in_seconds();
  return defaults;
}

void numbers_of(const std::vector<WorkerId>& ids, std::vector<std::uint32_t>& numbers) {
  numbers.clear();
  for (const WorkerId id : ids) numbers.push_back(id.value());
}

}  // namespace
}  // namespace selmcast::c

using selmcast::c::fail;
using selmcast::c::guarded;

extern "C" {

void selmcast_worker_options_init(selmcast_worker_options* options, size_t struct_size) {
  if (options != nullptr) selmcast::c::copy_out(selmcast::c::worker_defaults(), options, struct_size);
}

selmcast_code selmcast_worker_connect(const selmcast_worker_options* options, selmcast_worker** worker) {
  return guarded([&] {
    if (worker != nullptr) *worker = nullptr;
    if (options == nullptr || worker == nullptr)
      return fail(SELMCAST_INVALID_INPUT, "selmcast_worker_connect: options or worker is null");
    const auto whole = selmcast::c::over_defaults(*options, selmcast::c::worker_defaults());
    auto ours = selmcast::c::options_of(whole);
    if (!ours) return fail(selmcast::with_context("worker options", ours.error()));
    auto made = std::make_unique<selmcast_worker>();
    auto connected = selmcast::worker::Worker::connect(*std::move(ours));
    if (!connected) return fail(connected.error());
    made->worker = *std::move(connected);
    *worker = made.release();
    return SELMCAST_OK;
  });
}

uint32_t selmcast_worker_id(const selmcast_worker* worker) {
  return worker == nullptr ? 0 : worker->worker->id().value();
}

uint32_t selmcast_worker_count(const selmcast_worker* worker) {
  return worker == nullptr ? 0 : worker->worker->workers_at_start();
}

uint64_t selmcast_worker_payload_bytes(const selmcast_worker* worker) {
  return worker == nullptr ? 0 : static_cast<uint64_t>(worker->worker->payload_bytes().count());
}

int32_t selmcast_worker_came_late(const selmcast_worker* worker) {
  return worker != nullptr && worker->worker->came_late() ? 1 : 0;
}

static selmcast_code call(
    const char* name,
    selmcast::Result<selmcast::worker::SyncReport> (selmcast::worker::Worker::*function)(std::span<float>),
    selmcast_worker* worker, float* parameters, size_t count) {
  return guarded([&] {
    if (worker == nullptr || (parameters == nullptr && count > 0))
      return fail(SELMCAST_INVALID_INPUT, std::string(name) + ": worker or parameters is null");
    auto report = (worker->worker.get()->*function)({parameters, count});
    if (!report) return fail(report.error());
    worker->last = *std::move(report);
    ++worker->synchronised;
    selmcast::c::numbers_of(worker->last.mixed_with, worker->mixed_with);
    selmcast::c::numbers_of(worker->last.sent_to, worker->sent_to);
    return SELMCAST_OK;
  });
}

selmcast_code selmcast_worker_catch_up(selmcast_worker* worker, float* parameters, size_t count) {
  return call(__func__, &selmcast::worker::Worker::catch_up, worker, parameters, count);
}

selmcast_code selmcast_worker_synchronize(selmcast_worker* worker, float* parameters, size_t count) {
  return call(__func__, &selmcast::worker::Worker::synchronize, worker, parameters, count);
}

selmcast_code selmcast_worker_drain(selmcast_worker* worker, float* parameters, size_t count) {
  return call(__func__, &selmcast::worker::Worker::drain, worker, parameters, count);
}

selmcast_code selmcast_worker_report(const selmcast_worker* worker, selmcast_report* report) {
  return guarded([&] {
    if (worker == nullptr || report == nullptr)
      return fail(SELMCAST_INVALID_INPUT, "selmcast_worker_report: worker or report is null");
    if (worker->synchronised == 0)
      return fail(SELMCAST_INVALID_INPUT, "selmcast_worker_report: nothing was synchronised yet");
    selmcast_report value{};
    value.round = worker->last.round.value();
    value.mixed_with = worker->mixed_with.data();
    value.mixed_with_count = worker->mixed_with.size();
    value.sent_to = worker->sent_to.data();
    value.sent_to_count = worker->sent_to.size();
    value.workers = worker->last.workers;
    value.predicted_seconds = worker->last.predicted.in_seconds();
    value.elapsed_seconds = worker->last.elapsed.in_seconds();
    value.own_weight = worker->last.own_weight;
    value.next_round = worker->last.next.value();
    selmcast::c::copy_out(value, report, report->struct_size);
    return SELMCAST_OK;
  });
}

void selmcast_worker_leave(selmcast_worker* worker, const char* why) {
  guarded([&] {
    if (worker != nullptr) worker->worker->leave(selmcast::c::text_or(why, "done"));
    return SELMCAST_OK;
  });
}

void selmcast_worker_close(selmcast_worker* worker) { delete worker; }

selmcast_cancel* selmcast_cancel_new(void) {
  selmcast_cancel* made = nullptr;
  guarded([&] {
    made = new selmcast_cancel;
    return SELMCAST_OK;
  });
  return made;
}
void selmcast_cancel_now(selmcast_cancel* cancel) {
  if (cancel != nullptr) cancel->source.request_stop();
}
void selmcast_cancel_free(selmcast_cancel* cancel) { delete cancel; }

}  // extern "C"
