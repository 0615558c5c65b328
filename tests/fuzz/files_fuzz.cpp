#include "tests/fuzz/files_fuzz.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "selmcast/base/check.h"
#include "selmcast/cli/cluster_files.h"
#include "selmcast/cli/report/run_record.h"
#include "selmcast/cli/testbed/description_json.h"
#include "selmcast/manager/journal.h"
#include "selmcast/testbed/registry.h"
#include "selmcast/train/idx_dataset.h"
#include "selmcast/train/snapshot.h"

namespace selmcast::fuzz {
namespace {

namespace fs = std::filesystem;

// In memory; gone when the process ends.
struct Folder {
  fs::path path = (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
                  ("selmcast-files-fuzz-" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string write(const std::string& name, std::span<const std::byte> bytes) const {
    const fs::path file = path / name;
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return file.string();
  }
};

template <class Value>
bool taken(const Result<Value>& result) {
  SELMCAST_CHECK(result.has_value() || !result.error().message.empty(), "who is refused is told why");
  return result.has_value();
}

bool is_time(Duration time) { return std::isfinite(time.in_seconds()) && time >= Duration(); }

bool events(const std::string& file) {
  const auto read = cli::read_cluster_events(file);
  if (!taken(read)) return false;
  for (const sim::ClusterEvent& event : *read) {
    SELMCAST_CHECK(is_time(event.time - Instant()), "events have a time");
    SELMCAST_CHECK(std::isfinite(event.factor) && event.factor >= 0, "and a factor");
  }
  return true;
}

bool trace(const std::string& file) {
  const auto read = cli::read_bandwidth_trace(file);
  if (!taken(read)) return false;
  for (const sim::BandwidthStep& step : *read)
    SELMCAST_CHECK(is_time(step.time - Instant()), "steps have a time");
  return true;
}

bool description(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto read = testbed::parse_description(text, "fuzz");
  if (!taken(read)) return false;
  SELMCAST_CHECK(!read->hosts.empty(), "a testbed has hosts");
  return true;
}

bool snapshot(const Folder& folder, std::span<const std::byte> bytes) {
  const train::SnapshotName name{Round(1), WorkerId(2)};
  folder.write(train::snapshot_path("", name).filename().string(), bytes);
  const auto read = train::read_snapshot(folder.path, name);
  if (!taken(read)) return false;
  SELMCAST_CHECK(read->name == name && 40 + 4 * read->parameters.size() == bytes.size(),
                 "a snapshot is what its file says");
  return true;
}

// Two bytes: the length of the first file; then that, then the second one.
struct TwoFiles {
  std::span<const std::byte> first, second;
  explicit TwoFiles(std::span<const std::byte> bytes) {
    if (bytes.size() < 2) return;
    const auto length = std::min<std::size_t>(
        std::to_integer<std::size_t>(bytes[0]) + 256 * std::to_integer<std::size_t>(bytes[1]),
        bytes.size() - 2);
    first = bytes.subspan(2, length);
    second = bytes.subspan(2 + length);
  }
};

bool data_set(const Folder& folder, const TwoFiles& files) {
  folder.write("t10k-images-idx3-ubyte.gz", files.first);
  folder.write("t10k-labels-idx1-ubyte.gz", files.second);
  const auto read = train::load_dataset(folder.path, train::Split::test);
  if (!taken(read)) return false;
  SELMCAST_CHECK(read->pixels.size() == 784 * read->labels.size(), "an image for each label");
  for (const std::uint8_t label : read->labels) SELMCAST_CHECK(label < 10, "labels are below 10");
  return true;
}

bool run_folder(const Folder& folder, const TwoFiles& files) {
  fs::create_directories(folder.path / "paper");
  folder.write("demo.json", files.first);
  folder.write("paper/journal.jsonl", files.second);
  return taken(report::read_run_folder(folder.path));
}

}  // namespace

bool fuzz_file(std::span<const std::byte> input) {
  static const Folder folder;
  const auto kind =
      static_cast<FileKind>(input.empty() ? 0 : std::to_integer<std::size_t>(input[0]) % kFileKinds);
  const auto bytes = input.empty() ? input : input.subspan(1);
  switch (kind) {
    case FileKind::compute_times: return taken(cli::read_compute_times(folder.write("file", bytes)));
    case FileKind::events: return events(folder.write("file", bytes));
    case FileKind::bandwidth_trace: return trace(folder.write("file", bytes));
    case FileKind::testbed: return description(bytes);
    case FileKind::registration:
      return taken(testbed::registration_from_json(
          std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
    case FileKind::snapshot: return snapshot(folder, bytes);
    case FileKind::data_set: return data_set(folder, TwoFiles(bytes));
    case FileKind::journal: return taken(manager::replay(folder.write("journal.jsonl", bytes)));
    case FileKind::run_folder: return run_folder(folder, TwoFiles(bytes));
  }
  return false;
}

}  // namespace selmcast::fuzz

// What libFuzzer calls; nobody else does.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  selmcast::fuzz::fuzz_file(std::as_bytes(std::span(data, size)));
  return 0;
}
