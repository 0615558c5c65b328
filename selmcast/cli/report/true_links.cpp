#include "selmcast/cli/report/true_links.h"

#include <algorithm>

namespace selmcast::report {

TrueLinksReader::TrueLinksReader(const Scenario& scenario) : scenario_(scenario) {}

std::optional<std::size_t> TrueLinksReader::worker(const std::string& name) const {
  const auto found = std::ranges::find(scenario_.workers, name, &WorkerLinks::name);
  if (found == scenario_.workers.end()) return std::nullopt;
  return static_cast<std::size_t>(found - scenario_.workers.begin());
}

void TrueLinksReader::line(const JsonFields& fields) {
  const std::string event = fields.text("event");
  if (event != "rate" && event != "traffic") return;
  if (fields.has("failed")) return;
  const Instant at = Instant() + fields.seconds("at_seconds");
  if (event == "rate") {
    const auto host = worker(fields.text("host"));
    const auto up = fields.maybe_rate("uplink_bps"), down = fields.maybe_rate("downlink_bps");
    if (host && up) changes_.push_back({at, *host, true, up->bps(), false});
    if (host && down) changes_.push_back({at, *host, false, down->bps(), false});
    return;
  }
  const double taken = fields.rate("payload_bps").bps();
  const Instant end = at + fields.seconds("seconds");
  const auto from = worker(fields.text("from")), to = worker(fields.text("to"));
  for (const auto& [host, is_uplink] : {std::pair(from, true), std::pair(to, false)}) {
    if (!host) continue;
    changes_.push_back({at, *host, is_uplink, taken, true});
    changes_.push_back({end, *host, is_uplink, -taken, true});
  }
}

std::vector<TrueLinks> TrueLinksReader::take() const {
  struct Link {
    double rate = 0, taken = 0;
    // At least a thousandth is left, so that an error can be told.
    Rate left() const { return Rate::bits_per_second(std::max(rate - taken, rate / 1000)); }
  };
  std::vector<std::pair<Link, Link>> links;
  for (const WorkerLinks& known : scenario_.workers)
    links.push_back({{known.uplink.bps()}, {known.downlink.bps()}});
  std::vector<Change> changes = changes_;
  std::ranges::stable_sort(changes, {}, &Change::at);
  std::vector<TrueLinks> result;
  for (const Change& change : changes) {
    Link& link = change.is_uplink ? links[change.worker].first : links[change.worker].second;
    if (change.is_traffic) link.taken += change.bps;
    if (!change.is_traffic) link.rate = change.bps;
    result.push_back({change.at, WorkerIndex(static_cast<std::uint32_t>(change.worker)),
                      links[change.worker].first.left(), links[change.worker].second.left()});
  }
  return result;
}

TrueRates true_rates(const Scenario& scenario, const RunRecord& run, WorkerIndex worker, Instant at) {
  const WorkerLinks& links = scenario.workers[position(worker)];
  TrueRates rates{links.uplink, links.downlink};
  for (const TrueLinks& known : run.true_links) {
    if (known.from <= at && known.worker == worker) rates = {known.uplink, known.downlink};
  }
  return rates;
}

}  // namespace selmcast::report
