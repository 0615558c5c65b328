#include "selmcast/cli/report/link_use.h"

#include <algorithm>

namespace selmcast::report {

LinkUse link_use(const Scenario& scenario, const RunRecord& run) {
  const std::size_t workers = scenario.workers.size();
  std::vector<Bytes> sent(workers);
  std::vector<Bytes> received(workers);
  Duration time;
  for (const RoundRecord& round : run.rounds) {
    time += round.sync;
    std::vector<Bytes> round_sent(workers);
    for (const Delivery& delivery : round.deliveries) {
      if (!delivery.committed) continue;
      Bytes& up = round_sent[position(delivery.sender)];
      up = scenario.multicast == plan::MulticastKind::network ? std::max(up, delivery.bytes)
                                                              : up + delivery.bytes;
      received[position(delivery.receiver)] += delivery.bytes;
    }
    for (std::size_t i = 0; i < workers; ++i) sent[i] += round_sent[i];
  }
  LinkUse use{std::vector<double>(workers), std::vector<double>(workers)};
  if (!(time > Duration())) return use;
  for (std::size_t i = 0; i < workers; ++i) {
    use.uplink[i] = sent[i] / scenario.workers[i].uplink / time;
    use.downlink[i] = received[i] / scenario.workers[i].downlink / time;
  }
  return use;
}

}  // namespace selmcast::report
