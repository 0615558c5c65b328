#include "selmcast/sync/multicast_choice.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "selmcast/base/rng.h"
#include "selmcast/plan/feasibility.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/planner.h"

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

// "w0 and w1", "w0, w1 and w2", "w0, w1, w2 and 4 more".
std::string listed(const std::vector<WorkerId>& workers) {
  std::vector<std::string> all = names(workers);
  if (all.size() < 2 || all.size() > kNamed) return listed(all);
  const std::string last = " and " + all.back();
  all.pop_back();
  return listed(all) + last;
}

std::string in_seconds(Duration time) {
  const auto thousandths = static_cast<std::int64_t>(std::llround(time.in_seconds() * 1000));
  const std::string rest = std::to_string(thousandths % 1000);
  return std::to_string(thousandths / 1000) + "." + std::string(3 - rest.size(), '0') + rest + " s";
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

  bool hears(WorkerId receiver, WorkerId sender) const {
    const auto report = network_.reports.find(receiver);
    return report != network_.reports.end() && report->second.fault.empty() &&
           report->second.heard.contains(sender);
  }
  std::vector<WorkerPair> unreached() const {
    std::vector<WorkerPair> pairs;
    for (const WorkerId sender : network_.workers) {
      for (const WorkerId receiver : network_.workers) {
        if (sender != receiver && !hears(receiver, sender)) pairs.push_back({sender, receiver});
      }
    }
    return pairs;
  }

  // Sets of workers joined by pairs that hear each other, by their first ones.
  std::vector<std::vector<WorkerId>> groups() const {
    std::vector<std::vector<WorkerId>> all;
    std::set<WorkerId> left(network_.workers.begin(), network_.workers.end());
    while (!left.empty()) {
      std::vector<WorkerId> group{*left.begin()};
      left.erase(left.begin());
      for (std::size_t k = 0; k < group.size(); ++k) {
        const WorkerId member = group[k];
        std::erase_if(left, [&](WorkerId other) {
          const bool joined = hears(other, member) && hears(member, other);
          if (joined) group.push_back(other);
          return joined;
        });
      }
      std::ranges::sort(group);
      all.push_back(std::move(group));
    }
    return all;
  }

  // "from w0 and w1: network to w0, w1 and w2, TCP to w3; but TCP from w1 to w0".
  std::string line_of(const std::vector<WorkerId>& group) const {
    std::vector<WorkerId> by_network, by_tcp;
    std::vector<std::string> exceptions;
    for (const WorkerId receiver : network_.workers) {
      std::vector<WorkerId> unheard;
      for (const WorkerId sender : group) {
        if (sender != receiver && !hears(receiver, sender)) unheard.push_back(sender);
      }
      const bool is_alone = group.size() == 1 && group.front() == receiver;
      const std::size_t senders = group.size() - (is_among(group, receiver) ? 1 : 0);
      if (is_alone) continue;
      (unheard.size() == senders ? by_tcp : by_network).push_back(receiver);
      if (unheard.size() == senders) continue;
      for (const WorkerId sender : unheard)
        exceptions.push_back(to_string(sender) + " to " + to_string(receiver));
    }
    std::string line = "from " + listed(group) + ":";
    if (!by_network.empty()) line += " network to " + listed(by_network);
    if (!by_tcp.empty()) line += (by_network.empty() ? " TCP to " : ", TCP to ") + listed(by_tcp);
    return exceptions.empty() ? line : line + "; but TCP from " + listed(exceptions);
  }

  // Of all that can use it.
  bool is_without_multicast() const {
    const std::size_t able = network_.workers.size() - silent_.size() - faults_.size();
    return able > 0 && deaf_.size() == able;
  }
  // Nothing: everybody hears everybody.
  std::optional<std::string> gap() const {
    std::vector<std::string> parts;
    if (!faults_.empty()) parts.push_back("IP multicast cannot be used by " + listed(faults_));
    if (!silent_.empty()) parts.push_back(listed(names(silent_)) + " did not answer the probe in time");
    if (is_without_multicast()) {
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

constexpr const char* kLetThrough =
    "let UDP to 239.77.0.0/16 from port 7699 on through firewalls, and have the switches between them "
    "forward multicast (with IGMP snooping: one querier in the network); selmcast doctor shows each way";

bool is_seen(const ProbedNetwork& network) {
  return network.one_machine ||
         std::ranges::any_of(network.reports, [](const auto& entry) { return entry.second.sees_floods; });
}

// The next round's, by plan or bound. Nothing: that kind has no plan.
std::optional<Duration> time_by(plan::Problem problem, plan::MulticastKind kind) {
  problem.multicast = kind;
  Rng rng(1);
  if (plan::find_infeasibility(problem)) return std::nullopt;
  if (problem.size() > kPlannedMost) return plan::lower_bound(problem).time;
  const plan::Outcome outcome = plan::best_planner(problem).plan(problem, rng);
  const auto* planned = std::get_if<plan::Planned>(&outcome);
  return planned == nullptr ? std::nullopt : std::optional(plan::completion_time(problem, planned->plan));
}

// Where multicast passes between some and not between others.
std::optional<MulticastChoice> quickest(const ProbedNetwork& network, const Hearing& hearing,
                                        const std::string& gap) {
  if (!network.outlook) return std::nullopt;
  const std::vector<WorkerPair> unreached = hearing.unreached();
  plan::Problem problem = network.outlook->problem;
  const std::vector<WorkerId>& ids = network.outlook->ids;
  const auto index = [&](WorkerId id) {
    return WorkerIndex(static_cast<std::uint32_t>(std::ranges::lower_bound(ids, id) - ids.begin()));
  };
  for (const WorkerPair& pair : unreached) {
    if (std::ranges::binary_search(ids, pair.sender) && std::ranges::binary_search(ids, pair.receiver))
      problem.unreached.push_back({index(pair.sender), index(pair.receiver)});
  }
  using plan::MulticastKind;
  std::optional<std::pair<Duration, MulticastKind>> best;
  std::string times;
  for (const MulticastKind kind : {MulticastKind::network, MulticastKind::relay, MulticastKind::unicast}) {
    const auto time = time_by(problem, kind);
    if (!time) return std::nullopt;
    if (!best || *time < best->first) best = {*time, kind};
    times += std::string(times.empty() ? "" : ", ") + std::string(to_string(kind)) +
             (kind == MulticastKind::network ? " with TCP beside it " : " ") + in_seconds(*time);
  }
  MulticastChoice choice{best->second, gap + "; a round would take by " + times, kLetThrough};
  if (best->second != MulticastKind::network) return choice;
  for (const auto& group : hearing.groups()) choice.groups.push_back(hearing.line_of(group));
  choice.unreached = unreached;
  return choice;
}

}  // namespace

MulticastChoice choose_multicast(const ProbedNetwork& network, plan::MulticastKind fallback) {
  using plan::MulticastKind;
  if (network.workers.size() <= 2)
    return {MulticastKind::unicast, "a multicast has one receiver here, so that all kinds are alike"};
  const Hearing hearing(network);
  if (const auto gap = hearing.gap()) {
    const bool is_fit = is_seen(network) && floods(network).empty() && !hearing.is_without_multicast();
    if (const auto choice = is_fit ? quickest(network, hearing, *gap) : std::nullopt) return *choice;
    return {fallback, *gap, kLetThrough};
  }
  if (const auto pairs = floods(network); !pairs.empty()) {
    return {fallback,
            "the network floods: from " + listed(pairs) +
                " came what was sent to a group that the receiver had not joined, so that every multicast "
                "would take from everybody's downlink",
            "turn IGMP snooping on in the switches, and one querier in the network"};
  }
  if (!is_seen(network)) {
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
