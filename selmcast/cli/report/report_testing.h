// For tests of the report: folders that go away, a made-up training, and a check that XML is well formed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace selmcast::report {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  void write(const std::filesystem::path& relative, std::string_view content) const;
  std::string read(const std::filesystem::path& relative) const;

 private:
  std::filesystem::path path_;
};

struct SampleOptions {
  std::uint64_t workers = 8;
  std::uint64_t rounds = 30;
  std::uint64_t seeds = 1;       // of each planner
  std::string name_suffix = {};  // to every worker's name, the model's name and the departure's reason
  bool unpaced = true;           // a paper run with TCP left alone, too
};

// Writes a run folder with planners paper, random and broadcast, from a crude model of what they do: enough
// that pictures look like those of a training. The same options give the same bytes.
void write_sample(const std::filesystem::path& folder, const SampleOptions& options);

// Empty if `text` is well formed (tags nest, attributes are quoted, entities are known, no stray < or &),
// else what is wrong and where. Knows what our own files use: elements, text, comments, a prolog and a
// DOCTYPE.
std::string xml_fault(std::string_view text);

}  // namespace selmcast::report
