// The scenario of a demo: which workers on which links, and what is run on them. Pure: a function of its options.
//
// Links (payload rates). `uneven-downlinks`: downlinks spread geometrically from slowest to fastest, dealt to the
// workers by the seed, under uplinks of twice the fastest. `uneven-uplinks`: the same the other way round: then one
// slow uplink alone fixes every planner's time at min_receivers * volume / uplink (unicast), and no selection helps.
// `even`: all the same. What a worker declares is wrong by a factor between 1/2 and 2, drawn from the seed, unless
// declarations are asked to be true: so there is something to learn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/testbed/description.h"

namespace selmcast::demo {

enum class LinkPattern { uneven_downlinks, uneven_uplinks, even };

struct WorkerLinks {
  Rate uplink, downlink;                    // the truth: emulated in the worker, or shaped on a testbed
  Rate declared_uplink, declared_downlink;  // what it tells the manager
};

struct LinkOptions {
  LinkPattern pattern = LinkPattern::uneven_downlinks;
  std::size_t workers = 8;
  Rate slowest = Rate::megabits_per_second(20);
  Rate fastest = Rate::megabits_per_second(200);
  bool declare_truth = false;
  std::uint64_t seed = 1;
};
std::vector<WorkerLinks> make_links(const LinkOptions& options);

// The links of a testbed's hosts, as payload, declared as make_links() does. Error (invalid_input) if one is not
// shaped, or hosts are not named w0, w1, ... as the workers are.
struct HostLinkOptions {
  bool declare_truth = false;
  std::uint64_t seed = 1;
};
Result<std::vector<WorkerLinks>> links_of_hosts(const testbed::Description& description,
                                                const HostLinkOptions& options);

// The testbed on which workers have these links: hosts w0, w1, ... and "manager", whose link is not shaped. Whatever
// else `like` says (shapers, events) is kept; its hosts are not.
testbed::Description testbed_for(const std::vector<WorkerLinks>& links, testbed::Description like);

// A file of links: {"workers": [{"uplink_bps": 4e8, "downlink_bps": 2e7, "declared_uplink_bps": ..., (optional)
// "declared_downlink_bps": ...}, ...]}. Error (invalid_input) naming file and key.
Result<std::vector<WorkerLinks>> read_links(const std::string& path);

// By worker: how many times as long as the others it computes. The factors go to different workers, dealt by the seed;
// the rest have 1. Error (invalid_input) if there are more factors than workers or one is out of range.
struct StragglerOptions {
  std::vector<double> factors;
  std::size_t workers = 8;
  std::uint64_t seed = 1;
};
Result<std::vector<double>> deal_stragglers(const StragglerOptions& options);

// One training of the demo.
struct Run {
  std::string name;  // also its folder: "paper", "paper-unpaced", "random-s2", "ssp-paper"
  std::string planner;
  bool paced = true;
  std::uint64_t seed = 1;
  std::string sync = "bsp";  // of cli::kSyncModes
};
struct RunOptions {
  struct Rule {
    std::string sync;
    std::vector<std::string> planners;
    std::vector<std::string> unpaced_planners;
  };
  std::vector<Rule> rules;
  std::vector<std::uint64_t> seeds;
};
// Seed by seed, rule by rule, planners in the order given, so that rivals run next to each other.
std::vector<Run> make_runs(const RunOptions& options);

// What no plan can beat on these links, if every bandwidth were known.
plan::LowerBound bound_on(const std::vector<WorkerLinks>& links, int min_receivers, Bytes volume,
                          plan::MulticastKind multicast = plan::MulticastKind::unicast);

}  // namespace selmcast::demo
