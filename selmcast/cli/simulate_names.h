// What flags and answers of `selmcast simulate` call the settings of sim/simulation.h.
#pragma once

#include <map>
#include <string>

#include "selmcast/sim/simulation.h"

namespace selmcast::cli {

inline const std::map<std::string, sim::Sync> kSyncs{
    {"bsp", sim::Sync::bsp}, {"ssp", sim::Sync::ssp}, {"asp", sim::Sync::asp}};
inline const std::map<std::string, plan::MulticastKind> kMulticasts{{"network", plan::MulticastKind::network},
                                                                    {"unicast", plan::MulticastKind::unicast},
                                                                    {"relay", plan::MulticastKind::relay}};
inline const std::map<std::string, sim::Sharing> kSharings{
    {"fair", sim::Sharing::fair}, {"priority", sim::Sharing::priority}, {"reserved", sim::Sharing::reserved}};
inline const std::map<std::string, sim::StalenessRule> kStalenessRules{
    {"completed", sim::StalenessRule::completed}, {"computed", sim::StalenessRule::computed}};
inline const std::map<std::string, sync::AgeStart> kAgeStarts{{"zero", sync::AgeStart::zero},
                                                              {"staggered", sync::AgeStart::staggered}};

template <class Value>
std::string name_of(const std::map<std::string, Value>& names, Value value) {
  for (const auto& [name, named] : names) {
    if (named == value) return name;
  }
  return "?";
}

}  // namespace selmcast::cli
