// Ours on a testbed: `selmcast manager` and net workers.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/net/cell_runs.h"
#include "selmcast/testbed/conductor.h"

namespace selmcast::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testbed::ChildProcess;
using testbed::ChildSpec;

constexpr Duration kListenPatience = Duration::seconds(20);
constexpr Duration kStartPatience = Duration::seconds(30);

void pause_briefly() {
  constexpr timespec kPause{0, 20'000'000};
  nanosleep(&kPause, nullptr);
}

std::string last_line(const fs::path& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

ChildSpec on_host(const testbed::Testbed& bed, std::size_t host, const testbed::Command& command,
                  const fs::path& out, const fs::path& log) {
  ChildSpec spec{bed.command_in(host), out, log, false};
  spec.command.insert(spec.command.end(), command.begin(), command.end());
  return spec;
}

Result<std::string> wait_for_address(const fs::path& file, ChildProcess& manager, const fs::path& log) {
  const Instant due = testbed::monotonic_now() + kListenPatience;
  while (testbed::monotonic_now() < due) {
    if (const std::string line = last_line(file); line.find(':') != line.npos) return line;
    if (!manager.running()) return failure(ErrorCode::unavailable, "the manager ended: " + last_line(log));
    pause_briefly();
  }
  return failure(ErrorCode::timeout, "the manager does not listen");
}

// What the journal says of each round but the first.
Result<Bytes> read_journal(const fs::path& path, NetCell& cell) {
  std::ifstream file(path);
  Bytes sent;
  bool first = true;
  for (std::string line; std::getline(file, line);) {
    if (line.find("\"event\":\"round\"") == line.npos) continue;
    if (std::exchange(first, false)) continue;
    const json round = json::parse(line, nullptr, false);
    if (round.is_discarded()) return failure(ErrorCode::corrupt, path.string() + ": a line that is no JSON");
    cell.bounds.push_back(Duration::seconds(round["bound_seconds"]));
    cell.prediction_errors.push_back(
        round["delivery_seconds"].get<double>() / round["predicted_seconds"].get<double>() - 1);
    for (const json& delivery : round["deliveries"]) {
      if (delivery["state"] == "committed") sent += Bytes(delivery["bytes"].get<std::int64_t>());
    }
  }
  return sent;
}

}  // namespace

Result<void> wait_for_all(std::vector<NamedChild>& children, Duration patience,
                          const std::function<bool()>& interrupted) {
  const Instant due = testbed::monotonic_now() + patience;
  while (true) {
    bool running = false;
    for (NamedChild& named : children) {
      const auto ended = named.child.ended();
      running = running || !ended;
      if (ended.value_or(0) != 0) {
        return failure(ErrorCode::unavailable,
                       fmt::format("{} ended with status {}: {}", named.name, *ended, last_line(named.log)));
      }
    }
    if (!running) return {};
    if (interrupted()) return failure(ErrorCode::cancelled, "interrupted");
    if (testbed::monotonic_now() > due)
      return failure(ErrorCode::timeout, fmt::format("not done within {:.0f} s", patience.in_seconds()));
    pause_briefly();
  }
}

Result<std::vector<HostRepeat>> read_repeats(const fs::path& path) {
  std::vector<HostRepeat> repeats;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    auto repeat = parse_host_repeat(line);
    if (!repeat) return std::unexpected(with_context(path.string(), repeat.error()));
    repeats.push_back(*repeat);
  }
  return repeats;
}

Result<NetCell> run_ours(const CellOptions& options) {
  const NetSetup& setup = *options.setup;
  const testbed::Testbed& bed = *options.bed;
  const std::size_t workers = setup.workers();
  const NetContender& contender = options.contender;
  const fs::path& folder = options.folder;
  std::vector<NamedChild> children;
  const auto start = [&](const std::string& name, const ChildSpec& spec) -> Result<void> {
    auto child = ChildProcess::start(spec);
    if (!child) return std::unexpected(child.error());
    children.push_back({name, spec.err, std::move(*child)});
    return {};
  };
  testbed::Command manager = {options.selmcast,
                              "manager",
                              "--die-with-parent",
                              "--port",
                              "0",
                              "--insecure-listen",
                              testbed::address_of(workers),
                              "--workers",
                              std::to_string(workers),
                              "--planner",
                              contender.planner,
                              "--min-receivers",
                              std::to_string(contender.min_receivers),
                              "--max-age",
                              std::to_string(kNetMaxAge),
                              "--journal",
                              folder / "journal.jsonl"};
  if (!contender.paced) manager.push_back("--unpaced");
  const fs::path address_file = folder / "manager.address";
  auto started = start("manager", on_host(bed, workers, manager, address_file, folder / "manager.log"));
  if (!started) return std::unexpected(started.error());
  const auto address = wait_for_address(address_file, children[0].child, folder / "manager.log");
  if (!address) return std::unexpected(address.error());
  for (std::size_t k = 0; k < workers; ++k) {
    const testbed::Host& host = setup.network.hosts[k];
    const testbed::Command command = {options.selmcast,
                                      "bench",
                                      "net-worker",
                                      "--manager",
                                      *address,
                                      "--name",
                                      host.name,
                                      "--elements",
                                      std::to_string(kNetVolume.count() / 4),
                                      "--rounds",
                                      std::to_string(options.repeats),
                                      "--uplink-bps",
                                      fmt::format("{:.0f}", host.uplink.payload().bps()),
                                      "--downlink-bps",
                                      fmt::format("{:.0f}", host.downlink.payload().bps())};
    const fs::path out = folder / (host.name + ".jsonl");
    started = start(host.name, on_host(bed, k, command, out, folder / (host.name + ".log")));
    if (!started) return std::unexpected(started.error());
  }
  const Duration patience = kStartPatience + Duration::seconds(60) * static_cast<double>(options.repeats + 1);
  if (auto done = wait_for_all(children, patience, options.interrupted); !done)
    return std::unexpected(done.error());

  NetCell cell{.setup = setup.name, .contender = contender.name, .ours = true};
  const auto sent = read_journal(folder / "journal.jsonl", cell);
  if (!sent) return std::unexpected(sent.error());
  std::vector<std::vector<HostRepeat>> repeats;
  for (std::size_t k = 0; k < workers; ++k) {
    auto of_host = read_repeats(folder / (setup.network.hosts[k].name + ".jsonl"));
    if (!of_host) return std::unexpected(of_host.error());
    repeats.push_back(std::move(*of_host));
  }
  if (auto added = add_repeats(repeats, *sent, cell); !added) return std::unexpected(added.error());
  return cell;
}

}  // namespace selmcast::bench
