// Which stripes of a model are here or being read, when they come over several connections in any order.
//
// Invariants: no byte is placed twice, so nothing that was verified is written again; every stripe is made of whole
// units (wire::kStripeUnitBytes), but for the end of the model, and lies behind what is contiguous. Memory: one entry a
// stripe that came before one in front of it: few of an honest sender; of any other the model's units at most.
// Complexity: O(log entries). Pure. Nothing here trusts the peer. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <map>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::worker {

class StripeMap {
 public:
  // The first `contiguous` bytes are here. `unit_of_all`: every stripe is that long and begins at a multiple of it
  // (relay: what is sent on is sent in whole chunks); nothing: any number of units.
  StripeMap(Bytes contiguous, Bytes total, Bytes unit_of_all = Bytes(0))
      : contiguous_(contiguous), total_(total), whole_(unit_of_all) {}

  // It is about to be read. Error (protocol), a few words: it is not made of units of the model, or not for the first
  // time.
  Result<void> place(Bytes offset, Bytes length);
  bool is_placed(Bytes offset, Bytes length) const;  // and not complete
  // Requires is_placed().
  void complete(Bytes offset);
  // From the start to the first byte that is missing.
  Bytes contiguous() const { return contiguous_; }

 private:
  struct Stripe {
    Bytes length;
    bool complete = false;
  };
  Bytes contiguous_;
  Bytes total_;
  Bytes whole_;
  std::map<Bytes, Stripe> beyond_;  // by offset: placed, and not yet contiguous
};

}  // namespace selmcast::worker
