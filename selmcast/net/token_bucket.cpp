#include "selmcast/net/token_bucket.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::net {
namespace {

// Far below a byte, far above the rounding of a double: a request is not made to wait for a millionth of a
// byte.
constexpr double kRoundingBytes = 1e-3;

double as_double(Bytes bytes) { return static_cast<double>(bytes.count()); }

double tokens_max_in_demand(Rate rate) {
  return as_double(TokenBucket::burst(rate)) + rate.bytes_per_second() * kBudgetCatchUp.in_seconds();
}

}  // namespace

Bytes TokenBucket::burst(Rate rate) {
  if (rate.is_unlimited()) return kBudgetBurst;
  const double wished = rate.bytes_per_second() * Duration::milliseconds(2).in_seconds();
  return Bytes(
      static_cast<std::int64_t>(std::clamp(wished, as_double(kBudgetQuantum), as_double(kBudgetBurst))));
}

TokenBucket::TokenBucket(Rate rate, Instant now)
    : rate_(rate), tokens_(as_double(burst(rate))), updated_(now) {
  SELMCAST_CHECK(rate > Rate(), "a link has a positive rate");
}

TokenBucket::Ticket TokenBucket::ask(Bytes wanted, Instant now) {
  SELMCAST_CHECK(wanted > Bytes(0), "somebody who asks wants something");
  accrue(now);
  queue_.push_back({.ticket = ++last_ticket_, .bytes = std::min(wanted, kBudgetQuantum)});
  return last_ticket_;
}

void TokenBucket::withdraw(Ticket ticket, Instant now) {
  accrue(now);
  std::erase_if(queue_, [ticket](const Request& request) { return request.ticket == ticket; });
}

void TokenBucket::give_back(Bytes unused, Instant now) {
  accrue(now);
  tokens_ += as_double(unused);
}

void TokenBucket::set_rate(Rate rate, Instant now) {
  SELMCAST_CHECK(rate > Rate(), "a link has a positive rate");
  accrue(now);
  rate_ = rate;
  tokens_ = std::min(tokens_, as_double(burst(rate)));
}

std::optional<TokenBucket::Grant> TokenBucket::next_grant(Instant now) {
  if (queue_.empty()) return std::nullopt;
  accrue(now);
  const Request first = queue_.front();
  if (tokens_ + kRoundingBytes < as_double(first.bytes)) return std::nullopt;
  tokens_ -= as_double(first.bytes);
  queue_.pop_front();
  return Grant{.ticket = first.ticket, .bytes = first.bytes};
}

Instant TokenBucket::next_due() const {
  if (queue_.empty()) return Instant::never();
  const double missing = as_double(queue_.front().bytes) - tokens_;
  if (missing <= kRoundingBytes || rate_.is_unlimited()) return updated_;
  return updated_ + Duration::seconds(missing / rate_.bytes_per_second());
}

void TokenBucket::accrue(Instant now) {
  const Duration passed = now - updated_;
  SELMCAST_CHECK(passed >= Duration(), "time does not run backwards");
  updated_ = now;
  if (rate_.is_unlimited()) {
    tokens_ = as_double(kBudgetBurst);
    return;
  }
  const double accrued = tokens_ + rate_.bytes_per_second() * passed.in_seconds();
  if (!queue_.empty()) {
    tokens_ = std::min(accrued, tokens_max_in_demand(rate_));
  } else if (passed >= kBudgetCatchUp) {
    tokens_ = std::min(accrued, as_double(burst(rate_)));
  } else {
    // A moment between two requests of the same user: what it had is kept, but does not grow beyond the
    // burst.
    tokens_ = std::max(tokens_, std::min(accrued, as_double(burst(rate_))));
  }
}

}  // namespace selmcast::net
