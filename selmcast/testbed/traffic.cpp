#include "selmcast/testbed/traffic.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "selmcast/testbed/namespaces.h"

namespace selmcast::testbed {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPayload = 1472;  // fills a frame of kFrameBytes: 14 + 20 + 8 of headers
constexpr auto kTick = std::chrono::milliseconds(2);
constexpr auto kCatchUp = std::chrono::milliseconds(20);

Result<int> open_socket(const std::string& space, const std::string& address, bool connected,
                        sockaddr_in& endpoint) {
  int opened = -1;
  std::string why;
  auto entered = inside(space, [&] {
    opened = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | (connected ? SOCK_NONBLOCK : 0), 0);
    if (!connected) {
      endpoint = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
      inet_pton(AF_INET, address.c_str(), &endpoint.sin_addr);
    }
    auto* generic = reinterpret_cast<sockaddr*>(&endpoint);
    socklen_t length = sizeof endpoint;
    const int status = connected ? connect(opened, generic, length) : bind(opened, generic, length);
    if (status == 0 && !connected) getsockname(opened, generic, &length);
    if (opened < 0 || status != 0) why = std::strerror(errno);
  });
  if (!entered) return std::unexpected(entered.error());
  if (why.empty()) return opened;
  if (opened >= 0) close(opened);
  return failure(ErrorCode::io, fmt::format("a socket for {} in {}: {}", address, space, why));
}

}  // namespace

Result<std::unique_ptr<RunningTraffic>> RunningTraffic::start(const TrafficRoute& route) {
  sockaddr_in endpoint{};
  const auto receiver = open_socket(route.to_namespace, route.to_address, false, endpoint);
  if (!receiver) return std::unexpected(receiver.error());
  const auto sender = open_socket(route.from_namespace, route.to_address, true, endpoint);
  if (!sender) {
    close(*receiver);
    return std::unexpected(sender.error());
  }
  return std::unique_ptr<RunningTraffic>(new RunningTraffic(*sender, *receiver, route));
}

RunningTraffic::RunningTraffic(int sender, int receiver, const TrafficRoute& route)
    : sender_(sender), receiver_(receiver), thread_([this, route] { send_all(route); }) {}

RunningTraffic::~RunningTraffic() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
  close(sender_);
  close(receiver_);
}

bool RunningTraffic::running() const {
  const std::lock_guard lock(mutex_);
  return !done_;
}

void RunningTraffic::send_all(TrafficRoute route) {
  const std::array<char, kPayload> payload{};
  const double frames_a_second = route.rate.bps() / net::kFrameBytes.in_bits();
  const auto start = Clock::now();
  double owed = 0;  // frames
  auto before = start;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kTick, [this] { return stop_; })) {
    const auto now = Clock::now();
    if (std::chrono::duration<double>(now - start).count() >= route.lasts.in_seconds()) break;
    owed += frames_a_second *
            std::chrono::duration<double>(std::min<Clock::duration>(now - before, kCatchUp)).count();
    before = now;
    // A full socket buffer means that the own uplink is the bottleneck: what does not fit is lost.
    for (; owed >= 1; owed -= 1) send(sender_, payload.data(), payload.size(), 0);
  }
  done_ = true;
}

}  // namespace selmcast::testbed
