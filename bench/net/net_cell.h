// One contender on one set-up: what its hosts reported, and the figures made of it. Pure.
//
// A repeat's time goes from when the last host began it to when the last host had ended it, for rivals and ours alike.
// Ours thus includes planning, messages and mixing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::bench {

struct HostRepeat {
  std::size_t repeat = 0;
  Instant started, ended;
  Duration cpu;        // user and system time of the process in it
  double reached = 0;  // other hosts that have what this one sent
};

// A line of a host, as net_worker and the rivals print it. Error (corrupt).
Result<HostRepeat> parse_host_repeat(const std::string& line);

struct NetCell {
  std::string setup, contender;
  bool ours = false;
  std::vector<Duration> seconds = {};          // by repeat
  std::vector<Duration> bounds = {};           // no plan, or ring, is faster; one, or one a repeat
  std::vector<double> prediction_errors = {};  // delivered / predicted - 1; ours
  double reached_mean = 0;
  double cpu_seconds_per_gb = 0;  // of payload sent, all hosts, without what interrupts cost
};

// `hosts`: each one's repeats. Requires as many of each; error (corrupt) if one has fewer.
Result<void> add_repeats(const std::vector<std::vector<HostRepeat>>& hosts, Bytes payload, NetCell& cell);

struct NetFigures {
  double median_seconds = 0, least_seconds = 0, most_seconds = 0;
  double bound_share = 0;                         // mean bound / mean time
  std::optional<double> error_median, error_p95;  // of |prediction error|
};
NetFigures figures_of(const NetCell& cell);

// The table, Markdown; and the cells as JSON lines.
std::string net_table(const std::vector<NetCell>& cells);
std::string net_json(const NetCell& cell);
// Back from net_json(). Error (corrupt) for another line.
Result<NetCell> parse_net_cell(const std::string& line);

}  // namespace selmcast::bench
