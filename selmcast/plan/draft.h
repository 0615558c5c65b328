// A plan being built: the selections so far and what each link has to carry under them. For planners only.
//
// Invariant: the loads are those of the selections (plan.h: link_loads). add() and has() are O(1), finish()
// O(pairs log pairs). Memory: one byte a pair.
#pragma once

#include <vector>

#include "selmcast/plan/plan.h"
#include "selmcast/plan/reach.h"

namespace selmcast::plan {

class Draft {
 public:
  explicit Draft(const Problem& problem);

  bool has(std::size_t sender, std::size_t receiver) const {
    return selected_[sender * size_ + receiver] != 0;
  }
  std::size_t receivers_of(std::size_t sender) const { return plan_.selections[sender].size(); }
  // Requires: not itself, not selected yet.
  void add(std::size_t sender, std::size_t receiver, Reason reason);
  void add_required();

  const LinkLoads& loads() const { return loads_; }
  // The uplink's load if `sender` got this receiver, too.
  Bytes uplink_load_with(std::size_t sender, std::size_t receiver) const;

  // Ends the draft.
  Plan finish() &&;

 private:
  const Problem& problem_;
  std::size_t size_;
  std::vector<char> selected_;  // size_ x size_, by sender
  Reach reach_;
  std::vector<char> sends_shared_copy_;  // by sender
  LinkLoads loads_;
  Plan plan_;
};

}  // namespace selmcast::plan
