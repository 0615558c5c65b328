// selmcast.h's manager: manager::Manager, with a thread for its loop.
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "selmcast/c/boundary.h"
#include "selmcast/manager/manager.h"
#include "selmcast/manager/training_choice.h"

struct selmcast_manager {
  std::unique_ptr<selmcast::manager::Manager> manager;
  std::string address;
  mutable std::mutex mutex;
  std::condition_variable over;
  std::optional<selmcast::Result<void>> result;  // under `mutex`
  std::thread loop;

  ~selmcast_manager() {
    if (!loop.joinable()) return;
    manager->stop("the manager was closed");
    loop.join();
  }
};

namespace selmcast::c {
namespace {

selmcast_manager_options manager_defaults() {
  const manager::TrainingChoice ours;
  selmcast_manager_options defaults{};
  defaults.struct_size = sizeof defaults;
  defaults.workers = ours.workers;
  defaults.host = "127.0.0.1";
  defaults.sync = "bsp";
  defaults.planner = "auto";
  defaults.multicast = "unicast";
  defaults.staleness = -1;
  defaults.min_receivers = ours.min_receivers;
  defaults.max_age = ours.max_age;
  defaults.seed = ours.seed;
  defaults.join_timeout_seconds = ours.join_patience.in_seconds();
  defaults.compute_timeout_seconds = ours.compute_patience.in_seconds();
  defaults.patience_seconds = 60;
  return defaults;
}

Result<manager::ManagerOptions> options_of(const selmcast_manager_options& given) {
  const auto bad = [](const std::string& what) { return failure(ErrorCode::invalid_input, what); };
  if (given.port < 0 || given.port > 65535) return bad("port is not from 0 to 65535");
  if (!(given.join_timeout_seconds > 0 && given.join_timeout_seconds <= 600))
    return bad("join_timeout_seconds is not above 0 and at most 600");
  if (!(given.patience_seconds > 0 && given.patience_seconds <= 86400))
    return bad("patience_seconds is not above 0 and at most 86400");
  if (!(given.compute_timeout_seconds > 0)) return bad("compute_timeout_seconds is not above 0");
  manager::TrainingChoice choice;
  choice.workers = given.workers;
  choice.sync = text_or(given.sync, "bsp");
  choice.planner = text_or(given.planner, "auto");
  choice.multicast = text_or(given.multicast, "unicast");
  if (given.staleness >= 0) choice.staleness = static_cast<std::uint32_t>(given.staleness);
  choice.overlap = given.overlap != 0;
  choice.elastic = given.elastic != 0;
  choice.min_receivers = given.min_receivers;
  choice.max_age = given.max_age;
  choice.seed = given.seed;
  choice.join_patience = Duration::seconds(given.join_timeout_seconds);
  choice.compute_patience = Duration::seconds(given.compute_timeout_seconds);
  auto settings = manager::settings_of(choice);
  if (!settings) return std::unexpected(settings.error());
  manager::ManagerOptions options;
  options.settings = *std::move(settings);
  options.settings.run_token = manager::draw_run_token();
  options.host = text_or(given.host, "127.0.0.1");
  options.port = static_cast<std::uint16_t>(given.port);
  options.journal = text_or(given.journal, "");
  options.state = text_or(given.state, "");
  if (!options.state.empty()) options.settings.manager_patience = Duration::seconds(given.patience_seconds);
  return options;
}

}  // namespace
}  // namespace selmcast::c

using selmcast::c::fail;
using selmcast::c::guarded;

extern "C" {

void selmcast_manager_options_init(selmcast_manager_options* options, size_t struct_size) {
  if (options != nullptr) selmcast::c::copy_out(selmcast::c::manager_defaults(), options, struct_size);
}

selmcast_code selmcast_manager_start(const selmcast_manager_options* options, selmcast_manager** manager) {
  return guarded([&] {
    if (manager != nullptr) *manager = nullptr;
    if (options == nullptr || manager == nullptr)
      return fail(SELMCAST_INVALID_INPUT, "selmcast_manager_start: options or manager is null");
    const auto whole = selmcast::c::over_defaults(*options, selmcast::c::manager_defaults());
    auto ours = selmcast::c::options_of(whole);
    if (!ours) return fail(selmcast::with_context("manager options", ours.error()));
    auto made = std::make_unique<selmcast_manager>();
    auto created = selmcast::manager::Manager::create(*std::move(ours));
    if (!created) return fail(created.error());
    made->manager = *std::move(created);
    made->address = made->manager->address();
    made->loop = std::thread([raw = made.get()] {
      selmcast::Result<void> result = raw->manager->run();
      const std::lock_guard lock(raw->mutex);
      raw->result = std::move(result);
      raw->over.notify_all();
    });
    *manager = made.release();
    return SELMCAST_OK;
  });
}

const char* selmcast_manager_address(const selmcast_manager* manager) {
  return manager == nullptr ? "" : manager->address.c_str();
}

selmcast_code selmcast_manager_wait(selmcast_manager* manager, double timeout_seconds) {
  return guarded([&] {
    if (manager == nullptr || !(timeout_seconds >= 0 && timeout_seconds <= 1e7))
      return fail(SELMCAST_INVALID_INPUT,
                  "selmcast_manager_wait: no manager, or a timeout below 0 or above 1e7");
    std::unique_lock lock(manager->mutex);
    if (!manager->over.wait_for(lock, std::chrono::duration<double>(timeout_seconds),
                                [&] { return manager->result.has_value(); }))
      return fail(SELMCAST_TIMEOUT, "the training is not over yet");
    return *manager->result ? SELMCAST_OK : fail(manager->result->error());
  });
}

int32_t selmcast_manager_running(const selmcast_manager* manager) {
  if (manager == nullptr) return 0;
  const std::lock_guard lock(manager->mutex);
  return manager->result ? 0 : 1;
}

void selmcast_manager_stop(selmcast_manager* manager, const char* why) {
  guarded([&] {
    if (manager != nullptr) manager->manager->stop(selmcast::c::text_or(why, "the manager was stopped"));
    return SELMCAST_OK;
  });
}

void selmcast_manager_close(selmcast_manager* manager) { delete manager; }

}  // extern "C"
