#include "selmcast/sync/online_learning.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

constexpr Duration kRaisingTakes = Duration::milliseconds(250);
constexpr double kAlike = 0.2;

}  // namespace

Rate PaceRecord::at(Instant when) const {
  Rate rate = steps_.front().rate;
  for (const Step& step : steps_) {
    if (step.from <= when) rate = step.rate;
  }
  return rate;
}

std::vector<PaceRecord::Piece> PaceRecord::pieces(Instant from, Instant to) const {
  SELMCAST_CHECK(!steps_.empty(), "a transfer was told a rate");
  std::vector<Instant> edges{from, to};
  for (const Step& step : steps_) {
    for (const Instant edge : {step.from, step.from + kRaisingTakes}) {
      if (from < edge && edge < to) edges.push_back(edge);
    }
  }
  std::ranges::sort(edges);
  std::vector<Piece> pieces;
  for (std::size_t k = 0; k + 1 < edges.size(); ++k) {
    if (!(edges[k] < edges[k + 1])) continue;
    const Piece piece{edges[k], edges[k + 1], std::min(at(edges[k]), at(edges[k] - kRaisingTakes))};
    const bool alike = !pieces.empty() && (piece.rate == pieces.back().rate ||
                                           std::abs(piece.rate / pieces.back().rate - 1) < kAlike);
    if (!alike) {
      pieces.push_back(piece);
      continue;
    }
    Piece& last = pieces.back();
    const double share = (piece.to - piece.from) / (piece.to - last.from);
    if (piece.rate != last.rate) last.rate = last.rate * (1 - share) + piece.rate * share;
    last.to = piece.to;
  }
  return pieces;
}

void OnlineLearning::delivered(const DeliveryObservation& delivery, const PaceRecord& paces) {
  const auto pieces = paces.pieces(Instant() + delivery.started, Instant() + delivery.finished);
  fresh_.push_back(delivery);
  fresh_.back().paced = pieces.empty() ? Rate::unlimited() : pieces.front().rate;
  for (const PaceRecord::Piece& piece : pieces)
    fresh_.back().paces.push_back({piece.from - Instant(), piece.to - Instant(), piece.rate});
}

void OnlineLearning::look(BandwidthEstimator& estimator, bool one_copy) {
  completed_ = 0;
  ++looks_;
  if (fresh_.empty()) return;
  const Duration begins = std::ranges::min(fresh_, {}, &DeliveryObservation::started).started;
  std::vector<DeliveryObservation> all = fresh_;
  for (const DeliveryObservation& old : seen_) {
    if (old.finished > begins) all.push_back(old);
  }
  estimator.observe(all, one_copy);
  seen_ = std::exchange(fresh_, {});
}

}  // namespace selmcast::sync
