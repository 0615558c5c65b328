#include "selmcast/plan/certificate_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <compare>

namespace selmcast::plan {
namespace {

__extension__ using Wide = unsigned __int128;
using TimeBound = Certificate::TimeBound;

// `bytes` at `rate`: a time.
struct Load {
  std::int64_t bytes = 0;
  double rate = 1;
};

struct Integer {
  std::uint64_t digits;
  int exponent;
};

Integer as_integer(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  return {static_cast<std::uint64_t>(fraction * 0x1p53), exponent - 53};
}

int bits(Wide value) {
  int count = 0;
  for (; value != 0; value >>= 1) ++count;
  return count;
}

// a.bytes / a.rate against b.bytes / b.rate. Rates may be 0: such a load never ends, unless it is none.
std::strong_ordering compare(Load a, Load b) {
  if (a.bytes == 0 || b.bytes == 0) return a.bytes <=> b.bytes;
  if (a.rate == 0 || b.rate == 0) return (a.rate == 0) <=> (b.rate == 0);
  const Integer of_a = as_integer(a.rate), of_b = as_integer(b.rate);
  Wide left = static_cast<Wide>(a.bytes) * of_b.digits;
  Wide right = static_cast<Wide>(b.bytes) * of_a.digits;
  // left * 2^of_b.exponent against right * 2^of_a.exponent: first by length, then digit for digit.
  const int left_top = bits(left) + of_b.exponent, right_top = bits(right) + of_a.exponent;
  if (left_top != right_top) return left_top <=> right_top;
  const int shift = of_b.exponent - of_a.exponent;
  (shift > 0 ? left : right) <<= std::abs(shift);
  return left <=> right;
}

class Checker {
 public:
  Checker(const Problem& problem, const Plan& plan) : problem_(problem), plan_(plan) {
    volume_ = problem.workers.front().volume.count();
    for (std::size_t i = 0; i < problem.size(); ++i) {
      const std::int64_t sent = std::ssize(plan.selections[i]);
      const std::int64_t flows =
          problem.multicast == MulticastKind::network ? std::min<std::int64_t>(sent, 1) : sent;
      consider({flows * volume_, problem.workers[i].uplink.bps()});
    }
    std::vector<std::int64_t> received(problem.size(), 0);
    for (const auto& row : plan.selections) {
      for (const Selection& selection : row) ++received[selection.receiver.value()];
    }
    for (std::size_t j = 0; j < problem.size(); ++j)
      consider({received[j] * volume_, problem.workers[j].downlink.bps()});
  }

  std::vector<std::string> flaws(const Certificate& certificate) {
    if (problem_.multicast == MulticastKind::network && !problem_.unreached.empty())
      return {"multicast does not reach everybody: there is no such certificate"};
    for (const WorkerSpec& worker : problem_.workers) {
      if (worker.volume.count() != volume_) return {"volumes differ: there is no such certificate"};
    }
    if (!known(certificate.time_senders) || !known(certificate.count_senders) ||
        (certificate.worker && certificate.worker->value() >= problem_.size())) {
      return {"the certificate names workers that are not there, or twice, or out of order"};
    }
    check_time(certificate);
    if (time_.bytes > 0) check_count(certificate.count_senders);
    return flaws_;
  }

 private:
  void consider(Load load) {
    if (compare(load, time_) > 0) time_ = load;
  }

  bool known(const std::vector<WorkerIndex>& workers) const {
    return std::ranges::adjacent_find(workers, std::ranges::greater_equal{}) == workers.end() &&
           (workers.empty() || workers.back().value() < problem_.size());
  }

  std::int64_t needed(std::size_t sender) const {
    std::int64_t required = 0;
    for (const Pair& pair : problem_.required) required += pair.sender.value() == sender ? 1 : 0;
    return std::max<std::int64_t>(required, problem_.workers[sender].min_receivers);
  }

  // Deliveries that fit into a link by the plan's time; `earlier`: by any time before it.
  std::int64_t fitting(Rate rate, bool earlier) const {
    std::int64_t low = 0, high = std::ssize(problem_.workers) - 1;
    while (low < high) {
      const std::int64_t middle = (low + high + 1) / 2;
      const auto order = compare({middle * volume_, rate.bps()}, time_);
      if (order < 0 || (order == 0 && !earlier))
        low = middle;
      else
        high = middle - 1;
    }
    return low;
  }

