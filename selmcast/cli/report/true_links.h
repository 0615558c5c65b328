// What links really carried over time, from a testbed's record (links.jsonl, docs/testbed.md).
#pragma once

#include <vector>

#include "selmcast/cli/report/json_fields.h"
#include "selmcast/cli/report/run_record.h"

namespace selmcast::report {

// Collects the record's lines, in the order of their times; hosts that are no workers are left out.
class TrueLinksReader {
 public:
  explicit TrueLinksReader(const Scenario& scenario);
  void line(const JsonFields& fields);
  // By time: an entry wherever a worker's links changed, by a new rate or as traffic began or ended.
  std::vector<TrueLinks> take() const;

 private:
  struct Change {
    Instant at;
    std::size_t worker;
    bool is_uplink;
    double bps;  // the new rate; or, of traffic, what is taken off (negative: given back)
    bool is_traffic;
  };
  std::optional<std::size_t> worker(const std::string& name) const;
  const Scenario& scenario_;
  std::vector<Change> changes_;
};

}  // namespace selmcast::report
