#include "selmcast/sync/multicast_choice.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace selmcast::sync {
namespace {

constexpr std::size_t kNamed = 3;  // in a reason

// "w0, w1, w2 and 4 more".
std::string listed(const std::vector<std::string>& all) {
  std::string text;
  for (std::size_t k = 0; k < std::min(kNamed, all.size()); ++k) text += (k > 0 ? ", " : "") + all[k];
  if (all.size() > kNamed) text += " and " + std::to_string(all.size() - kNamed) + " more";
  return text;
}

std::vector<std::string> names(const std::vector<WorkerId>& workers) {
  std::vector<std::string> all;
  for (const WorkerId worker : workers) all.push_back(to_string(worker));
  return all;
}

// Who hears whom, by whole workers where it can be told so.
class Hearing {
 public:
  explicit Hearing(const ProbedNetwork& network) : network_(network) {
    for (const WorkerId receiver : network.workers) {
      const auto report = network.reports.find(receiver);
      if (report == network.reports.end()) {
        silent_.push_back(receiver);
      } else if (!report->second.fault.empty()) {
        faults_.push_back(to_string(receiver) + " (" + report->second.fault + ")");
      } else if (unheard_by(receiver).size() + 1 == network.workers.size()) {
        deaf_.push_back(receiver);
      }
    }
    for (const WorkerId sender : network.workers) {
      const bool heard = std::ranges::any_of(
          network.reports, [&](const auto& entry) { return entry.second.heard.contains(sender); });
      if (!heard) mute_.push_back(sender);
    }
  }

  // Nothing: everybody hears everybody.
  std::optional<std::string> gap() const {
    std::vector<std::string> parts;
    if (!faults_.empty()) parts.push_back("IP multicast cannot be used by " + listed(faults_));
    if (!silent_.empty()) parts.push_back(listed(names(silent_)) + " did not answer the probe in time");
    const std::size_t able = network_.workers.size() - silent_.size() - faults_.size();
    if (able > 0 && deaf_.size() == able) {
      parts.push_back("no multicast passes between the workers");
    } else {
      if (!deaf_.empty()) parts.push_back("no multicast of the others reaches " + listed(names(deaf_)));
      if (auto pairs = pairs_left(); !pairs.empty())
        parts.push_back("multicast does not pass from " + listed(pairs));
    }
    if (parts.empty()) return std::nullopt;
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
    return text;
  }

 private:
  std::vector<WorkerId> unheard_by(WorkerId receiver) const {
    const ProbeReport& report = network_.reports.at(receiver);
    std::vector<WorkerId> unheard;
    for (const WorkerId sender : network_.workers) {
      if (sender != receiver && !report.heard.contains(sender)) unheard.push_back(sender);
    }
    return unheard;
  }
  static bool is_among(const std::vector<WorkerId>& all, WorkerId worker) {
    return std::ranges::find(all, worker) != all.end();
  }

  // "w0 to w1", but for what is explained by a whole worker; "w2 to anybody".
  std::vector<std::string> pairs_left() const {
    std::vector<std::string> pairs;
    for (const WorkerId sender : mute_) {
      const auto report = network_.reports.find(sender);
      const bool explained = report == network_.reports.end() || !report->second.fault.empty();
      if (!explained) pairs.push_back(to_string(sender) + " to anybody");
    }
    for (const auto& [receiver, report] : network_.reports) {
      if (!report.fault.empty() || is_among(deaf_, receiver)) continue;
      for (const WorkerId sender : unheard_by(receiver)) {
        if (!is_among(mute_, sender)) pairs.push_back(to_string(sender) + " to " + to_string(receiver));
      }
    }
    return pairs;
  }

  const ProbedNetwork& network_;
  std::vector<std::string> faults_;
  std::vector<WorkerId> silent_;  // said nothing
  std::vector<WorkerId> deaf_;    // hear nobody
  std::vector<WorkerId> mute_;    // nobody hears them
};

std::vector<std::string> floods(const ProbedNetwork& network) {
  std::vector<std::string> pairs;
  for (const auto& [receiver, report] : network.reports) {
    for (const WorkerId sender : report.flooded) {
      if (sender != receiver) pairs.push_back(to_string(sender) + " to " + to_string(receiver));
    }
  }
  return pairs;
}

}  // namespace

MulticastChoice choose_multicast(const ProbedNetwork& network, plan::MulticastKind fallback) {
  using plan::MulticastKind;
  if (network.workers.size() <= 2)
    return {MulticastKind::unicast, "a multicast has one receiver here, so that all kinds are alike"};
  if (const auto gap = Hearing(network).gap()) {
    return {
        fallback, *gap,
        "let UDP to 239.77.0.0/16 from port 7699 on through firewalls, and have the switches between them "
        "forward multicast (with IGMP snooping: one querier in the network); selmcast doctor shows each way"};
  }
  if (const auto pairs = floods(network); !pairs.empty()) {
    return {fallback,
            "the network floods: from " + listed(pairs) +
                " came what was sent to a group that the receiver had not joined, so that every multicast "
                "would take from everybody's downlink",
            "turn IGMP snooping on in the switches, and one querier in the network"};
  }
  const bool somebody_sees =
      std::ranges::any_of(network.reports, [](const auto& entry) { return entry.second.sees_floods; });
  if (!network.one_machine && !somebody_sees) {
    return {fallback, "everybody hears everybody, but no worker may look whether the network floods",
            "run one worker with CAP_NET_RAW (as root), or pin the kind"};
  }
  return {
      MulticastKind::network,
      network.one_machine
          ? "all workers are on one machine, and everybody hears everybody"
          : "everybody hears everybody, and what is sent to a group goes only to those who have joined it"};
}

}  // namespace selmcast::sync
