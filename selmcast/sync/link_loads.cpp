#include "selmcast/sync/link_loads.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace selmcast::sync {
namespace {

// Pacing keeps its rate within 1 % (design.md section 4); the rest is room for latency at both ends.
constexpr double kHeldBackBelow = 0.93;
constexpr Duration kLateness = Duration::milliseconds(60);  // that is none yet (net/pace_schedule.h)
constexpr double kHasteMost =
    1.5;  // of who is behind its pace (net/pace_schedule.h); nobody is believed more
constexpr double kLeastOfCrest = 0.85;
constexpr double kLeastOfCrestInPulses = 0.93;
constexpr double kMostOfCrest = 1.2;

// A line through points, flat outside them.
class Curve {
 public:
  void add(double x, double y) {
    if (xs_.empty() || x > xs_.back()) {
      xs_.push_back(x);
      ys_.push_back(y);
    } else if (xs_.size() > 1) {
      ys_.back() = y;  // all at once: taken to have come evenly since the point before
    }                  // and what is there at the start, until the next one
  }
  double at(double x) const {
    if (x <= xs_.front()) return x < xs_.front() ? 0 : ys_.front();
    if (x >= xs_.back()) return ys_.back();
    const auto k = static_cast<std::size_t>(std::ranges::upper_bound(xs_, x) - xs_.begin());
    const double share = (x - xs_[k - 1]) / (xs_[k] - xs_[k - 1]);
    return ys_[k - 1] + share * (ys_[k] - ys_[k - 1]);
  }

 private:
  std::vector<double> xs_, ys_;
};

// What pacing lets through: infinite from where it is not limited.
double paced_bits(const LoadedDelivery& d, Duration until) {
  double bits = 0;
  Duration from = d.started;
  for (std::size_t k = 0; k < d.paces.size() && from < until; ++k) {
    const bool is_last = k + 1 == d.paces.size();
    const Duration to = is_last ? until : std::min(until, d.paces[k].to);
    if (to <= from) continue;
    if (d.paces[k].rate.is_unlimited()) return std::numeric_limits<double>::infinity();
    bits += d.paces[k].rate.bps() * (to - from).in_seconds();
    from = to;
  }
  return bits;
}

// The least that it was paced at in that time.
Rate least_pace(const LoadedDelivery& d, Duration from, Duration to) {
  Rate least = Rate::unlimited();
  for (std::size_t k = 0; k < d.paces.size(); ++k) {
    const bool is_last = k + 1 == d.paces.size();
    if (d.paces[k].from < to && (is_last || d.paces[k].to > from)) least = std::min(least, d.paces[k].rate);
  }
  return least;
}

Curve arrivals(const LoadedDelivery& d) {
  const double bits = d.bytes.in_bits();
  Curve curve;
  curve.add(d.started.in_seconds(), 0);
  if (d.progress.size() + 1 == kProgressParts) {
    for (std::size_t k = 0; k < d.progress.size(); ++k)
      curve.add(d.progress[k].in_seconds(),
                bits * static_cast<double>(k + 1) / static_cast<double>(kProgressParts));
  } else if (const double all = paced_bits(d, d.finished); std::isfinite(all) && all > 0) {
    for (const PacePiece& piece : d.paces) {
      if (piece.to <= d.started || piece.to >= d.finished) continue;
      curve.add(piece.to.in_seconds(), bits * paced_bits(d, piece.to) / all);
    }
  }
  curve.add(d.finished.in_seconds(), bits);
  return curve;
}

// A moment alone in which less came: not a full link, but how packets come.
void forget_lone(std::vector<LinkLoads::Cell>& cells) {
  for (std::size_t k = 0; k < cells.size();) {
    std::size_t end = k;
    while (end < cells.size() && cells[end].is_held_back) ++end;
    if (end - k < 2)
      for (std::size_t i = k; i < end; ++i) cells[i].is_held_back = false;
    k = std::max(end, k + 1);
  }
}

// Half of the deliveries are no shorter.
Duration usual_length(std::span<const LoadedDelivery> deliveries) {
  std::vector<Duration> lengths;
  for (const LoadedDelivery& d : deliveries) lengths.push_back(d.finished - d.started);
  const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
  std::ranges::nth_element(lengths, middle);
  return *middle;
}

}  // namespace

Rate crest(std::vector<Rate> values, bool pulsed) {
  const auto high = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) * 4 / 5);
  std::ranges::nth_element(values, high);
  const Rate edge = *high;
  const double least = pulsed ? kLeastOfCrestInPulses : kLeastOfCrest;
  double sum = 0;
  std::size_t count = 0;
  for (const Rate value : values) {
    if (value < edge * least || value > edge * kMostOfCrest) continue;
    sum += value.bps();
    ++count;
  }
  return Rate::bits_per_second(sum / static_cast<double>(count));
}