  // sum_j c_j(S, t) of certificate.h; nullopt if some receiver cannot even take what is required from outside
  // S.
  std::optional<std::int64_t> received_from(const std::vector<WorkerIndex>& senders, bool earlier) const {
    std::vector<char> inside(problem_.size(), 0);
    for (const WorkerIndex sender : senders) inside[sender.value()] = 1;
    std::vector<std::int64_t> outside(problem_.size(), 0);
    for (const Pair& pair : problem_.required) {
      if (inside[pair.sender.value()] == 0) ++outside[pair.receiver.value()];
    }
    std::int64_t sum = 0;
    for (std::size_t j = 0; j < problem_.size(); ++j) {
      const std::int64_t left = fitting(problem_.workers[j].downlink, earlier) - outside[j];
      if (left < 0) return std::nullopt;
      sum += std::min<std::int64_t>(left, std::ssize(senders) - inside[j]);
    }
    return sum;
  }

  void check_time(const Certificate& certificate) {
    switch (certificate.time_bound) {
      case TimeBound::nothing:
        if (time_.bytes > 0) flaws_.push_back("the plan takes time, and nothing is said to need it");
        return;
      case TimeBound::uplink: return check_uplink(certificate);
      case TimeBound::downlink: return check_downlink(certificate);
      case TimeBound::cut: break;
    }
    std::int64_t need = 0;
    for (const WorkerIndex sender : certificate.time_senders) need += needed(sender.value());
    const auto possible = received_from(certificate.time_senders, true);
    if (possible && need <= *possible)
      flaws_.push_back(
          fmt::format("the cut proves nothing: {} deliveries are needed, {} fit earlier", need, *possible));
  }

  void check_uplink(const Certificate& certificate) {
    if (!certificate.worker) return flaws_.push_back("the certificate names no uplink");
    const std::size_t i = certificate.worker->value();
    const std::int64_t need = needed(i);
    const std::int64_t flows =
        problem_.multicast == MulticastKind::network ? std::min<std::int64_t>(need, 1) : need;
    if (compare({flows * volume_, problem_.workers[i].uplink.bps()}, time_) < 0)
      flaws_.push_back(fmt::format("the uplink of {} would be done earlier", problem_.workers[i].name));
  }

  void check_downlink(const Certificate& certificate) {
    if (!certificate.worker) return flaws_.push_back("the certificate names no downlink");
    std::int64_t required = 0;
    for (const Pair& pair : problem_.required) required += pair.receiver == *certificate.worker ? 1 : 0;
    const WorkerSpec& worker = problem_.workers[certificate.worker->value()];
    if (compare({required * volume_, worker.downlink.bps()}, time_) < 0)
      flaws_.push_back(fmt::format("the downlink of {} would be done earlier", worker.name));
  }

  void check_count(const std::vector<WorkerIndex>& senders) {
    std::int64_t most = 0;
    std::size_t next = 0;
    for (std::size_t i = 0; i < problem_.size(); ++i) {
      if (next < senders.size() && senders[next].value() == i) {
        ++next;
        continue;
      }
      const std::int64_t fit = fitting(problem_.workers[i].uplink, false);
      const bool once = problem_.multicast == MulticastKind::network && fit > 0;
      most += once ? std::ssize(problem_.workers) - 1 : fit;
    }
    most += received_from(senders, false).value_or(0);
    const auto count = static_cast<std::int64_t>(plan_.receiver_count());
    if (most > count)
      flaws_.push_back(fmt::format("the plan has {} receivers, and up to {} are not ruled out", count, most));
  }

  const Problem& problem_;
  const Plan& plan_;
  std::int64_t volume_ = 0;
  Load time_;
  std::vector<std::string> flaws_;
};

}  // namespace

std::vector<std::string> check_certificate(const Problem& problem, const Plan& plan,
                                           const Certificate& certificate) {
  return Checker(problem, plan).flaws(certificate);
}

}  // namespace selmcast::plan
