#include "selmcast/cli/ssp_problem_json.h"

#include <nlohmann/json.hpp>

namespace selmcast::cli {

bool SspReader::delivered(const Json& list, const Path& path, plan::RunningMulticast& result) {
  if (!array(list, path, "ids of workers")) return false;
  for (std::size_t k = 0; k < list.size(); ++k) {
    if (!known_worker(list[k], path.element(k), result.delivered.emplace_back())) return false;
  }
  return true;
}

bool SspReader::receivers(const Json& list, const Path& path, plan::RunningMulticast& result) {
  if (!array(list, path, "receivers")) return false;
  for (std::size_t k = 0; k < list.size(); ++k) {
    const Path entry = path.element(k);
    plan::RunningReceiver& running = result.receivers.emplace_back();
    std::int64_t remaining = 0;
    if (!object(list[k], entry, {"id", "remaining_bytes"}, {}) ||
        !known_worker(list[k]["id"], entry.member("id"), running.receiver) ||
        !whole(list[k]["remaining_bytes"], entry.member("remaining_bytes"), "a whole number of bytes",
               remaining)) {
      return false;
    }
    running.remaining = Bytes(remaining);
  }
  return true;
}

bool SspReader::multicast(const Json& value, const Path& path, plan::RunningMulticast& result) {
  return object(value, path, {"sender", "wait_seconds", "delivered", "receivers"}, {}) &&
         known_worker(value["sender"], path.member("sender"), result.sender) &&
         duration(value["wait_seconds"], path.member("wait_seconds"), result.wait) &&
         delivered(value["delivered"], path.member("delivered"), result) &&
         receivers(value["receivers"], path.member("receivers"), result);
}

// What is left to check is the same for problems from anywhere: plan/ssp_problem.h knows, we know where it stands.
bool SspReader::consistent(const plan::SspProblem& problem, const Path& path) {
  const auto fault = plan::first_ssp_fault(problem);
  if (!fault) return true;
  const Path list = path.member("active");
  const Path active = list.element(fault->index);
  const Path delivered_list = active.member("delivered");
  const Path receivers_list = active.member("receivers");
  const Path receiver = receivers_list.element(fault->element);
  using Part = plan::SspFault::Part;
  switch (fault->part) {
    case Part::ready: return wrong(path.member("ready"), fault->message);
    case Part::ready_wait: return wrong(path.member("ready_wait_seconds"), fault->message);
    case Part::keep_fraction: return wrong(path.member("keep_fraction"), fault->message);
    case Part::sender: return wrong(active.member("sender"), fault->message);
    case Part::wait: return wrong(active.member("wait_seconds"), fault->message);
    case Part::delivered: return wrong(delivered_list.element(fault->element), fault->message);
    case Part::receiver: return wrong(receiver.member("id"), fault->message);
    case Part::remaining: return wrong(receiver.member("remaining_bytes"), fault->message);
    case Part::required: {
      const Path top;
      const Path required = top.member("required");
      return wrong(required.element(fault->index), fault->message);
    }
  }
  return false;
}

bool SspReader::read(const Json& value, const Path& path, plan::SspProblem& result) {
  if (!object(value, path, {"ready", "ready_wait_seconds", "keep_fraction", "active"}, {}) ||
      !known_worker(value["ready"], path.member("ready"), result.ready) ||
      !duration(value["ready_wait_seconds"], path.member("ready_wait_seconds"), result.ready_wait) ||
      !number(value["keep_fraction"], path.member("keep_fraction"), "a number from 0 to 1",
              result.keep_fraction)) {
    return false;
  }
  const Path list = path.member("active");
  if (!array(value["active"], list, "running multicasts")) return false;
  for (std::size_t k = 0; k < value["active"].size(); ++k) {
    if (!multicast(value["active"][k], list.element(k), result.active.emplace_back())) return false;
  }
  return consistent(result, path);
}

}  // namespace selmcast::cli
