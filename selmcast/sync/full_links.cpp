#include "selmcast/sync/full_links.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace selmcast::sync {
namespace {

constexpr double kCostOfAnyFullLink = 0.25;
constexpr double kWeightOfUnconfirmed = 1;
constexpr double kWeightOfConfirmed = 2;
constexpr double kWeightOfUnfairness = 0.5;
constexpr double kWeightOfShortfall = 2;
constexpr double kNoShortfall = 0.1;
constexpr double kAsFast = 0.9;  // of a network multicast to its receivers, who have other traffic too
constexpr double kInexplicable = 0.7;
constexpr double kLeastMoments =
    3;  // of a delivery in pulses, and of its moments, to count as one that was held back
constexpr double kLeastPulsed = 0.1;
constexpr double kLeastHeldBack = 0.5;  // of a delivery; less says nothing

double opening_cost(const LinkEvidence& link) {
  const double off = link.estimate ? std::log(link.level / *link.estimate) : 0;
  const double weight = link.confirmed && off < 0 ? kWeightOfConfirmed : kWeightOfUnconfirmed;
  const double below_peak = std::log(link.recent_peak / link.level);
  return kCostOfAnyFullLink + std::max(weight * std::abs(off), kWeightOfConfirmed * below_peak);
}

struct Held {
  std::size_t delivery = 0;
  std::size_t moment = 0;
  double weight = 0;
  bool is_explained = false;
};

struct Candidate {
  struct Assignment {
    std::size_t held = 0;
    double cost = 0;
  };
  double opening = std::numeric_limits<double>::infinity();
  std::vector<Assignment> unexplained;  // cheapest first
  std::size_t best_count = 0;           // of them, for the least cost per delivery
  double best_cost = std::numeric_limits<double>::infinity();

  void choose_best(const std::vector<Held>& held) {
    best_count = 0;
    best_cost = std::numeric_limits<double>::infinity();
    double total = opening, weight = 0;
    for (std::size_t k = 0; k < unexplained.size(); ++k) {
      const double w = held[unexplained[k].held].weight;
      total += w * unexplained[k].cost;
      weight += w;
      if (total / weight > best_cost) break;  // the next ones cost more still
      best_cost = total / weight;
      best_count = k + 1;
    }
  }
};

class Search {
 public:
  Search(const LinkLoads& loads, std::span<const LoadedDelivery> deliveries,
         std::span<const std::optional<LinkEvidence>> links)
      : loads_(loads),
        deliveries_(deliveries),
        links_(links),
        candidates_(links.size()),
        full_moments_(links.size()) {
    for (std::size_t d = 0; d < deliveries.size(); ++d) weigh(d, deliveries[d]);
    for (std::size_t l = 0; l < links.size(); ++l) {
      Candidate& candidate = candidates_[l];
      if (links[l]) candidate.opening = opening_cost(*links[l]);
      std::ranges::stable_sort(candidate.unexplained, {}, &Candidate::Assignment::cost);
      candidate.choose_best(held_);
    }
  }

  std::vector<std::optional<FullLink>> run() {
    std::vector<double> held_back(links_.size());
    std::vector<bool> is_late(links_.size());
    while (true) {
      const auto full = std::ranges::min_element(candidates_, {}, &Candidate::best_cost);
      if (full == candidates_.end() || full->best_count == 0) break;
      const auto l = static_cast<std::size_t>(full - candidates_.begin());
      for (std::size_t k = 0; k < full->best_count; ++k) {
        Held& held = held_[full->unexplained[k].held];
        held.is_explained = true;
        held_back[l] += held.weight;
        if (deliveries_[held.delivery].late) is_late[l] = true;
        full_moments_[l].push_back(held.moment);
      }
      full->opening = 0;
      for (Candidate& candidate : candidates_) {
        const auto before = candidate.unexplained.size();
        std::erase_if(candidate.unexplained,
                      [&](const Candidate::Assignment& a) { return held_[a.held].is_explained; });
        if (candidate.unexplained.size() != before) candidate.choose_best(held_);
      }
    }
    std::vector<std::optional<FullLink>> result(links_.size());
    for (std::size_t l = 0; l < links_.size(); ++l) {
      if (held_back[l] < kLeastHeldBack) continue;
      auto& moments = full_moments_[l];
      std::ranges::sort(moments);
      moments.erase(std::ranges::unique(moments).begin(), moments.end());
      std::vector<Rate> carried;
      for (const std::size_t b : moments) carried.push_back(loads_.load(l, b));
      result[l] = FullLink{crest(std::move(carried), loads_.pulsed()), held_back[l], is_late[l]};
    }
    return result;
  }

 private:
  void weigh(std::size_t d, const LoadedDelivery& delivery) {
    const LinkLoads::Course& course = loads_.course(d);
    const double moments = static_cast<double>(
        std::max<std::ptrdiff_t>(1, std::ranges::count(course.cells, true, &LinkLoads::Cell::is_whole)));
    const std::size_t first = held_.size();
    for (std::size_t k = 0; k < course.cells.size(); ++k) {
      if (course.cells[k].is_held_back) held_.push_back({d, course.first + k, 1 / moments});
    }
    // Of a delivery in pulses these few moments are all that could show it.
    if (delivery.pulsed) {
      const double least = std::max(kLeastMoments, kLeastPulsed * moments);
      const double weight = 1 / std::max(least, static_cast<double>(held_.size() - first));
      for (std::size_t h = first; h < held_.size(); ++h) held_[h].weight = weight;
    }
    for (std::size_t h = first; h < held_.size(); ++h) {
      const Rate rate = course.cells[held_[h].moment - course.first].rate;
      for (const std::size_t l : {delivery.up, delivery.down}) {
        const bool is_behind_others =
            delivery.shares_up && rate < loads_.fastest_sharing(l, held_[h].moment) * kAsFast;
        if (l == delivery.up && (delivery.not_by_uplink || is_behind_others)) continue;
        const double cost = cost_of(l, held_[h].moment, rate);
        if (cost <= kInexplicable) candidates_[l].unexplained.push_back({h, cost});
      }
    }
  }

  double cost_of(std::size_t l, std::size_t moment, Rate rate) const {
    if (!(rate > Rate()) || !links_[l]) return std::numeric_limits<double>::infinity();
    const double shortfall = std::log(links_[l]->level / loads_.load(l, moment)) - kNoShortfall;
    return kWeightOfUnfairness * std::log(loads_.fastest(l, moment) / rate) +
           kWeightOfShortfall * std::max(0.0, shortfall);
  }

  const LinkLoads& loads_;
  std::span<const LoadedDelivery> deliveries_;
  std::span<const std::optional<LinkEvidence>> links_;
  std::vector<Held> held_;
  std::vector<Candidate> candidates_;
  std::vector<std::vector<std::size_t>> full_moments_;
};

}  // namespace

std::vector<std::optional<FullLink>> find_full_links(const LinkLoads& loads,
                                                     std::span<const LoadedDelivery> deliveries,
                                                     std::span<const std::optional<LinkEvidence>> links) {
  return Search(loads, deliveries, links).run();
}

}  // namespace selmcast::sync
