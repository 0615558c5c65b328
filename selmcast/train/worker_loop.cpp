#include "selmcast/train/worker_loop.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/train/snapshot.h"

namespace selmcast::train {
namespace {

Result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return {};
  return failure(ErrorCode::io,
                 fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
}

Result<WorkerRound> run_round(Trainer& trainer, const WorkerLoopOptions& options,
                              const Synchronize& synchronize, const Clock& clock) {
  WorkerRound done;
  const Instant started = clock();
  const auto loss = trainer.train_steps(options.steps);
  if (!loss) return std::unexpected(loss.error());
  Instant computed = clock();
  done.slept = time_to_sleep(options.slowness, computed - started);
  if (done.slept > Duration()) {
    options.sleep(done.slept);
    computed = clock();
  }
  auto outcome = synchronize(trainer.parameters());
  if (!outcome) return std::unexpected(outcome.error());
  done.at = clock();
  done.loss = *loss;
  done.compute = computed - started;
  done.sync = done.at - computed;
  done.mixed_with = std::move(outcome->mixed_with);
  done.own_weight = outcome->own_weight;
  return done;
}

Result<void> run_rounds(Trainer& trainer, const WorkerLoopOptions& options, const Synchronize& synchronize,
                        const Clock& clock, const OnRound& on_round) {
  const auto log_path = options.out / fmt::format("worker-{}.jsonl", options.worker.value());
  std::ofstream log(log_path, options.first > Round(0) ? std::ios::app : std::ios::trunc);
  for (std::uint64_t round = options.first.value(); round < options.rounds; ++round) {
    const auto in_round = [&](const Error& error) {
      return std::unexpected(with_context(fmt::format("round {}", round), error));
    };
    auto done = run_round(trainer, options, synchronize, clock);
    if (!done) return in_round(done.error());
    done->round = Round(round);
    log << to_json_line(*done) << '\n' << std::flush;
    if (!log)
      return failure(ErrorCode::io, fmt::format("cannot write {}; is there space?", log_path.string()));
    if (options.snapshots) {
      const SnapshotName name{Round(round), options.worker};
      auto written = write_snapshot(*options.snapshots, name, done->at, trainer.parameters());
      if (!written) return in_round(written.error());
    }
    on_round(*done);
  }
  return {};
}

}  // namespace

std::string to_json_line(const WorkerRound& round) {
  auto mixed_with = nlohmann::ordered_json::array();
  for (const WorkerId worker : round.mixed_with) mixed_with.push_back(to_string(worker));
  nlohmann::ordered_json line = {{"round", round.round.value()},
                                 {"at_seconds", round.at.in_seconds()},
                                 {"loss", round.loss},
                                 {"compute_seconds", round.compute.in_seconds()},
                                 {"sync_seconds", round.sync.in_seconds()},
                                 {"mixed_with", mixed_with}};
  if (round.slept > Duration()) line["slept_seconds"] = round.slept.in_seconds();
  if (round.own_weight != 1) line["own_weight"] = round.own_weight;
  return line.dump();
}

Duration time_to_sleep(const Slowness& slowness, Duration steps_took) {
  return std::max(Duration(), std::max(steps_took, slowness.least) * slowness.factor - steps_took);
}

Result<void> run_worker_loop(Trainer& trainer, const WorkerLoopOptions& options,
                             const Synchronize& synchronize, const Clock& clock, const OnRound& on_round) {
  SELMCAST_CHECK(options.rounds >= 1 && options.steps >= 1, "an empty training");
  const bool may_sleep = options.slowness.factor > 1 || options.slowness.least > Duration();
  SELMCAST_CHECK(!may_sleep || options.sleep, "who is slow can sleep");
  if (auto made = make_folder(options.out); !made) return made;
  if (options.snapshots) {
    if (auto made = make_folder(*options.snapshots); !made) return made;
  }
  auto result = run_rounds(trainer, options, synchronize, clock, on_round);
  if (!options.snapshots) return result;
  auto gone = write_gone(*options.snapshots, options.worker);
  return result ? gone : result;
}

}  // namespace selmcast::train
