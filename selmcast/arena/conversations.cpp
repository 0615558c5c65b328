#include "selmcast/arena/conversations.h"

namespace selmcast::arena {
namespace {

bool is_of_it(const wire::ToWorker& message) {
  // A Reject may also be the end of a stream that was never a session's.
  return !std::holds_alternative<wire::Alive>(message) && !std::holds_alternative<wire::Resumed>(message) &&
         !std::holds_alternative<wire::Reject>(message);
}
bool is_of_it(const wire::FromWorker& message) {
  return !std::holds_alternative<wire::Hello>(message) && !std::holds_alternative<wire::Resume>(message) &&
         !std::holds_alternative<wire::Heartbeat>(message);
}

}  // namespace

void Conversations::manager_said(WorkerId worker, const wire::ToWorker& message) {
  if (is_of_it(message)) talks_[worker].to_worker.push_back(message);
}

void Conversations::worker_heard(WorkerId worker, const wire::ToWorker& message) {
  if (!is_of_it(message)) return;
  Talk& talk = talks_[worker];
  if (const auto* plan = std::get_if<wire::RoundPlan>(&message)) heard_plan(worker, plan->version);
  if (const auto* update = std::get_if<wire::PlanUpdate>(&message)) heard_plan(worker, update->version);
  if (talk.to_worker.empty() || talk.to_worker.front() != message) {
    violations_.push_back(to_string(worker) + " heard what the manager did not say, or not then");
    return;
  }
  talk.to_worker.pop_front();
}

void Conversations::heard_plan(WorkerId worker, PlanVersion version) {
  PlanVersion& last = talks_[worker].last;
  if (version <= last) {
    violations_.push_back(to_string(worker) + " was told plan " + std::to_string(version.epoch) + "." +
                          std::to_string(version.number) + " after " + std::to_string(last.epoch) + "." +
                          std::to_string(last.number));
  }
  last = version;
}

void Conversations::worker_said(WorkerId worker, const wire::FromWorker& message) {
  if (is_of_it(message)) talks_[worker].to_manager.push_back(message);
}

void Conversations::manager_heard(WorkerId worker, const wire::FromWorker& message) {
  if (!is_of_it(message)) return;
  Talk& talk = talks_[worker];
  if (talk.to_manager.empty() || talk.to_manager.front() != message) {
    violations_.push_back("the manager heard what " + to_string(worker) + " did not say, or not then");
    return;
  }
  talk.to_manager.pop_front();
}

void Conversations::planned(PlanVersion version, std::uint64_t epoch) {
  if (version.epoch == epoch) return;
  violations_.push_back("plan " + std::to_string(version.epoch) + "." + std::to_string(version.number) +
                        " is of manager " + std::to_string(epoch));
}

}  // namespace selmcast::arena
