#include "selmcast/testbed/registry.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "selmcast/base/json_count.h"

namespace selmcast::testbed {
namespace {

using nlohmann::json;

constexpr int kLockTwentieths = 600;  // 30 s

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Field 22 of /proc/PID/stat; empty if there is no such process. The name in field 2 may hold blanks and brackets.
std::string start_of(pid_t pid) {
  const std::string text = read_file(fmt::format("/proc/{}/stat", pid));
  const std::size_t after_name = text.rfind(')');
  if (after_name == text.npos) return {};
  std::istringstream fields(text.substr(after_name + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) {
    if (!(fields >> field)) return {};
  }
  return field;
}

json rate_json(net::LinkRate rate) { return rate.is_unlimited() ? json() : json(rate.bps()); }
net::LinkRate rate_from(const json& value) {
  return value.is_null() ? net::LinkRate::unlimited() : net::LinkRate::bits_per_second(value.get<double>());
}

}  // namespace

Registration owned_by_us(const std::string& name) {
  Registration mine;
  mine.name = name;
  mine.owner = getpid();
  mine.owner_started = start_of(mine.owner);
  mine.id = std::to_string(mine.owner);
  return mine;
}

bool is_dead(const Registration& registration) {
  return !registration.standing && start_of(registration.owner) != registration.owner_started;
}

std::string to_json(const Registration& registration) {
  json hosts = json::array();
  for (const Host& host : registration.description.hosts) {
    hosts.push_back({{"name", host.name},
                     {"uplink_line_bps", rate_json(host.uplink)},
                     {"downlink_line_bps", rate_json(host.downlink)}});
  }
  return json({{"schema", "selmcast.testbed_state/1"},
               {"name", registration.name},
               {"id", registration.id},
               {"owner", registration.owner},
               {"owner_started", registration.owner_started},
               {"standing", registration.standing},
               {"burst_bytes", registration.description.burst.count()},
               {"queue_seconds", registration.description.queue.in_seconds()},
               {"round_trip_seconds", registration.description.round_trip.in_seconds()},
               {"hosts", hosts}})
      .dump();
}

Result<Registration> registration_from_json(const std::string& text) {
  try {
    const json state = json::parse(text);
    Registration result;
    result.name = state.at("name");
    result.id = state.at("id");
    result.owner = count_at<pid_t>(state, "owner");
    result.owner_started = state.at("owner_started");
    result.standing = state.at("standing");
    result.description.burst = Bytes(count_at<std::int64_t>(state, "burst_bytes"));
    result.description.queue = Duration::seconds(state.at("queue_seconds"));
    result.description.round_trip = Duration::seconds(state.value("round_trip_seconds", 0.0));
    for (const json& host : state.at("hosts")) {
      result.description.hosts.push_back(
          {host.at("name"), rate_from(host.at("uplink_line_bps")), rate_from(host.at("downlink_line_bps"))});
    }
    return result;
  } catch (const json::exception& error) {
    return failure(ErrorCode::corrupt, error.what());
  }
}

Result<Registry> Registry::lock() {
  const auto refused = [](const char* what) {
    return failure(ErrorCode::io, fmt::format("{} {}: {}", what, folder().string(), std::strerror(errno)));
  };
  std::error_code error;
  std::filesystem::create_directories(folder(), error);
  if (error) return failure(ErrorCode::io, "cannot make " + folder().string() + ": " + error.message());
  const int descriptor = open((folder() / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return refused("cannot open the lock in");
  Registry registry(descriptor);
  constexpr timespec kPause{0, 50'000'000};
  for (int tried = 0; flock(descriptor, LOCK_EX | LOCK_NB) != 0; ++tried) {
    if (errno != EWOULDBLOCK && errno != EINTR) return refused("cannot lock");
    if (tried == kLockTwentieths) {
      return failure(ErrorCode::timeout,
                     "another selmcast testbed has been making or removing one for 30 s: see who "
                     "holds " +
                         (folder() / "lock").string());
    }
    nanosleep(&kPause, nullptr);
  }
  return registry;
}

Registry::Registry(Registry&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Registry::~Registry() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::vector<Registration> Registry::all() const {
  std::vector<Registration> result;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder(), ignored)) {
    if (entry.path().extension() != ".json") continue;
    if (auto known = registration_from_json(read_file(entry.path()))) result.push_back(std::move(*known));
  }
  std::ranges::sort(result, {}, &Registration::name);
  return result;
}

std::optional<Registration> Registry::find(const std::string& name) const {
  for (Registration& known : all()) {
    if (known.name == name) return std::move(known);
  }
  return std::nullopt;
}

Result<void> Registry::put(const Registration& registration) {
  const auto path = folder() / (registration.name + ".json");
  const auto draft = folder() / (registration.name + ".draft");
  std::ofstream file(draft, std::ios::trunc);
  file << to_json(registration) << '\n';
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(draft, path, error);
  if (!file || error) return failure(ErrorCode::io, "cannot write " + path.string());
  return {};
}

void Registry::remove(const std::string& name) {
  std::error_code ignored;
  std::filesystem::remove(folder() / (name + ".json"), ignored);
}

}  // namespace selmcast::testbed
