// The manager's journal: everything that came into its core and everything it decided, one JSON object a line
// (docs/run_folder.md). The one event stream from which reports, metrics and replays are fed.
//
// A replay feeds the recorded inputs to a new core and compares all that it decides (plans, rounds, departures) with
// what was recorded: same settings, same seed and same observations give the same decisions, to the last bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/manager/input.h"

namespace selmcast::manager {

class Journal {
 public:
  // An empty path: nothing is written. Error (io) if the file cannot be made.
  static Result<std::unique_ptr<Journal>> create(const std::filesystem::path& path,
                                                 const ManagerSettings& settings, Instant now);

  void input(const Input& input);
  // `deciding`: the time that the core took for the outputs it stands among.
  void output(const Output& output, Instant now, Duration deciding);
  // Error (io) if anything of it could not be written.
  Result<void> finish();

 private:
  Journal() = default;
  void write(const std::string& line);
  std::ofstream file_;
  std::string path_;
  std::string planner_;
  Duration last_plan_took_;
};

struct ReplaySummary {
  std::uint64_t inputs = 0;
  std::uint64_t plans = 0;  // compared, all equal
};
// Error (io, invalid_input) for a journal that cannot be read, (corrupt) for the first decision that differs; each with
// file and line. A journal that breaks off in the middle of a line, as that of a killed manager, is replayed up to
// there.
Result<ReplaySummary> replay(const std::filesystem::path& path);

}  // namespace selmcast::manager