LinkLoads::LinkLoads(std::span<const LoadedDelivery> deliveries, std::size_t links)
    : courses_(deliveries.size()) {
  if (deliveries.empty()) return;
  pulsed_ = std::ranges::any_of(deliveries, &LoadedDelivery::pulsed);
  begins_ = std::ranges::min(deliveries, {}, &LoadedDelivery::started).started;
  const Duration span = std::ranges::max(deliveries, {}, &LoadedDelivery::finished).finished - begins_;
  const Duration fine = std::max(
      kShortestMoment, usual_length(deliveries) * (1 / (pulsed_ ? kMomentsInPulses : kMomentsOfADelivery)));
  const auto wanted = static_cast<std::size_t>(std::max(4.0, span / fine));
  moments_ = std::min({wanted, kMostMoments, std::max<std::size_t>(8, kMostCells / links)});
  moment_ = span * (1 / static_cast<double>(moments_));
  loads_.resize(links * moments_);
  fastest_.resize(links * moments_);
  shared_.resize(links * moments_);
  has_held_back_.resize(links * moments_);
  shortest_.resize(links, Duration::infinite());
  for (std::size_t d = 0; d < deliveries.size(); ++d) {
    lay_out(deliveries[d], courses_[d]);
    for (const std::size_t link : {deliveries[d].up, deliveries[d].down})
      shortest_[link] = std::min(shortest_[link], deliveries[d].finished - deliveries[d].started);
    for (std::size_t k = 0; k < courses_[d].cells.size(); ++k) {
      const Cell& cell = courses_[d].cells[k];
      for (const std::size_t link : {deliveries[d].up, deliveries[d].down}) {
        const std::size_t at = link * moments_ + courses_[d].first + k;
        fastest_[at] = std::max(fastest_[at], cell.rate);
        if (!deliveries[d].shares_up || link != deliveries[d].up) {
          loads_[at] += cell.rate;
        } else if (cell.rate > shared_[at]) {
          loads_[at] = loads_[at] - shared_[at] + cell.rate;
          shared_[at] = cell.rate;
        }
        if (cell.is_held_back) has_held_back_[at] = true;
      }
      for (const auto& back : {deliveries[d].back_down, deliveries[d].back_up})
        if (back) loads_[*back * moments_ + courses_[d].first + k] += cell.rate * deliveries[d].ack_load;
    }
  }
}

void LinkLoads::lay_out(const LoadedDelivery& delivery, Course& course) const {
  const Curve curve = arrivals(delivery);
  const double allowed_in_all = paced_bits(delivery, delivery.finished);
  const double credible = std::min(1.0, allowed_in_all / delivery.bytes.in_bits());
  const auto moment_of = [&](Duration time) {
    return std::min(static_cast<std::size_t>(std::max(0.0, (time - begins_) / moment_)), moments_ - 1);
  };
  course.first = moment_of(delivery.started);
  const std::size_t last = moment_of(delivery.finished);
  for (std::size_t b = course.first; b <= last; ++b) {
    const Duration from = begins_ + moment_ * static_cast<double>(b);
    const Duration to = from + moment_;
    const double bits = credible * (curve.at(to.in_seconds()) - curve.at(from.in_seconds()));
    const bool runs_throughout = delivery.started <= from && to <= delivery.finished;
    const bool is_due = paced_bits(delivery, from - kLateness) >= delivery.bytes.in_bits();
    double allowed = paced_bits(delivery, to) - paced_bits(delivery, from);
    const double believed = is_due ? bits : std::min(bits, allowed * (delivery.pulsed ? 1 : kHasteMost));
    if (delivery.pulsed) allowed = (least_pace(delivery, from - kRises, to) * moment_).in_bits();
    if (delivery.lossy == true) allowed = std::min(allowed, delivery.allocated.bps() * moment_.in_seconds());
    const bool is_held_back =
        runs_throughout && delivery.lossy != false && (is_due || bits < kHeldBackBelow * allowed);
    course.cells.push_back(
        {Rate::bits_per_second(believed / moment_.in_seconds()), runs_throughout, is_held_back});
  }
  if (delivery.pulsed) forget_lone(course.cells);
}

std::optional<Rate> LinkLoads::level(std::size_t link) const {
  std::vector<Rate> values;
  for (std::size_t b = 0; b < moments_; ++b) {
    if (has_held_back_[link * moments_ + b]) values.push_back(load(link, b));
  }
  if (values.empty()) return std::nullopt;
  return std::max(crest(std::move(values), pulsed_), sustained(link).value_or(Rate()));
}

std::optional<Rate> LinkLoads::sustained(std::size_t link) const {
  std::size_t first = moments_, last = 0;
  for (std::size_t b = 0; b < moments_; ++b) {
    if (!(load(link, b) > Rate())) continue;
    first = std::min(first, b);
    last = b;
  }
  if (first > last) return std::nullopt;
  const Duration window = pulsed_ ? kProofTakes : std::max(kProofTakes, shortest_[link]);
  const auto proof = static_cast<std::size_t>(std::ceil(window / moment_ - 1e-9));
  const std::size_t length = std::min(last - first + 1, std::max<std::size_t>(1, proof));
  double bits = 0, most = 0;
  for (std::size_t b = first; b <= last; ++b) {
    bits += load(link, b).bps();
    if (b >= first + length) bits -= load(link, b - length).bps();
    if (b + 1 >= first + length) most = std::max(most, bits);
  }
  return Rate::bits_per_second(most / static_cast<double>(length));
}

}  // namespace selmcast::sync
