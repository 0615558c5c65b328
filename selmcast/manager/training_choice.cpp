#include "selmcast/manager/training_choice.h"

#include <random>
#include <utility>

#include "selmcast/plan/planner.h"
#include "selmcast/sync/min_receivers.h"

namespace selmcast::manager {
namespace {

std::unexpected<Error> bad(const std::string& what) { return failure(ErrorCode::invalid_input, what); }

// Nothing for bsp.
Result<std::optional<sync::OnlineChoice>> online_choice_of(const TrainingChoice& choice) {
  if (choice.staleness && choice.sync != "ssp")
    return bad("staleness: only sync ssp has one, this is sync " + choice.sync);
  if (choice.sync == "bsp") {
    if (choice.keep_fraction || choice.sharing || choice.width || choice.overlap)
      return bad("keep-fraction, sharing, width and overlap: only for sync ssp and asp");
    return std::nullopt;
  }
  sync::OnlineChoice online;
  online.policy = choice.planner;
  if (choice.staleness) online.staleness = choice.staleness;
  if (choice.sync == "asp") online.staleness.reset();
  online.overlap = choice.overlap;
  online.keep_fraction = choice.keep_fraction.value_or(online.keep_fraction);
  if (choice.width) {
    const auto width = sync::Width::from(*choice.width);
    if (!width) return std::unexpected(with_context("width", width.error()));
    online.width = *width;
  }
  if (choice.sharing) {
    const auto sharing = sync::sharing_from(*choice.sharing);
    if (!sharing) return bad("sharing '" + *choice.sharing + "': there are fair, priority and reserved");
    online.sharing = *sharing;
  }
  return online;
}

std::string planner_names() {
  std::string names;
  for (const plan::Planner& planner : plan::planners())
    names += (names.empty() ? "" : ", ") + std::string(planner.name);
  return names;
}

}  // namespace

Result<ManagerSettings> settings_of(const TrainingChoice& choice) {
  if (choice.sync != "bsp" && choice.sync != "ssp" && choice.sync != "asp")
    return bad("sync '" + choice.sync + "': there are bsp, ssp and asp");
  ManagerSettings settings;
  settings.workers = choice.workers;
  settings.join_patience = choice.join_patience;
  auto online = online_choice_of(choice);
  if (!online) return std::unexpected(online.error());
  settings.online = *std::move(online);
  if (!settings.online) settings.rounds.planner = plan::find_planner(choice.planner);
  if (!settings.online && settings.rounds.planner == nullptr)
    return bad("there is no planner '" + choice.planner + "' for bsp; there are " + planner_names());
  if (choice.multicast != "unicast" && choice.multicast != "relay" && choice.multicast != "network" &&
      choice.multicast != "auto")
    return bad("multicast '" + choice.multicast + "': there are unicast, relay, network and auto");
  settings.choose_multicast = choice.multicast == "auto";
  if (choice.multicast == "relay") settings.rounds.multicast = plan::MulticastKind::relay;
  const auto min_receivers = sync::MinReceivers::from(choice.min_receivers);
  if (!min_receivers) return std::unexpected(with_context("min-receivers", min_receivers.error()));
  settings.rounds.min_receivers = *min_receivers;
  if (choice.multicast == "network") settings.rounds.multicast = plan::MulticastKind::network;
  settings.rounds.max_age = choice.max_age;
  settings.rounds.seed = choice.seed;
  settings.rounds.compute_patience = choice.compute_patience;
  settings.elastic = choice.elastic;
  settings.stream_patience = choice.stream_patience;
  return settings;
}

std::uint64_t draw_run_token() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace selmcast::manager
