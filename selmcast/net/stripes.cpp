#include "selmcast/net/stripes.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::net {
namespace {

constexpr std::size_t kStripesEach = 32;

std::size_t stripe_of(std::size_t total, std::size_t connections) {
  const std::size_t wished =
      std::clamp(total / (kStripesEach * connections), kStripeBytesMin, wire::kChunkBytesMax);
  return wished / wire::kStripeUnitBytes * wire::kStripeUnitBytes;
}

}  // namespace

Stripes::Stripes(std::size_t total, std::size_t connections)
    : Stripes(total, {.chunk = stripe_of(total, connections), .first = 0, .available = total}) {}

Stripes::Stripes(std::size_t total, const StreamCut& cut)
    : total_(total), stripe_(cut.chunk), available_(cut.available), offset_(cut.first * cut.chunk) {
  SELMCAST_CHECK(stripe_ > 0 && stripe_ <= wire::kChunkBytesMax && stripe_ % wire::kStripeUnitBytes == 0,
                 "a stripe is made of units and fits its frame");
  SELMCAST_CHECK(offset_ < total_, "a stream has something to send");
}

std::optional<PayloadPart> Stripes::next() {
  const std::size_t length = std::min(stripe_, total_ - offset_);
  if (all_given() || offset_ + length > available_) return std::nullopt;
  const auto sequence = wire::stripe_sequence(Bytes(static_cast<std::int64_t>(offset_)));
  const PayloadPart part{sequence, offset_, length};
  offset_ += length;
  return part;
}

void Stripes::extend(std::size_t available) { available_ = std::max(available_, available); }

}  // namespace selmcast::net
