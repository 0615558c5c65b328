#include "selmcast/testbed/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>

namespace selmcast::testbed {
namespace {

const std::filesystem::path kFolder = "/run/netns";

struct Identity {
  dev_t device = 0;
  ino_t node = 0;
  bool operator==(const Identity&) const = default;
};

std::optional<Identity> identity_of(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return std::nullopt;
  return Identity{facts.st_dev, facts.st_ino};
}

bool is_in(pid_t pid, const Identity& space) {
  return identity_of("/proc/" + std::to_string(pid) + "/ns/net") == space;
}

// Signals the process if it still is inside; the descriptor keeps its id from being given to another meanwhile.
void signal_if_in(pid_t pid, const Identity& space, int number) {
  const auto descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return;  // gone
  if (is_in(pid, space)) syscall(SYS_pidfd_send_signal, descriptor, number, nullptr, 0);
  close(descriptor);
}

// Whether nobody was left; looks for at most so many twentieths of a second.
bool emptied(const std::vector<std::string>& names, int twentieths) {
  constexpr timespec kPause{0, 50'000'000};
  for (int looked = 0;; ++looked) {
    if (std::ranges::all_of(names, [](const std::string& name) { return processes_in(name).empty(); }))
      return true;
    if (looked == twentieths) return false;
    nanosleep(&kPause, nullptr);
  }
}

void signal_all(const std::vector<std::string>& names, int number) {
  for (const std::string& name : names) {
    const auto space = identity_of(kFolder / name);
    if (!space) continue;
    for (const pid_t pid : processes_in(name)) signal_if_in(pid, *space, number);
  }
}

}  // namespace

std::vector<std::string> namespaces() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder, ignored))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

std::vector<pid_t> processes_in(const std::string& name) {
  std::vector<pid_t> found;
  const auto space = identity_of(kFolder / name);
  if (!space) return found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string text = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error == std::errc() && end == text.data() + text.size() && is_in(pid, *space)) found.push_back(pid);
  }
  std::ranges::sort(found);
  return found;
}

Result<void> end_processes_in(const std::vector<std::string>& names) {
  if (emptied(names, 0)) return {};
  signal_all(names, SIGTERM);
  if (emptied(names, 20)) return {};
  signal_all(names, SIGKILL);
  if (emptied(names, 40)) return {};
  for (const std::string& name : names) {
    for (const pid_t pid : processes_in(name))
      return failure(ErrorCode::timeout, "process " + std::to_string(pid) + " in " + name + " does not die");
  }
  return {};
}

Result<void> inside(const std::string& name, const std::function<void()>& act) {
  const int space = open((kFolder / name).c_str(), O_RDONLY | O_CLOEXEC);
  if (space < 0) return failure(ErrorCode::io, "there is no namespace " + name + ": " + std::strerror(errno));
  int error = 0;
  std::thread([&] {
    if (setns(space, CLONE_NEWNET) == 0) {
      act();
    } else {
      error = errno;
    }
  }).join();
  close(space);
  if (error != 0)
    return failure(ErrorCode::io, "cannot enter namespace " + name + ": " + std::strerror(error));
  return {};
}

}  // namespace selmcast::testbed
