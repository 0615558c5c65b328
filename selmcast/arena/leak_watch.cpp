#include "selmcast/arena/leak_watch.h"

#include <algorithm>

namespace selmcast::arena {
namespace {

// A process may be there twice: the one that died, which nobody has missed yet, and the next.
constexpr std::size_t kLives = 2;
// One is enough; a training that leaks would fill the list.
constexpr std::size_t kViolationsMost = 3;

}  // namespace

void LeakWatch::within(const std::string& who, const std::string& what, std::size_t count,
                       std::size_t bound) {
  if (count <= bound || violations_.size() >= kViolationsMost) return;
  violations_.push_back("leak: " + who + " holds " + std::to_string(count) + " " + what + ", at most " +
                        std::to_string(bound) + " are needed");
}

void LeakWatch::worker(std::size_t node, const worker::WorkerCore::Held& held, std::size_t connections) {
  const std::string who = "w" + std::to_string(node);
  most_.transfers = std::max(most_.transfers, held.transfers);
  most_.links = std::max(most_.links, held.links);
  within(who, "transfers between its rounds", held.transfers, online_ ? 2 * n_ : 0);
  if (!overlap_) within(who, "mixed models between its rounds", held.mixed, 0);
  within(who, "offers that came early", held.early_offers, kLives * n_);
  within(who, "links", held.links, connections);
}

void LeakWatch::manager(const manager::DurableManager& manager) {
  const std::string who = "the manager";
  const sync::TrainingMachine::Held held = manager.held();
  most_.messages = std::max(most_.messages, manager.messages());
  if (manager.finished()) {
    within(who, "sessions in the end", manager.sessions(), 0);
    within(who, "transfers in the end", held.transfers, 0);
    return;
  }
  within(who, "sessions", manager.sessions(), kLives * n_);
  within(who, "streams", manager.streams(), kLives * kLives * n_);
  within(who, "transfers", held.transfers, (online_ ? 3 : 1) * n_ * n_);
  within(who, "entries for workers and pairs", held.entries, 5 * n_ + 2 * n_ * n_);
  // Of two rounds: a plan, a word about each delivery, the end. Online those of some 60 rounds of the others that go by
  // in the four seconds until a worker is taken for silent. (Most seen in 600 trainings: 2 n, and 66 n.)
  within(who, "messages for one worker", manager.messages(), online_ ? 60 * (2 * n_ + 5) : 4 * n_ + 10);
}

}  // namespace selmcast::arena
