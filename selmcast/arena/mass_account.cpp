#include "selmcast/arena/mass_account.h"

#include <numeric>

namespace selmcast::arena {

void MassAccount::note_splits(std::size_t at, const worker::MassBook& book) {
  for (const auto& [transfer, mass] : book.shares()) {
    if (seen_.insert(transfer).second) limbo_[transfer] = {at, mass};
  }
}

void MassAccount::heard(std::size_t at, const wire::ToWorker& order, const Books& books) {
  if (books.empty() || books[at] == nullptr) return;
  note_splits(at, *books[at]);
  if (const auto* commit = std::get_if<wire::Commit>(&order)) limbo_.erase(commit->transfer);
  if (const auto* cancel = std::get_if<wire::Cancel>(&order)) {
    const auto share = limbo_.find(cancel->transfer);
    if (share != limbo_.end() && share->second.sender == at) limbo_.erase(share);
  }
  std::uint64_t sum = 0;
  for (const worker::MassBook* book : books) sum += book == nullptr ? 0 : book->held() + book->arrived();
  for (const auto& [transfer, share] : limbo_) sum += share.mass;
  const std::uint64_t right = worker::kMassUnit * at_start_.value_or(books.size());
  if (sum == right || !violations_.empty()) return;
  violations_.push_back("the account of mass is off by " +
                        std::to_string(static_cast<std::int64_t>(sum - right)) +
                        " quanta after an order to w" + std::to_string(at));
}

void MassAccount::offered(TransferId transfer, const wire::MixHeader& header) {
  const auto share = limbo_.find(transfer);
  if (share != limbo_.end() && share->second.mass != header.weight)
    violations_.push_back("the offer of transfer " + std::to_string(transfer.value()) +
                          " weighs other than its share");
}

}  // namespace selmcast::arena
