#include "selmcast/sync/donors.h"

#include <algorithm>
#include <cstdint>

namespace selmcast::sync {

std::vector<WorkerPair> choose_donors(std::span<const WorkerId> others, std::span<const WorkerId> comers,
                                      const std::function<Rate(WorkerId)>& uplink) {
  struct Donor {
    WorkerId id;
    Rate uplink;
    std::int64_t deliveries = 0;
    double left() const { return uplink.bps() / static_cast<double>(1 + deliveries); }
  };
  std::vector<Donor> donors;
  for (const WorkerId other : others) donors.push_back({other, uplink(other)});
  std::vector<WorkerPair> pairs;
  const std::size_t count = std::min(kDonors, donors.size());
  for (const WorkerId comer : comers) {
    std::ranges::stable_sort(donors, [](const Donor& a, const Donor& b) {
      return a.left() != b.left() ? a.left() > b.left() : a.id < b.id;
    });
    std::vector<WorkerPair> chosen;
    for (std::size_t k = 0; k < count; ++k) {
      ++donors[k].deliveries;
      chosen.push_back({donors[k].id, comer});
    }
    std::ranges::sort(chosen);
    pairs.insert(pairs.end(), chosen.begin(), chosen.end());
  }
  return pairs;
}

}  // namespace selmcast::sync
