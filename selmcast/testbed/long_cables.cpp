#include "selmcast/testbed/long_cables.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <optional>

#include "selmcast/testbed/conductor.h"
#include "selmcast/testbed/namespaces.h"

namespace selmcast::testbed {
namespace {

constexpr int kReadsInARow = 64;  // of one device, before the others have their turn

// In the namespace of the calling thread. -1 and errno.
int open_tap(const std::string& name) {
  const int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) return -1;
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(device, TUNSETIFF, &request) == 0) return device;
  const int error = errno;
  close(device);
  errno = error;
  return -1;
}

// One way of one cable.
struct Lane {
  int from = -1, to = -1;
  struct Held {
    Instant due;
    std::vector<char> frame;
  };
  std::deque<Held> held = {};
  Bytes holds = {};

  void take(Duration delay) {
    std::array<char, 65'536> buffer;
    for (int reads = 0; reads < kReadsInARow; ++reads) {
      const ssize_t count = read(from, buffer.data(), buffer.size());
      if (count <= 0) return;
      if (holds + Bytes(count) > LongCables::kHeldMost) continue;
      holds += Bytes(count);
      held.push_back({monotonic_now() + delay, {buffer.data(), buffer.data() + count}});
    }
  }
  void give(Instant now) {
    for (; !held.empty() && held.front().due <= now; held.pop_front()) {
      const std::vector<char>& frame = held.front().frame;
      holds -= Bytes(static_cast<std::int64_t>(frame.size()));
      // A device that is not up yet takes nothing: lost, as on a cable that is not plugged in.
      if (write(to, frame.data(), frame.size()) < 0) continue;
    }
  }
};

[[noreturn]] void carry_frames(std::vector<Lane>& lanes, Duration delay) {
  std::vector<pollfd> polled;
  for (const Lane& lane : lanes) polled.push_back({lane.from, POLLIN, 0});
  while (true) {
    Instant due = Instant::never();
    for (const Lane& lane : lanes) {
      if (!lane.held.empty()) due = std::min(due, lane.held.front().due);
    }
    const double wait = due == Instant::never() ? 60 : std::max(0.0, (due - monotonic_now()).in_seconds());
    const auto seconds = static_cast<time_t>(wait);
    const timespec timeout{seconds, static_cast<long>((wait - static_cast<double>(seconds)) * 1e9)};
    ppoll(polled.data(), polled.size(), &timeout, nullptr);
    for (std::size_t k = 0; k < lanes.size(); ++k) {
      if ((polled[k].revents & (POLLERR | POLLNVAL)) != 0) _exit(1);  // the device is gone
      if (polled[k].revents != 0) lanes[k].take(delay);
    }
    for (Lane& lane : lanes) lane.give(monotonic_now());
  }
}

// What a process that outlives its maker must not have of it: signals' handlers, terminal, files.
void let_go_of_everything_but(const std::vector<Lane>& lanes) {
  setsid();
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE}) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<unsigned> kept;
  for (const Lane& lane : lanes) kept.push_back(static_cast<unsigned>(lane.from));
  std::ranges::sort(kept);
  unsigned first = 0;
  for (const unsigned descriptor : kept) {
    if (descriptor > first) close_range(first, descriptor - 1, 0);
    first = descriptor + 1;
  }
  close_range(first, UINT_MAX, 0);
}

}  // namespace

LongCables::~LongCables() {
  for (const Cable& cable : cables_) close(cable.host), close(cable.port);
}

Result<void> LongCables::lay(const std::string& host_namespace, const std::string& port) {
  int error = 0;
  const auto open_in = [&](const std::string& where, const std::string& name) -> Result<int> {
    int device = -1;
    auto entered = inside(where, [&] {
      device = open_tap(name);
      error = errno;
    });
    if (!entered) return std::unexpected(entered.error());
    if (device >= 0) return device;
    return failure(ErrorCode::io, "making the TAP device " + name + " in " + where + ": " +
                                      std::strerror(error) +
                                      "; a testbed with a round trip needs /dev/net/tun (modprobe tun)");
  };
  const auto host = open_in(host_namespace, "eth0");
  if (!host) return std::unexpected(host.error());
  Cable& cable = cables_.emplace_back();
  cable.host = *host;
  const auto far = open_in(switch_, port);
  if (!far) return std::unexpected(far.error());
  cable.port = *far;
  return {};
}

Result<void> LongCables::carry(Duration delay) {
  const int space = open(("/run/netns/" + switch_).c_str(), O_RDONLY | O_CLOEXEC);
  if (space < 0) return failure(ErrorCode::io, "there is no namespace " + switch_);
  std::vector<Lane> lanes;
  for (const Cable& cable : cables_) {
    lanes.push_back({.from = cable.host, .to = cable.port});
    lanes.push_back({.from = cable.port, .to = cable.host});
  }
  const pid_t child = fork();
  if (child == 0) {
    if (setns(space, CLONE_NEWNET) != 0) _exit(1);
    if (const pid_t carrier = fork(); carrier != 0)
      _exit(carrier < 0 ? 1 : 0);  // so that it is nobody's child
    let_go_of_everything_but(lanes);
    carry_frames(lanes, delay);
  }
  close(space);
  int status = 1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (child > 0 && status == 0) return {};
  return failure(ErrorCode::io, "starting the process that carries frames over long cables in " + switch_);
}

}  // namespace selmcast::testbed
