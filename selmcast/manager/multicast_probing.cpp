#include "selmcast/manager/multicast_probing.h"

#include <algorithm>
#include <utility>

#include "selmcast/manager/groups.h"
#include "selmcast/wire/loopback.h"

namespace selmcast::manager {

std::vector<std::pair<WorkerId, wire::Probe>> MulticastProbing::begin(
    const std::map<WorkerId, std::string>& hosts, std::uint64_t run_token, Instant now) {
  ++number_;
  const std::vector<WorkerId> before = std::exchange(workers_, {});
  answered_.clear();
  decided_ = false;
  due_ = now + kProbePatience;
  const auto [even, odd] = probe_groups(number_, run_token);
  std::map<std::string, std::size_t> numbers;  // of hosts, in the order of their first workers
  std::vector<std::pair<WorkerId, wire::Probe>> probes;
  for (const auto& [worker, host] : hosts) {
    const std::string machine = wire::is_loopback(host) ? "loopback" : host;
    const bool is_even = numbers.try_emplace(machine, numbers.size()).first->second % 2 == 0;
    workers_.push_back(worker);
    probes.emplace_back(worker, wire::Probe{number_, is_even ? even : odd, is_even ? odd : even});
  }
  one_machine_ = numbers.size() <= 1;
  if (!again(now) || workers_ != before) {
    reports_.clear();
    probings_ = 0;
  }
  ++probings_;
  again_ = Instant::never();
  return probes;
}

void MulticastProbing::seen(WorkerId worker, const wire::Probed& what) {
  if (decided_ || what.number != number_ || !std::ranges::binary_search(workers_, worker)) return;
  if (!answered_.insert(worker).second) return;
  sync::ProbeReport& report = reports_[worker];
  report.heard.insert(what.heard.begin(), what.heard.end());
  if (!one_machine_) report.flooded.insert(what.flooded.begin(), what.flooded.end());
  report.sees_floods = what.sees_floods;
  report.fault = what.fault;
}

void MulticastProbing::left(WorkerId worker) {
  lost_one_ = true;
  std::erase(workers_, worker);
  reports_.erase(worker);
  answered_.erase(worker);
  for (auto& [receiver, report] : reports_) {
    report.heard.erase(worker);
    report.flooded.erase(worker);
  }
}

// Some pairs hear each other, and some do not.
bool MulticastProbing::in_doubt() const {
  bool some = false, all = true;
  for (const WorkerId receiver : workers_) {
    const auto report = reports_.find(receiver);
    for (const WorkerId sender : workers_) {
      if (sender == receiver) continue;
      const bool is_heard = report != reports_.end() && report->second.heard.contains(sender);
      some = some || is_heard;
      all = all && is_heard;
    }
  }
  return some && !all;
}

std::optional<sync::MulticastChoice> MulticastProbing::news(const sync::TrainingMachine& machine,
                                                            Instant now) {
  if (number_ == 0 || workers_.empty()) return std::nullopt;
  const bool fresh = !decided_;
  if (!fresh && !std::exchange(lost_one_, false)) return std::nullopt;
  if (fresh && answered_.size() < workers_.size() && now < due_) return std::nullopt;
  decided_ = true;
  due_ = Instant::never();
  lost_one_ = false;
  sync::MulticastChoice choice =
      sync::choose_multicast({workers_, reports_, one_machine_, machine.outlook(now)}, fallback_);
  const bool is_known = told_ && told_->kind == choice.kind && told_->unreached == choice.unreached;
  if (fresh && in_doubt() && probings_ < kProbings) again_ = now + kProbeAgain;
  if (is_known && !(fresh && probings_ == 1)) return std::nullopt;
  told_ = choice;
  return choice;
}

}  // namespace selmcast::manager
