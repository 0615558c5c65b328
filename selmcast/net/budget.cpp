// The shell around TokenBucket: a clock, a timer and the callbacks.
#include "selmcast/net/budget.h"

#include <algorithm>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "selmcast/net/limits.h"
#include "selmcast/net/token_bucket.h"

namespace selmcast::net {
namespace {

using Clock = std::chrono::steady_clock;

class TimedBudget final : public Budget, public std::enable_shared_from_this<TimedBudget> {
 public:
  TimedBudget(asio::io_context& io, Rate rate)
      : io_(io), timer_(io), started_(Clock::now()), bucket_(rate, Instant()) {}

  Ticket ask(Bytes wanted, OnGrant on_grant) override {
    const Ticket ticket = bucket_.ask(wanted, now());
    callbacks_.emplace(ticket, std::move(on_grant));
    wake_when_due();
    return ticket;
  }

  void withdraw(Ticket ticket) override {
    if (callbacks_.erase(ticket) == 0) return;
    bucket_.withdraw(ticket, now());
    wake_when_due();
  }

  void give_back(Bytes unused) override {
    bucket_.give_back(unused, now());
    wake_when_due();
  }

  void set_rate(Rate rate) override {
    bucket_.set_rate(rate, now());
    wake_at_ = Instant::never();  // whatever was planned was planned for the old rate
    wake_when_due();
  }

 private:
  Instant now() const {
    return Instant::at_seconds(std::chrono::duration<double>(Clock::now() - started_).count());
  }

  // Plans the next serve(), unless an earlier one is already planned. Never serves from inside the caller.
  void wake_when_due() {
    if (serving_) return;  // serve() does it at its end
    const Instant due = bucket_.next_due();
    if (due == Instant::never()) return;
    const Instant time = now();
    if (due <= time) {
      if (wake_at_ <= time) return;
      wake_at_ = time;
      timer_.cancel();
      asio::post(io_, [weak = weak_from_this(), wake = ++wake_number_] { serve_if_current(weak, wake); });
      return;
    }
    const Instant wake_at = std::max(due, time + kBudgetSleepMin);
    if (wake_at_ <= wake_at) return;
    wake_at_ = wake_at;
    timer_.expires_at(
        started_ + std::chrono::ceil<Clock::duration>(std::chrono::duration<double>(wake_at.in_seconds())));
    timer_.async_wait(
        [weak = weak_from_this(), wake = ++wake_number_](asio::error_code) { serve_if_current(weak, wake); });
  }

  static void serve_if_current(const std::weak_ptr<TimedBudget>& weak, std::uint64_t wake) {
    const auto self = weak.lock();
    if (self && self->wake_number_ == wake) self->serve();
  }

  void serve() {
    wake_at_ = Instant::never();
    serving_ = true;
    // Only those who wait by now: a user who asks again from inside its callback has its turn in the next
    // round.
    for (std::size_t turns = bucket_.waiting(); turns > 0; --turns) {
      const auto grant = bucket_.next_grant(now());
      if (!grant) break;
      const auto entry = callbacks_.extract(grant->ticket);
      entry.mapped()(grant->bytes);
    }
    serving_ = false;
    wake_when_due();
  }

  asio::io_context& io_;
  asio::steady_timer timer_;
  const Clock::time_point started_;
  TokenBucket bucket_;
  std::unordered_map<Ticket, OnGrant> callbacks_;
  bool serving_ = false;
  Instant wake_at_ = Instant::never();  // of the planned serve()
  std::uint64_t wake_number_ = 0;       // earlier wake-ups are stale
};

}  // namespace

std::shared_ptr<Budget> make_budget(asio::io_context& io, Rate rate) {
  return std::make_shared<TimedBudget>(io, rate);
}

}  // namespace selmcast::net
