// Workers whose words about themselves do not fit what the others see, by mistake or on purpose.
//
// Measurements. A receiver says how long after the plan's coming a delivery ended. The manager knows when the plan
// was issued and when the word came: nothing took longer than that, and a receiver says so at once, so nothing took
// much less. A claim of less than half of it, kSlack left out, is doubtful. Who makes kThrice of them in a row, while
// most others make none (else the manager itself was slow to hear), is named, and from then on the manager's own time
// takes the place of doubtful ones: whoever calls itself fast is planned as what it is. (A process that stands still
// between the delivery and its report looks the same, and is as late for the others.)
// Declarations. What a link carries is learnt (bandwidth_estimator.h), so that a false declaration costs the others
// the rounds until then. A link that is thought to carry less than a quarter of what its worker declared, in kTwice
// looks in a row, is named.
// What it declared is not believed then either (BandwidthEstimator::disbelieve()).
// Each worker is named once for each kind. Nobody is thrown out: who is planned by what it does costs the others no
// more than an honest worker that is as slow. Pure. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"

namespace selmcast::sync {

// For logs: what a worker said, and what is.
struct Doubted {
  WorkerId worker;
  std::string why;
};

class Liars {
 public:
  static constexpr Duration kSlack = Duration::seconds(0.5);
  static constexpr double kLess = 4;
  static constexpr std::uint32_t kTwice = 2, kThrice = 3;

  struct Times {
    Duration started, finished;
  };
  // What is to be believed of a delivery that was reported so long after its plan was issued.
  Times hear(WorkerId receiver, Times claimed, Duration reported_after);

  struct Link {
    WorkerId worker;
    Rate declared_uplink, declared_downlink;
    Rate uplink, downlink;  // learnt
  };
  void look(const Link& link);
  // It was named for its measurements.
  bool is_disbelieved(WorkerId worker) const;
  void leave(WorkerId worker) { suspects_.erase(worker); }

  // Since the last time.
  std::vector<Doubted> named() { return std::exchange(named_, {}); }

 private:
  struct Suspect {
    std::uint32_t claims = 0, uplink = 0, downlink = 0;  // in a row
    bool is_named = false;                               // for its claims
  };
  bool most_are_believed() const;
  void look_at(WorkerId worker, std::uint32_t& in_a_row, const char* link, Rate declared, Rate learnt);

  std::map<WorkerId, Suspect> suspects_;
  std::vector<Doubted> named_;
};

}  // namespace selmcast::sync
