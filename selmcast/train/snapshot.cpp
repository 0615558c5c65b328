#include "selmcast/train/snapshot.h"

#include <fmt/core.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <ios>
#include <string>
#include <system_error>

#include "selmcast/base/check.h"

namespace selmcast::train {
namespace {

static_assert(std::endian::native == std::endian::little, "snapshots are written as they lie in memory");

constexpr std::array<char, 8> kMagic = {'S', 'M', 'C', 'S', 'N', 'A', 'P', '1'};

struct Header {
  std::array<char, 8> magic;
  std::uint32_t worker;
  std::uint32_t zero;
  std::uint64_t round;
  double at_seconds;
  std::uint64_t count;
};
static_assert(sizeof(Header) == 40, "the header has no padding");

// Takes a whole decimal number, without sign or leading zeros, off the front.
template <class Number>
std::optional<Number> take_number(std::string_view& text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const auto length = static_cast<std::size_t>(end - text.data());
  if (length > 1 && text.front() == '0') return std::nullopt;
  text.remove_prefix(length);
  return number;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Error corrupt(const std::filesystem::path& path, std::string_view what) {
  return {ErrorCode::corrupt,
          fmt::format("{} is no snapshot of this training: {}; empty the folder and run again", path.string(),
                      what)};
}

Result<Header> read_header(std::ifstream& in, const std::filesystem::path& path, SnapshotName name) {
  std::array<char, sizeof(Header)> bytes{};
  in.read(bytes.data(), bytes.size());
  if (in.gcount() != static_cast<std::streamsize>(bytes.size())) {
    return std::unexpected(corrupt(path, "its header is cut off"));
  }
  const auto header = std::bit_cast<Header>(bytes);
  if (header.magic != kMagic) return std::unexpected(corrupt(path, "it does not start with SMCSNAP1"));
  if (header.worker != name.worker.value() || header.round != name.round.value()) {
    return std::unexpected(
        corrupt(path, fmt::format("its header says worker {}, round {}", header.worker, header.round)));
  }
  if (header.count == 0 || header.count > kSnapshotParametersMax) {
    return std::unexpected(corrupt(path, fmt::format("it claims {} parameters", header.count)));
  }
  return header;
}

}  // namespace

std::filesystem::path snapshot_path(const std::filesystem::path& folder, SnapshotName name) {
  return folder / fmt::format("snapshot-{}-{}.f32", name.round.value(), name.worker.value());
}

Result<void> write_snapshot(const std::filesystem::path& folder, SnapshotName name, Instant at,
                            std::span<const float> parameters) {
  SELMCAST_CHECK(!parameters.empty() && parameters.size() <= kSnapshotParametersMax,
                 "a model has parameters");
  const auto final_path = snapshot_path(folder, name);
  const auto path = folder / (".tmp-" + final_path.filename().string());
  const Header header{kMagic, name.worker.value(), 0, name.round.value(), at.in_seconds(), parameters.size()};
  const auto header_bytes = std::bit_cast<std::array<char, sizeof(Header)>>(header);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(header_bytes.data(), header_bytes.size());
  out.write(reinterpret_cast<const char*>(parameters.data()),
            static_cast<std::streamsize>(parameters.size_bytes()));
  out.close();
  std::error_code renamed;
  if (out) std::filesystem::rename(path, final_path, renamed);
  if (out && !renamed) return {};
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return failure(ErrorCode::io, fmt::format("cannot write {}; does the folder exist, and is there space?",
                                            final_path.string()));
}

Result<Snapshot> read_snapshot(const std::filesystem::path& folder, SnapshotName name) {
  const auto path = snapshot_path(folder, name);
  std::ifstream in(path, std::ios::binary);
  if (!in) return failure(ErrorCode::io, fmt::format("cannot open {}; was it deleted?", path.string()));
  const auto header = read_header(in, path, name);
  if (!header) return std::unexpected(header.error());
  // Before any memory is taken for what the header claims.
  std::error_code error;
  const auto length = std::filesystem::file_size(path, error);
  const std::uint64_t wanted = sizeof(Header) + header->count * sizeof(float);
  if (error || length != wanted) {
    return std::unexpected(corrupt(path, fmt::format("it has {} bytes instead of {}", length, wanted)));
  }
  Snapshot snapshot{name, Instant::at_seconds(header->at_seconds), std::vector<float>(header->count)};
  const auto bytes = std::as_writable_bytes(std::span(snapshot.parameters));
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (in.gcount() != static_cast<std::streamsize>(bytes.size()))
    return std::unexpected(corrupt(path, "it is cut off"));
  return snapshot;
}

Result<void> write_gone(const std::filesystem::path& folder, WorkerId worker) {
  const auto path = folder / fmt::format("gone-{}", worker.value());
  std::ofstream out(path);
  out.close();
  if (out) return {};
  return failure(ErrorCode::io, fmt::format("cannot write {}; does the folder exist?", path.string()));
}

std::optional<std::variant<SnapshotName, GoneName>> parse_snapshot_file(std::string_view file_name) {
  if (take(file_name, "gone-")) {
    const auto worker = take_number<std::uint32_t>(file_name);
    if (!worker || !file_name.empty()) return std::nullopt;
    return GoneName{WorkerId(*worker)};
  }
  if (!take(file_name, "snapshot-")) return std::nullopt;
  const auto round = take_number<std::uint64_t>(file_name);
  if (!round || !take(file_name, "-")) return std::nullopt;
  const auto worker = take_number<std::uint32_t>(file_name);
  if (!worker || file_name != ".f32") return std::nullopt;
  return SnapshotName{Round(*round), WorkerId(*worker)};
}

}  // namespace selmcast::train
