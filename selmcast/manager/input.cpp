#include "selmcast/manager/input.h"

#include "selmcast/base/overloaded.h"

namespace selmcast::manager {

Outputs apply(ManagerCore& core, const Input& input) {
  const Instant at = input.at;
  return std::visit(Overloaded{
                        [&](const SessionOpened& it) { return core.opened(it.session, at); },
                        [&](const MessageCame& it) { return core.message(it.session, it.message, at); },
                        [&](const SessionLost& it) { return core.closed(it.session, it.why, at); },
                        [&](const TimePassed&) { return core.tick(at); },
                        [&](const Stopped& it) { return core.stop(it.why, at); },
                        [&](const ManagerRestarted& it) { return core.restarted(it.epoch, it.away, at); },
                    },
                    input.what);
}

}  // namespace selmcast::manager
