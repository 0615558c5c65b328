// A few seconds of fuzzing in every test run: files that are right, mutated from seeds.
#include "tests/fuzz/files_fuzz.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/testbed/registry.h"
#include "selmcast/train/snapshot.h"

namespace selmcast::fuzz {
namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::byte>;

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string zipped(const std::string& text) {
  const fs::path path = fs::temp_directory_path() / ("selmcast-fuzz-" + std::to_string(getpid()) + ".gz");
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  std::string bytes = content(path);
  fs::remove(path);
  return bytes;
}

std::string both(const std::string& first, const std::string& second) {
  return std::string{static_cast<char>(first.size() & 255), static_cast<char>(first.size() >> 8)} + first +
         second;
}

// Two examples: big-endian headers, then the bytes.
std::string two_examples() {
  const auto number = [](unsigned value) {
    return std::string{static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                       static_cast<char>(value >> 8), static_cast<char>(value)};
  };
  const std::string images =
      zipped(number(0x803) + number(2) + number(28) + number(28) + std::string(2 * 784, '\7'));
  const std::string labels = zipped(number(0x801) + number(2) + std::string{'\1', '\2'});
  return both(images, labels);
}

std::string written_snapshot() {
  const fs::path folder = fs::temp_directory_path() / ("selmcast-fuzz-" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::vector<float> parameters = {1, 2, 3};
  const train::SnapshotName name{Round(1), WorkerId(2)};
  EXPECT_TRUE(train::write_snapshot(folder, name, Instant::at_seconds(4), parameters).has_value());
  std::string bytes = content(train::snapshot_path(folder, name));
  fs::remove_all(folder);
  return bytes;
}

constexpr const char* kTestbed =
    R"({"schema": "selmcast.testbed/1", "hosts": [{"name": "a", "uplink_line_bps": 4e8},
 {"name": "b"}], "events": [{"at_seconds": 2, "event": "rate", "host": "a", "downlink_line_bps": 1e7},
 {"at_seconds": 3, "event": "cut", "host": "b"}, {"at_seconds": 4, "event": "heal", "host": "b"},
 {"at_seconds": 5, "event": "traffic", "from": "a", "to": "b", "line_bps": 5e6, "seconds": 1.5}]})";

std::string registration() {
  testbed::Registration it = testbed::owned_by_us("fuzz");
  it.description.hosts = {{"a", {}, {}}, {"b", {}, {}}};
  return testbed::to_json(it);
}

Input as(FileKind kind, const std::string& text) {
  Input input{static_cast<std::byte>(kind)};
  for (const char letter : text) input.push_back(static_cast<std::byte>(letter));
  return input;
}

std::vector<Input> right_files() {
  const fs::path data = SELMCAST_SOURCE_DIR "/tests";
  return {
      as(FileKind::compute_times, "seconds\n0.5\n# half\n1.25\n0.75\n"),
      as(FileKind::events, "time_s,worker,event\n1,w0,leave\n2,w0,join\n3,w1,slow=2.5\n4.5,w2,crash\n"),
      as(FileKind::bandwidth_trace, "time_s,worker,uplink_bps,downlink_bps\n0,w0,1e9,2e9\n1.5,w1,3e8,4e8\n"),
      as(FileKind::testbed, kTestbed),
      as(FileKind::registration, registration()),
      as(FileKind::snapshot, written_snapshot()),
      as(FileKind::data_set, two_examples()),
      as(FileKind::journal, content(data / "fuzz/journal.jsonl")),
      as(FileKind::run_folder, both(content(data / "data/report/small/demo.json"),
                                    content(data / "data/report/small/paper/journal.jsonl")))};
}

TEST(FilesFuzz, RightFilesAreTaken) {
  const char* seeds = std::getenv("SELMCAST_FUZZ_SEEDS");
  for (const Input& input : right_files()) {
    EXPECT_TRUE(fuzz_file(input)) << "kind " << std::to_integer<int>(input[0]);
    if (seeds == nullptr) continue;
    std::ofstream(fs::path(seeds) / ("right-" + std::to_string(std::to_integer<int>(input[0]))),
                  std::ios::binary)
        .write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
  }
}

// Bytes that mean something in one of these files, and others.
std::byte letter(Rng& rng) {
  constexpr char kMeans[] = "0123456789.,-+eE{}[]:\"\n w#=";
  return rng.below(3) == 0 ? static_cast<std::byte>(rng.below(256))
                           : static_cast<std::byte>(kMeans[rng.below(sizeof kMeans - 1)]);
}

TEST(FilesFuzz, NoFileDoesHarm) {
  const std::vector<Input> right = right_files();
  std::size_t taken = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    Rng rng(seed);
    Input input = right[rng.below(right.size())];
    for (std::size_t left = 1 + rng.below(6); left > 0; --left) {
      const std::size_t at = 1 + rng.below(input.size() - 1);
      switch (rng.below(4)) {
        case 0: input.erase(input.begin() + static_cast<std::ptrdiff_t>(at)); break;
        case 1: input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), letter(rng)); break;
        default: input[at] = letter(rng);
      }
      if (input.size() < 3) break;
    }
    if (rng.below(8) == 0) input.resize(1 + rng.below(input.size()));
    ++(fuzz_file(input) ? taken : refused);
  }
  EXPECT_GT(taken, 100u);
  EXPECT_GT(refused, 1'000u);
}

}  // namespace
}  // namespace selmcast::fuzz
