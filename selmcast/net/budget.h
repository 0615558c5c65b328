// An emulated link: a token bucket that all connections of a worker share, served in turn, so that concurrent
// senders to one receiver share its downlink without root or traffic shaping.
//
// Whoever wants to move up to `wanted` bytes asks; the budget answers, later if need be, with how many it may move
// now (at most kQuantum). Requests are served first come first served, so k busy links get 1/k of the rate each.
// The bucket holds at most `burst` bytes, so that an idle link cannot save up.
// Thread rule: one io_context thread.
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
  // Calls on_grant (never from inside ask) with 1 .. wanted bytes. Requires wanted > 0.
  virtual Ticket ask(Bytes wanted, OnGrant on_grant) = 0;
  // Forgets the request if it was not granted yet.
  virtual void withdraw(Ticket ticket) = 0;
  // Bytes granted but not used after all.
  virtual void give_back(Bytes unused) = 0;
  virtual void set_rate(Rate rate) = 0;
};

inline constexpr Bytes kBudgetQuantum = Bytes(16 * 1024);
inline constexpr Bytes kBudgetBurst = Bytes(64 * 1024);

std::shared_ptr<Budget> make_budget(asio::io_context& io, Rate rate);

}  // namespace selmcast::net
