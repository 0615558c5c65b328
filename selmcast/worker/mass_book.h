// One worker's account of push-sum mass: what it holds, what it has on the way to others.
//
// Mass is counted in whole quanta, kMassUnit of them for each worker at the start; nothing is ever rounded away.
// A multicast with d receivers splits what is held: floor(held / (d + 1)) quanta to each receiver, the rest, remainder
// included, stays. So a worker always holds at least one quantum, and kMassUnit = 2^40 leaves 12 digits to weights.
//
// The account of a training, exact at any moment: mass held by living workers + mass in flight + mass written off =
// kMassUnit * workers at the start. Who comes later starts with nothing and lives on the shares that come with the
// first models it gets; so nobody's weight changes because somebody came, and what a dead worker held stays written
// off when a new process takes its place. In flight: split off, neither taken back by its sender nor received. A
// transfer is settled once, by the manager: committed (the receiver's, even if it dies before it has heard of it) or
// cancelled (the sender's again). Written off: what a worker held when it died, what it had in flight and is
// cancelled afterwards, what is committed to it afterwards. mass_book_test.cpp checks the account after every step of
// random trainings. Why integers: floating point sums depend on the order of arrival, and an account that is only
// nearly right cannot tell a lost delivery from rounding.
//
// Arrived mass is apart from held mass until finish(): models are mixed there, and a multicast that starts before the
// mix must not send along the weight of models that are not in it yet. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "selmcast/base/ids.h"
#include "selmcast/wire/frame.h"

namespace selmcast::worker {

inline constexpr std::uint64_t kMassUnit = std::uint64_t{1} << 40;

class MassBook {
 public:
  // Of a worker that comes late, before anything else.
  void start_empty();
  // The multicast to these transfers starts: the mass of each. Requires that none is in flight.
  std::uint64_t split(std::span<const TransferId> transfers);
  // False for a transfer that is not in flight.
  bool take_back(TransferId transfer);
  // A committed share. What no honest training can hold (wire::kMixWeightMax) is cut.
  void receive(std::uint64_t mass);
  // The round is over: what is still in flight was committed; what arrived is held from now on.
  void finish();

  std::uint64_t held() const { return held_; }
  std::uint64_t arrived() const { return arrived_; }
  std::uint64_t in_flight() const;
  const std::map<TransferId, std::uint64_t>& shares() const { return in_flight_; }  // of in_flight()

 private:
  std::uint64_t held_ = kMassUnit;
  std::uint64_t arrived_ = 0;
  std::map<TransferId, std::uint64_t> in_flight_;
};

}  // namespace selmcast::worker
