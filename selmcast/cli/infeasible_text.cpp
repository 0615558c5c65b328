#include "selmcast/cli/infeasible_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace selmcast::cli {

void add_infeasible(const plan::Problem& problem, const plan::Infeasible& infeasible,
                    nlohmann::ordered_json& json) {
  const auto names = [&](const std::vector<WorkerIndex>& workers) {
    auto list = nlohmann::ordered_json::array();
    for (const WorkerIndex worker : workers) list.push_back(problem.worker(worker).name);
    return list;
  };
  json["status"] = "infeasible";
  json["reason"] = infeasible.reason;
  json["infeasible"] = {{"reason", infeasible.reason},
                        {"senders", names(infeasible.senders)},
                        {"receivers", names(infeasible.receivers)},
                        {"needed", infeasible.needed},
                        {"available", infeasible.available}};
}

std::string infeasible_as_text(const plan::Infeasible& infeasible) {
  return fmt::format("no plan exists: {}\n{} deliveries are needed, {} can be made\n", infeasible.reason,
                     infeasible.needed, infeasible.available);
}

}  // namespace selmcast::cli
