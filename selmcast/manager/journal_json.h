// The lines of a journal (journal.h) as JSON: settings and back, and what the core decided. Inside manager/ only.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "selmcast/manager/manager_core.h"

namespace selmcast::manager {

std::string planner_of(const ManagerSettings& settings);
nlohmann::json settings_json(const ManagerSettings& settings);
// Error (invalid_input) for what makes no training; throws nlohmann::json::exception for what is no such line.
Result<ManagerSettings> settings_from(const nlohmann::json& line);

// What the core decided, as it follows from its inputs alone. Nothing for messages to single workers: they follow from
// the rest.
std::optional<nlohmann::json> decision_json(const Output& output, Instant now);

}  // namespace selmcast::manager
