#include "selmcast/mcast/receiver.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/mcast/limits.h"

namespace selmcast::mcast {

Receiver::Receiver(const StreamShape& shape, std::span<std::byte> place, Instant now)
    : shape_(shape), place_(place), there_(shape.segments()), last_status_(now), last_arrival_(now) {
  SELMCAST_CHECK(std::cmp_equal(place.size(), shape.total.count()), "the place is as large as the stream");
}

void Receiver::place(std::uint32_t segment, std::span<const std::byte> bytes) {
  if (there_.insert(segment)) {
    std::ranges::copy(bytes, place_.begin() + static_cast<std::ptrdiff_t>(shape_.offset(segment)));
  } else {
    ++counts_.duplicates;
  }
}

void Receiver::datagram(const DatagramHeader& header, std::span<const std::byte> payload, Instant now) {
  const bool is_poll = header.kind == DatagramKind::poll;
  if (is_poll ? header.segment > shape_.segments()
              : header.segment >= shape_.segments() || payload.size() != shape_.length(header.segment)) {
    ++counts_.misfits;
    return;
  }
  ++counts_.datagrams;
  last_arrival_ = now;
  since_status_ += Bytes(static_cast<std::int64_t>(kDatagramHeaderBytes + payload.size()));
  news_ = true;
  if (is_poll) {
    polled_ = true;
    frontier_ = std::max(frontier_, header.segment);
  } else {
    if (first_arrival_ == Instant::never()) first_arrival_ = now;
    if (header.kind == DatagramKind::data) ++data_;
    frontier_ = std::max(frontier_, header.segment + 1);
    place(header.segment, payload);
  }
  if (header.kind != DatagramKind::repair) heard_ = std::max(heard_, header.number);
}

Result<void> Receiver::patch(std::uint32_t first, std::span<const std::byte> payload, Instant now) {
  const auto wrong = [] {
    return failure(ErrorCode::protocol, "a patch that is not made of whole segments of its stream");
  };
  if (first >= shape_.segments() || payload.empty()) return wrong();
  const std::size_t left = place_.size() - shape_.offset(first);
  const bool is_last = payload.size() == left;
  if (payload.size() > left || (!is_last && payload.size() % shape_.segment_bytes != 0)) return wrong();
  last_arrival_ = now;
  if (first_arrival_ == Instant::never()) first_arrival_ = now;
  for (std::uint32_t segment = first; !payload.empty(); ++segment) {
    place(segment, payload.first(shape_.length(segment)));
    payload = payload.subspan(shape_.length(segment));
  }
  return {};
}

Instant Receiver::next_status() const {
  if (polled_) return last_status_ + kPollAnswerInterval;
  if (!news_) return last_status_ + kStatusIdle;
  const bool paid = since_status_.count() >= kStatusShare * static_cast<std::int64_t>(last_status_bytes_);
  return last_status_ + (paid ? kStatusInterval : kStatusIntervalMax);
}

std::optional<Status> Receiver::status_due(Instant now) {
  if (complete() || now < next_status()) return std::nullopt;
  Status status = make_status();
  news_ = polled_ = false;
  last_status_ = now;
  since_status_ = {};
  last_status_bytes_ = kStatusHeaderBytes + status.bits.size();
  return status;
}

// The window begins at the first segment that is missing, or where the last status had to stop.
Status Receiver::make_status() {
  const std::uint32_t prefix = there_.first_missing();
  const std::uint32_t first = std::max(cursor_, prefix);
  const std::uint32_t end = std::max(first, std::min(frontier_, first + kStatusSegmentsMax));
  cursor_ = end < frontier_ ? end : 0;
  return {heard_, data_, there_.count(), prefix, {first, end}, there_.bits({first, end})};
}

bool Receiver::lost(Instant now) const { return !complete() && now - last_arrival_ >= kSilenceMax; }

Instant Receiver::deadline() const {
  return complete() ? Instant::never() : std::min(next_status(), last_arrival_ + kSilenceMax);
}

}  // namespace selmcast::mcast
