#include "selmcast/sync/liars.h"

#include <algorithm>
#include <utility>

namespace selmcast::sync {
namespace {

// Counts up to where somebody is named, and no further: once.
bool reaches(std::uint32_t& in_a_row, std::uint32_t named) {
  if (in_a_row > named) return false;
  return ++in_a_row == named;
}

void forgive(std::uint32_t& in_a_row, std::uint32_t named) {
  if (in_a_row < named) in_a_row = 0;
}

// "812", "8.1", "0.08".
std::string megabits(Rate rate) {
  const std::string digits = std::to_string(rate.mbps());
  const std::size_t shown = rate.mbps() >= 100 ? 0 : rate.mbps() >= 1 ? 2 : 3;
  return digits.substr(0, digits.find('.') + shown);
}

}  // namespace

Liars::Times Liars::hear(WorkerId receiver, Times claimed, Duration reported_after) {
  Suspect& suspect = suspects_[receiver];
  // Nothing took longer than the plan is old, whatever the receiver says: no worker's word may teach a bandwidth that
  // no plan can be made with.
  claimed.finished = std::min(claimed.finished, reported_after);
  claimed.started = std::min(claimed.started, claimed.finished);
  if (claimed.finished * 2 + kSlack >= reported_after) {
    suspect.claims = 0;
    return claimed;
  }
  ++suspect.claims;
  if (suspect.claims < kThrice || !most_are_believed()) return claimed;
  if (!std::exchange(suspect.is_named, true)) {
    named_.push_back({receiver, "it says that a delivery took " + to_string(claimed.finished) +
                                    ", and reports it after " + to_string(reported_after) +
                                    ": its measurements are not believed"});
  }
  return {claimed.started, reported_after};
}

bool Liars::is_disbelieved(WorkerId worker) const {
  const auto found = suspects_.find(worker);
  return found != suspects_.end() && found->second.is_named;
}

bool Liars::most_are_believed() const {
  const auto doubted =
      std::ranges::count_if(suspects_, [](const auto& entry) { return entry.second.claims > 0; });
  return 2 * static_cast<std::size_t>(doubted) < suspects_.size();
}

void Liars::look(const Link& link) {
  Suspect& suspect = suspects_[link.worker];
  look_at(link.worker, suspect.uplink, "uplink", link.declared_uplink, link.uplink);
  look_at(link.worker, suspect.downlink, "downlink", link.declared_downlink, link.downlink);
}

void Liars::look_at(WorkerId worker, std::uint32_t& in_a_row, const char* link, Rate declared, Rate learnt) {
  if (learnt * kLess >= declared) return forgive(in_a_row, kTwice);
  if (!reaches(in_a_row, kTwice)) return;
  named_.push_back({worker, std::string("its ") + link + " carries " + megabits(learnt) +
                                " Mbit/s, and it declared " + megabits(declared) +
                                ": it is planned with what it carries"});
}

}  // namespace selmcast::sync
