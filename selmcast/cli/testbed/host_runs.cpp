#include "selmcast/cli/testbed/host_runs.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "selmcast/cli/line_tail.h"
#include "selmcast/testbed/child_process.h"
#include "selmcast/testbed/conductor.h"

namespace selmcast::testbed {
namespace {

namespace fs = std::filesystem;

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size())
    text.replace(at, what.size(), by);
}

// A folder that goes with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "selmcast-run-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// What the hosts print, as it comes.
class Outputs {
 public:
  void add(const std::string& host, const fs::path& out, const fs::path& err) {
    tails_.push_back({host, cli::LineTail(out), stdout});
    tails_.push_back({host, cli::LineTail(err), stderr});
  }
  void show() {
    for (Tail& tail : tails_) {
      for (const std::string& line : tail.lines.read()) fmt::print(tail.to, "[{}] {}\n", tail.host, line);
      std::fflush(tail.to);
    }
  }

 private:
  struct Tail {
    std::string host;
    cli::LineTail lines;
    std::FILE* to;
  };
  std::vector<Tail> tails_;
};

}  // namespace

Command command_for(const Description& description, std::size_t host, const Command& command) {
  const std::string hosts = std::to_string(description.hosts.size());
  const std::string& name = description.hosts[host].name;
  Command made = {"env",
                  "SELMCAST_HOST=" + name,
                  "RANK=" + std::to_string(host),
                  "WORLD_SIZE=" + hosts,
                  "LOCAL_RANK=0",
                  "MASTER_ADDR=" + address_of(0),
                  "MASTER_PORT=29500"};
  for (std::string word : command) {
    replace_all(word, "{host}", name);
    replace_all(word, "{address}", address_of(host));
    replace_all(word, "{rank}", std::to_string(host));
    replace_all(word, "{hosts}", hosts);
    made.push_back(std::move(word));
  }
  return made;
}

Result<std::vector<int>> run_on_hosts(const Testbed& bed, const HostRunOptions& options) {
  const TemporaryFolder folder;
  if (folder.path().empty()) return failure(ErrorCode::io, "cannot make a temporary folder");
  Outputs outputs;
  std::vector<ChildProcess> children;
  for (const std::size_t host : options.hosts) {
    const std::string& name = bed.description().hosts[host].name;
    ChildSpec spec{bed.command_in(host), folder.path() / (name + ".out"), folder.path() / (name + ".err"),
                   false};
    const Command command = command_for(bed.description(), host, options.command);
    spec.command.insert(spec.command.end(), command.begin(), command.end());
    auto child = ChildProcess::start(spec);
    if (!child) return std::unexpected(child.error());
    children.push_back(std::move(*child));
    outputs.add(name, spec.out, spec.err);
  }
  const Instant due = monotonic_now() + options.patience;
  constexpr timespec kPause{0, 20'000'000};
  while (std::ranges::any_of(children, [](ChildProcess& child) { return child.running(); })) {
    outputs.show();
    const bool stop = options.interrupted();
    if (stop || monotonic_now() > due) {
      end_all(children);
      outputs.show();
      if (stop) return failure(ErrorCode::cancelled, "interrupted");
      return failure(ErrorCode::timeout,
                     fmt::format("not all hosts were done within {} s, so they were ended",
                                 options.patience.in_seconds()));
    }
    nanosleep(&kPause, nullptr);
  }
  outputs.show();
  std::vector<int> statuses;
  for (ChildProcess& child : children) statuses.push_back(*child.ended());
  return statuses;
}

}  // namespace selmcast::testbed
