#include "selmcast/worker/stripe_map.h"

#include <algorithm>
#include <iterator>

#include "selmcast/base/check.h"
#include "selmcast/wire/frame.h"

namespace selmcast::worker {

Result<void> StripeMap::place(Bytes offset, Bytes length) {
  const auto wrong = [](const char* what) { return failure(ErrorCode::protocol, what); };
  const Bytes end = offset + length;
  constexpr auto kUnit = static_cast<std::int64_t>(wire::kStripeUnitBytes);
  if (length == Bytes(0)) return wrong("is empty");
  if (end > total_) return wrong("is longer than was offered");
  if (end < total_ && length.count() % kUnit != 0) return wrong("is not made of whole units");
  if (whole_ > Bytes(0) &&
      (offset.count() % whole_.count() != 0 || length != std::min(whole_, total_ - offset)))
    return wrong("is not a chunk of a relayed model");
  const auto next = beyond_.lower_bound(offset);
  const bool into_next = next != beyond_.end() && next->first < end;
  const bool into_last =
      next != beyond_.begin() && std::prev(next)->first + std::prev(next)->second.length > offset;
  if (offset < contiguous_ || into_next || into_last) return wrong("came before");
  beyond_.emplace_hint(next, offset, Stripe{length});
  return {};
}

bool StripeMap::is_placed(Bytes offset, Bytes length) const {
  const auto found = beyond_.find(offset);
  return found != beyond_.end() && found->second.length == length && !found->second.complete;
}

void StripeMap::complete(Bytes offset) {
  const auto found = beyond_.find(offset);
  SELMCAST_CHECK(found != beyond_.end(), "a stripe is placed before it is complete");
  found->second.complete = true;
  for (auto first = beyond_.begin();
       first != beyond_.end() && first->first == contiguous_ && first->second.complete;
       first = beyond_.erase(first))
    contiguous_ += first->second.length;
}

}  // namespace selmcast::worker
