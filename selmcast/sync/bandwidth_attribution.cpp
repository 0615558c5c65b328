#include "selmcast/sync/bandwidth_attribution.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace selmcast::sync {
namespace {

constexpr double kCostOfAnyFullLink = 0.25;
constexpr double kWeightOfUnconfirmed = 1;
constexpr double kWeightOfConfirmed = 2;
constexpr double kWeightOfUnfairness = 0.5;

using Culprits = std::vector<std::optional<std::size_t>>;

double opening_cost(const LinkEvidence& link) {
  const double off = std::log(link.aggregate / link.estimate);
  const double weight = link.confirmed && off < 0 ? kWeightOfConfirmed : kWeightOfUnconfirmed;
  const double below_peak = std::log(link.recent_peak / link.aggregate);
  return kCostOfAnyFullLink + std::max(weight * std::abs(off), kWeightOfConfirmed * below_peak);
}

struct Candidate {
  struct Assignment {
    std::size_t delivery = 0;
    double log_rate = 0;
  };
  double opening = 0;
  double log_fastest = -std::numeric_limits<double>::infinity();
  std::vector<Assignment> unexplained;  // fastest first: those that it most likely held back
  std::size_t best_count = 0;           // of them, for the least cost per delivery
  double best_cost = std::numeric_limits<double>::infinity();

  void choose_best() {
    best_count = 0;
    best_cost = std::numeric_limits<double>::infinity();
    double total = opening;
    for (std::size_t k = 0; k < unexplained.size(); ++k) {
      total += kWeightOfUnfairness * (log_fastest - unexplained[k].log_rate);
      const double cost = total / static_cast<double>(k + 1);
      if (cost > best_cost) break;  // the next ones are slower still, so no longer prefix is cheaper
      best_cost = cost;
      best_count = k + 1;
    }
  }

  void forget_explained(const Culprits& culprits) {
    std::erase_if(unexplained, [&](const Assignment& a) { return culprits[a.delivery].has_value(); });
    choose_best();
  }
};

std::vector<Candidate> candidates_of(std::span<const LinkEvidence> links,
                                     std::span<const DeliveryEvidence> deliveries) {
  std::vector<Candidate> candidates(links.size());
  for (std::size_t d = 0; d < deliveries.size(); ++d) {
    const double log_rate = std::log(deliveries[d].rate.bps());
    for (const std::size_t l : {deliveries[d].up, deliveries[d].down}) {
      candidates[l].log_fastest = std::max(candidates[l].log_fastest, log_rate);
      const bool may_be_it = !deliveries[d].not_by_uplink || l == deliveries[d].down;
      if (deliveries[d].held_back && may_be_it) candidates[l].unexplained.push_back({d, log_rate});
    }
  }
  for (std::size_t l = 0; l < links.size(); ++l) {
    candidates[l].opening = opening_cost(links[l]);
    std::ranges::stable_sort(candidates[l].unexplained, std::ranges::greater{},
                             &Candidate::Assignment::log_rate);
    candidates[l].choose_best();
  }
  return candidates;
}

}  // namespace

std::vector<std::optional<std::size_t>> attribute(std::span<const LinkEvidence> links,
                                                  std::span<const DeliveryEvidence> deliveries) {
  std::vector<Candidate> candidates = candidates_of(links, deliveries);
  Culprits culprits(deliveries.size());
  while (true) {
    const auto full = std::ranges::min_element(candidates, {}, &Candidate::best_cost);
    if (full == candidates.end() || full->best_count == 0) return culprits;
    std::vector<std::size_t> touched;
    for (std::size_t k = 0; k < full->best_count; ++k) {
      const std::size_t d = full->unexplained[k].delivery;
      culprits[d] = static_cast<std::size_t>(full - candidates.begin());
      touched.insert(touched.end(), {deliveries[d].up, deliveries[d].down});
    }
    full->opening = 0;
    for (const std::size_t l : touched) candidates[l].forget_explained(culprits);
  }
}

}  // namespace selmcast::sync
