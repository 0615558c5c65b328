// Which testbeds there are on this machine, so that none is forgotten and none is taken for another's.
//
// A file NAME.json a testbed under /run/selmcast-testbed, written before its first namespace is made and removed after
// the last one is gone. A testbed belongs to the process that made it (`owner`, told by id and start time, since ids
// are used again), unless it is `standing`: `selmcast testbed up` has ended and left it for later commands. One that
// does not stand and whose owner is dead is dead itself: whoever comes next sweeps it up. So is a namespace with a
// testbed's name that no file knows.
//
// All changes are made under an exclusive lock (Registry holds it while it lives; waiting for it is bounded). A file is
// replaced as a whole, so that a killed process leaves the old or the new one. Thread rule: one at a time a process.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/testbed/description.h"

namespace selmcast::testbed {

struct Registration {
  std::string name;  // for people: "default", "demo-4711"
  std::string
      id;  // in the names of its namespaces: the owner's process id, with more digits if that was taken
  pid_t owner = 0;
  std::string owner_started;  // in clock ticks since boot
  bool standing = false;
  Description description;  // hosts and shapers as made; without events
};

// This process.
Registration owned_by_us(const std::string& name);

// Neither standing nor owned by a process that lives.
bool is_dead(const Registration& registration);

// Pure: the file's text, and back. Error (corrupt) for what we did not write.
std::string to_json(const Registration& registration);
Result<Registration> registration_from_json(const std::string& text);

class Registry {
 public:
  static std::filesystem::path folder() { return "/run/selmcast-testbed"; }

  // Error: io (no root), timeout (another command has held the lock for 30 s).
  static Result<Registry> lock();
  Registry(Registry&& other) noexcept;
  Registry& operator=(Registry&&) = delete;
  ~Registry();  // unlocks

  std::vector<Registration> all() const;  // by name
  std::optional<Registration> find(const std::string& name) const;
  Result<void> put(const Registration& registration);
  void remove(const std::string& name);

 private:
  explicit Registry(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace selmcast::testbed
