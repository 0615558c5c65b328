// An emulated link: a token bucket that all connections of a worker share, served in turn, so that concurrent
// senders to one receiver share its downlink without root or traffic shaping.
//
// Whoever wants to move up to `wanted` bytes asks; the budget answers, later if need be, with how many it may
// move now (at most kQuantum). Requests are served first come first served, so k busy links get 1/k of the
// rate each. An idle link saves up 2 ms of its rate, but kBudgetQuantum at least and kBudgetBurst at most;
// time that we were late to serve somebody is made up for, up to kBudgetCatchUp (the arithmetic:
// token_bucket.h). Thread rule: one io_context thread. The io_context outlives the budget.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "selmcast/base/units.h"

namespace selmcast::net {

class Budget {
 public:
  using Ticket = std::uint64_t;
  using OnGrant = std::function<void(Bytes granted)>;
  virtual ~Budget() = default;
  // Calls on_grant (never from inside ask) with min(wanted, kBudgetQuantum) bytes. Requires wanted > 0.
  virtual Ticket ask(Bytes wanted, OnGrant on_grant) = 0;
  // Forgets the request if it was not granted yet.
  virtual void withdraw(Ticket ticket) = 0;
  // Bytes granted but not used after all.
  virtual void give_back(Bytes unused) = 0;
  virtual void set_rate(Rate rate) = 0;  // positive; Rate::unlimited() is allowed
};

inline constexpr Bytes kBudgetQuantum = Bytes(16 * 1024);
inline constexpr Bytes kBudgetBurst = Bytes(64 * 1024);
inline constexpr Duration kBudgetCatchUp = Duration::milliseconds(50);

std::shared_ptr<Budget> make_budget(asio::io_context& io, Rate rate);

}  // namespace selmcast::net
