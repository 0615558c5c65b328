// The arithmetic of an emulated link: a token bucket with a queue of requests. Pure: time is handed in.
//
// Tokens are bytes that may move now. They accrue at `rate` and stop
//   - at burst(rate) while nobody asks: an idle link cannot save up;
//   - at burst(rate) + kBudgetCatchUp of the rate while somebody waits: our own lateness (a timer, a busy
//   CPU) is not
//     the link's, and is made up for. An idle time of kBudgetCatchUp forfeits what is above the burst.
// Requests are served first come first served, each with min(wanted, kBudgetQuantum) as soon as that many
// tokens are there. Whoever wants more asks again and stands last: k busy users get 1/k of the rate each.
//
// Invariant: in any time T at most rate * T + burst(rate) + rate * kBudgetCatchUp bytes are granted (and not
// given back). Complexity: O(1) a call, withdraw() O(waiting). Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "selmcast/base/units.h"
#include "selmcast/net/budget.h"

namespace selmcast::net {

class TokenBucket {
 public:
  using Ticket = Budget::Ticket;
  struct Grant {
    Ticket ticket = 0;
    Bytes bytes;
  };

  // Starts with a full burst. Requires rate > 0; Rate::unlimited() grants at once. Time never runs backwards.
  TokenBucket(Rate rate, Instant now);

  // Requires wanted > 0.
  Ticket ask(Bytes wanted, Instant now);
  void withdraw(Ticket ticket, Instant now);
  // Requires that as much was granted before.
  void give_back(Bytes unused, Instant now);
  void set_rate(Rate rate, Instant now);

  // The first request in the queue, if there are tokens for it by now.
  std::optional<Grant> next_grant(Instant now);
  // When next_grant() will have something: may be in the past, never() if nobody asks.
  Instant next_due() const;
  std::size_t waiting() const { return queue_.size(); }

  // Two milliseconds of the rate, but kBudgetQuantum at least and kBudgetBurst at most.
  static Bytes burst(Rate rate);

 private:
  struct Request {
    Ticket ticket = 0;
    Bytes bytes;  // that will be granted
  };
  void accrue(Instant now);

  Rate rate_;
  double tokens_;  // bytes, with the fractions that accrue in between
  Instant updated_;
  std::deque<Request> queue_;
  Ticket last_ticket_ = 0;
};

}  // namespace selmcast::net
