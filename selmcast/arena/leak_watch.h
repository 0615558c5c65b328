// A checker: what the cores hold is bounded by the number of workers, however many rounds go by, and in the end they
// hold nothing. Looked at after every event of the manager, and whenever a worker's synchronize() has returned:
//
//     worker, bsp      no transfer at all: its round is over
//     worker           of mixed models nothing (with overlap what a slow one gets meanwhile, which others bound)
//     worker, online   at most two for each other: what it sends, and what it receives
//     worker           as many links as there are connections to it, and those whose end nobody told it; from each
//                      other a model's offer that came before its plan
//     manager          a session and a stream for each process that was there lately; of transfers that are not
//                      settled one for each pair (three records, online); entries for workers and pairs; messages
//                      that a worker has not confirmed: those of a few seconds
//     in the end       no session, no stream, no transfer
//
// It is told numbers, which the cores count of themselves (held()). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "selmcast/manager/durable_manager.h"
#include "selmcast/worker/worker_core.h"

namespace selmcast::arena {

class LeakWatch {
 public:
  LeakWatch(std::size_t workers, bool online, bool overlap)
      : n_(workers), online_(online), overlap_(overlap) {}

  void worker(std::size_t node, const worker::WorkerCore::Held& held, std::size_t connections);
  void manager(const manager::DurableManager& manager);

  const std::vector<std::string>& violations() const { return violations_; }
  // Seen so far, in all; for the report of a soak.
  struct Most {
    std::size_t transfers = 0, links = 0, messages = 0;
  };
  const Most& most() const { return most_; }

 private:
  void within(const std::string& who, const std::string& what, std::size_t count, std::size_t bound);

  std::size_t n_;
  bool online_, overlap_;
  Most most_;
  std::vector<std::string> violations_;
};

}  // namespace selmcast::arena
