// A testbed on this machine: made, changed, and always removed again.
//
//     auto bed = Testbed::make(description, {.name = "demo-4711"});
//     if (!bed) return complain(bed.error().message);
//     run(bed->command_in(0) + {"my", "program"});         // ip netns exec ... my program
//     bed->apply(ChangeRates{"w1", {}, net::LinkRate::megabits_per_second(20)});
//                                                           // the destructor removes it, with whoever is still inside
//
// Promises.
// - Nothing of the machine is touched but /run/netns, /run/selmcast-testbed and processes inside the namespaces.
// - make() and sweep() first remove what dead testbeds left behind (registry.h says when one is dead). So whatever
//   way a process ended, kill -9 in the middle of make() included, the next one cleans up after it.
// - If make() fails half way, it removes what it had made.
// - Testbeds do not disturb each other but by the processor they share; two of one name are refused.
// Thread rule: one thread at a time, but apply() may be called from any while no other member runs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/testbed/commands.h"
#include "selmcast/testbed/description.h"
#include "selmcast/testbed/registry.h"

namespace selmcast::testbed {

struct MakeOptions {
  std::string name;
  bool standing = false;  // stays when this process ends, until somebody removes it
  std::function<bool()> interrupted = [] { return false; };
};

class Testbed {
 public:
  // Error: io (no root; a command of ip or tc failed), invalid_input (the description), rejected (a testbed of this
  // name is there), cancelled (interrupted).
  static Result<Testbed> make(const Description& description, const MakeOptions& options);
  // One that stands. Error (unavailable) if there is none of this name. Leaves it standing when destroyed.
  static Result<Testbed> attach(const std::string& name);

  Testbed(Testbed&& other) noexcept;
  Testbed& operator=(Testbed&&) = delete;
  ~Testbed();  // removes it, unless it stands; an error is printed

  // Removes it, with all processes inside. Error (timeout, io): what could not be removed; it can be tried again.
  Result<void> remove();

  const Description& description() const { return mine_.description; }
  const std::string& id() const { return mine_.id; }
  std::string namespace_of(std::size_t host) const;
  // What to put before a command to have it run on this host.
  Command command_in(std::size_t host) const;

  // ChangeRates, Cut, Heal. Traffic is not applied but sent: traffic.h.
  Result<void> apply(const Happening& what);

 private:
  explicit Testbed(Registration mine) : mine_(std::move(mine)) {}
  Result<void> build(const MakeOptions& options);
  Result<void> change_rates(std::size_t host, const ChangeRates& rates);
  Registration mine_;
  bool owned_ = false;  // there is something to remove in the end
};

// Error (io) with the remedy if this process may not make namespaces.
Result<void> check_privileges();

// Removes what dead testbeds left behind; their names. Error: what could not be removed.
Result<std::vector<std::string>> sweep();

}  // namespace selmcast::testbed
