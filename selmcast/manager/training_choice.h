// What a user says about a training, as plain values: sync, planner, receivers, ages. Made into the manager's settings
// in one place, for `selmcast manager`, `selmcast run` and the C API. Pure. Thread rule: values and functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/manager/manager_core.h"

namespace selmcast::manager {

struct TrainingChoice {
  std::uint32_t workers = 1;
  std::string sync = "bsp";                // bsp, ssp, asp
  std::string multicast = "unicast";       // or network; relay: for bsp; auto: by probing the network
  std::string planner = "auto";            // of plan::find_planner() for bsp, else of make_online_policy()
  std::optional<std::uint32_t> staleness;  // ssp only; default 4
  std::optional<double> keep_fraction;     // ssp and asp only; default 0.75
  std::optional<std::string> sharing;      // ssp and asp only: fair, priority, reserved
  std::optional<double> width;             // ssp and asp only, of slack: 0 to 1
  bool overlap = false;        // ssp and asp only: the next round is computed during the multicast
  double min_receivers = 0.3;  // below 1: a fraction of the workers
  std::uint32_t max_age = 7;
  std::uint64_t seed = 1;
  Duration join_patience = Duration::seconds(60);
  Duration compute_patience = Duration::seconds(600);
  bool elastic = false;  // workers may come while the training runs
  // For a worker whose stream broke to take it up again: long enough to dial a few times, short enough that nobody
  // waits long for one that was killed.
  Duration stream_patience = Duration::seconds(0.5);
};

// Errors (invalid_input) name the setting and the remedy; what settings_of() lets pass, check_settings() may still
// refuse. The run token stays 0: it is drawn by draw_run_token().
Result<ManagerSettings> settings_of(const TrainingChoice& choice);

// Unpredictable on purpose: it keeps other trainings out. Nothing that is planned depends on it.
std::uint64_t draw_run_token();

}  // namespace selmcast::manager
