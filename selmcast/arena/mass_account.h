// The account of push-sum mass of a whole training, checked after every order that a worker heard
// (worker/mass_book.h):
//
//     held and arrived, of all workers, living and dead, + limbo = kMassUnit * workers at the start
//
// Limbo holds a share from its split until its receiver heard Commit or its sender heard Cancel. What dead workers
// hold, and shares that only they could take out of limbo, is what is written off. It looks at books, orders and
// offers; what a share weighs it learns where it is split, so an offer that says otherwise is noticed, too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/wire/control.h"
#include "selmcast/wire/frame.h"
#include "selmcast/worker/mass_book.h"

namespace selmcast::arena {

class MassAccount {
 public:
  // Nothing: as many as there are books.
  explicit MassAccount(std::optional<std::size_t> at_start = std::nullopt) : at_start_(at_start) {}

  // `books` by worker, then those of dead processes. Null: not by push_sum, or it came and knows nothing of it yet.
  using Books = std::vector<const worker::MassBook*>;
  // Worker `at` has just carried this order out.
  void heard(std::size_t at, const wire::ToWorker& order, const Books& books);
  void offered(TransferId transfer, const wire::MixHeader& header);

  const std::vector<std::string>& violations() const { return violations_; }

 private:
  std::optional<std::size_t> at_start_;
  struct Share {
    std::size_t sender = 0;
    std::uint64_t mass = 0;
  };
  void note_splits(std::size_t at, const worker::MassBook& book);

  std::map<TransferId, Share> limbo_;
  std::set<TransferId> seen_;
  std::vector<std::string> violations_;
};

}  // namespace selmcast::arena
