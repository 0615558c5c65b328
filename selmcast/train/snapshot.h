// Snapshot files: how a worker hands its model to the evaluator after a round.
//
// A folder holds
//     snapshot-ROUND-WORKER.f32   the parameters of worker WORKER (its rank, from 0) after round ROUND (from
//     0) gone-WORKER                 (empty) the worker will write no more snapshots
// A snapshot is 40 bytes of header and then the parameters, all little-endian, floats and doubles IEEE 754:
//     offset  0  8 bytes   magic "SMCSNAP1"
//             8  uint32    worker
//            12  uint32    0
//            16  uint64    round
//            24  float64   at_seconds, since the start of the run
//            32  uint64    count of parameters, 1 .. kSnapshotParametersMax
//            40  float32   count times
// A snapshot appears under its name in one step (written as .tmp-..., then renamed), so no reader sees half
// of one. Thread rule: functions and values, nothing shared.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"

namespace selmcast::train {

inline constexpr std::uint64_t kSnapshotParametersMax = std::uint64_t{1} << 28;  // 1 GiB of float32

struct SnapshotName {
  Round round;
  WorkerId worker;
  auto operator<=>(const SnapshotName&) const = default;
};
struct GoneName {
  WorkerId worker;
};

struct Snapshot {
  SnapshotName name;
  Instant at;
  std::vector<float> parameters;
};

std::filesystem::path snapshot_path(const std::filesystem::path& folder, SnapshotName name);

// Writes one snapshot; an older one of that name is replaced. Requires parameters within the limits above.
// Error (io) naming the file; no file is left behind then.
Result<void> write_snapshot(const std::filesystem::path& folder, SnapshotName name, Instant at,
                            std::span<const float> parameters);

// Error: io if it cannot be read; corrupt if it is no snapshot, not the one its name says, or not exactly as
// long as its header says.
Result<Snapshot> read_snapshot(const std::filesystem::path& folder, SnapshotName name);

// Says that the worker will write no more snapshots.
Result<void> write_gone(const std::filesystem::path& folder, WorkerId worker);

// What a file name in the folder means; nothing for all other names.
std::optional<std::variant<SnapshotName, GoneName>> parse_snapshot_file(std::string_view file_name);

}  // namespace selmcast::train
