#include "selmcast/cli/doctor/findings_of_multicast.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "selmcast/mcast/probe.h"

namespace selmcast::doctor {
namespace {

constexpr const char* kLetThrough =
    "let UDP to 239.77.0.0/16 through the firewalls of both, and have the switches between them forward "
    "multicast (with IGMP "
    "snooping: one querier in the network); and see that `selmcast doctor --serve` of this release runs "
    "there";
constexpr const char* kSnooping = "turn IGMP snooping on in the switches, and one querier in the network";

bool floods(const MulticastReach& it) {
  return !it.loopback &&
         std::max(it.flooded_there.value_or(0), it.flooded_here.value_or(0)) >= mcast::kProbesFlooded;
}
bool is_known(const MulticastReach& it) { return it.loopback || it.flooded_there || it.flooded_here; }
bool reaches(const MulticastReach& it) {
  return std::min(it.heard_there, it.heard_here) >= mcast::kProbesHeard;
}

Finding of_peer(const MulticastReach& it) {
  const std::string what = "multicast to " + it.peer;
  const std::string counts =
      fmt::format("{} of {} probes arrived there, {} here", it.heard_there, it.sent, it.heard_here);
  if (!reaches(it)) return {Verdict::note, what, counts, kLetThrough};
  if (floods(it))
    return {Verdict::note, what, counts + "; the network floods: they came to who had not joined, too",
            kSnooping};
  if (!is_known(it))
    return {Verdict::note, what, counts + "; whether the network floods cannot be seen",
            "run the doctor as root, here or there"};
  return {Verdict::good, what, counts + (it.loopback ? "; the same machine" : "; nothing floods"), ""};
}

Finding of_choice(const std::vector<MulticastReach>& all) {
  const std::string what = "--multicast auto";
  const auto instead = [&](const std::string& why, const char* remedy) {
    return Finding{Verdict::note, what, "would use relay (bsp; else unicast), since " + why, remedy};
  };
  const bool is_fit = std::ranges::none_of(all, floods) && std::ranges::any_of(all, is_known);
  if (const auto deaf = std::ranges::find_if_not(all, reaches);
      deaf != all.end() && is_fit && std::ranges::any_of(all, reaches)) {
    return {Verdict::note, what,
            "would use network with TCP beside it, relay or unicast, whichever is the quickest on the "
            "workers' links "
            "(bsp; else unicast), since multicast does not pass between this machine and " +
                deaf->peer,
            kLetThrough};
  }
  if (const auto deaf = std::ranges::find_if_not(all, reaches); deaf != all.end())
    return instead("multicast does not pass between this machine and " + deaf->peer, kLetThrough);
  if (const auto flooded = std::ranges::find_if(all, floods); flooded != all.end())
    return instead("the network floods between this machine and " + flooded->peer, kSnooping);
  if (std::ranges::none_of(all, is_known))
    return instead("nobody may look whether the network floods",
                   "give one worker CAP_NET_RAW (root), or pin --multicast network");
  return {Verdict::good, what,
          "would use network, as far as is seen from here: multicast passes both ways" +
              std::string(all.size() == 1 ? "" : " with each of them") + ", and nothing floods",
          ""};
}

}  // namespace

std::vector<Finding> judge_multicast(const std::vector<MulticastReach>& all) {
  std::vector<Finding> findings;
  if (all.empty()) return findings;
  for (const MulticastReach& one : all) findings.push_back(of_peer(one));
  findings.push_back(of_choice(all));
  return findings;
}

}  // namespace selmcast::doctor
