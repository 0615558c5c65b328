#include "selmcast/sync/donors.h"

#include <algorithm>
#include <cstdint>

namespace selmcast::sync {

std::vector<WorkerPair> choose_donors(std::span<const WorkerId> others, std::span<const WorkerId> comers,
                                      const DonorRules& rules) {
  struct Donor {
    WorkerId id;
    Rate uplink;
    std::int64_t deliveries = 0;
    double left() const { return uplink.bps() / static_cast<double>(1 + deliveries); }
  };
  std::vector<Donor> donors;
  for (const WorkerId other : others) donors.push_back({other, rules.uplink(other)});
  std::vector<WorkerPair> pairs;
  for (const WorkerId comer : comers) {
    std::ranges::stable_sort(donors, [](const Donor& a, const Donor& b) {
      return a.left() != b.left() ? a.left() > b.left() : a.id < b.id;
    });
    std::vector<WorkerPair> chosen;
    const std::uint32_t attempts = rules.attempts ? std::min(rules.attempts(comer), kAttempts - 1) : 0;
    for (Donor& donor : donors) {
      if (chosen.size() == kDonors - attempts) break;
      const WorkerPair pair{donor.id, comer};
      if (rules.reaches && !rules.reaches(pair)) continue;
      ++donor.deliveries;
      chosen.push_back(pair);
    }
    std::ranges::sort(chosen);
    pairs.insert(pairs.end(), chosen.begin(), chosen.end());
  }
  return pairs;
}

std::string why_turned_away(const std::string& last) {
  return "turned away: in " + std::to_string(kAttempts) + " attempts no model of the others reached it (" +
         last + ")";
}

}  // namespace selmcast::sync
