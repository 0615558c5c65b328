#include "selmcast/cli/report/link_use.h"

#include <algorithm>

namespace selmcast::report {

namespace {

// Without rounds in common: adds what was delivered; returns how long at least one multicast ran.
Duration add_multicasts(const Scenario& scenario, const RunRecord& run, std::vector<Bytes>& sent,
                        std::vector<Bytes>& received) {
  std::vector<std::pair<Instant, Instant>> spans;
  for (const MulticastRecord& multicast : run.multicasts) {
    spans.emplace_back(multicast.issued, multicast.ended());
    plan::MulticastKind kind = scenario.multicast;
    for (const ChosenMulticast& chosen : run.chosen) {
      if (chosen.at <= multicast.issued) kind = chosen.kind;
    }
    Sent<Bytes> up;
    for (const Delivery& delivery : multicast.deliveries) {
      if (!delivery.committed) continue;
      up.add(kind, delivery, delivery.bytes);
      received[position(delivery.receiver)] += delivery.bytes;
    }
    sent[position(multicast.worker)] += up.total();
  }
  std::ranges::sort(spans);
  Duration time;
  Instant until;
  for (const auto& [from, to] : spans) {
    if (to > until) time += to - std::max(from, until);
    until = std::max(until, to);
  }
  return time;
}

}  // namespace

LinkUse link_use(const Scenario& scenario, const RunRecord& run) {
  const std::size_t workers = scenario.workers.size();
  std::vector<Bytes> sent(workers);
  std::vector<Bytes> received(workers);
  Duration time;
  for (const RoundRecord& round : run.rounds) {
    time += round.sync;
    std::vector<Sent<Bytes>> round_sent(workers);
    const auto kind = round.multicast.value_or(scenario.multicast);
    for (const Delivery& delivery : round.deliveries) {
      if (!delivery.committed) continue;
      round_sent[position(delivery.uplink())].add(kind, delivery, delivery.bytes);
      received[position(delivery.receiver)] += delivery.bytes;
    }
    for (std::size_t i = 0; i < workers; ++i) sent[i] += round_sent[i].total();
  }
  time += add_multicasts(scenario, run, sent, received);
  LinkUse use{std::vector<double>(workers), std::vector<double>(workers)};
  if (!(time > Duration())) return use;
  for (std::size_t i = 0; i < workers; ++i) {
    use.uplink[i] = sent[i] / scenario.workers[i].uplink / time;
    use.downlink[i] = received[i] / scenario.workers[i].downlink / time;
  }
  return use;
}

}  // namespace selmcast::report
