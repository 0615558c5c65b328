// What happens to a ManagerCore, as a value: each of its events with the time it happened at.
//
// A core is a function of its settings and of these. So they are what a journal records (journal.h), what a state store
// keeps (state_store.h), and what a manager that died is made again from (durable_manager.h). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "selmcast/manager/manager_core.h"

namespace selmcast::manager {

struct SessionOpened {
  SessionId session;
};
struct MessageCame {
  SessionId session;
  wire::FromWorker message;
  std::uint64_t heard = 0;  // of the manager's messages, by the worker
};
struct SessionLost {
  SessionId session;
  std::string why;
};
struct TimePassed {};
struct Stopped {
  std::string why;
};
struct ManagerRestarted {
  std::uint64_t epoch = 0;
  Duration away;  // until then
};

struct Input {
  Instant at;
  std::variant<SessionOpened, MessageCame, SessionLost, TimePassed, Stopped, ManagerRestarted> what;
};

Outputs apply(ManagerCore& core, const Input& input);

}  // namespace selmcast::manager
