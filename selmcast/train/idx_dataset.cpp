#include "selmcast/train/idx_dataset.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::train {
namespace {

constexpr std::uint32_t kImagesMagic = 0x00000803;
constexpr std::uint32_t kLabelsMagic = 0x00000801;
constexpr std::uint32_t kSide = 28;
constexpr std::size_t kReadStep = std::size_t{1} << 20;
constexpr std::string_view kRemedy = "install dataset-fashion-mnist or pass --data DIR";

// One gzipped file, read from front to back.
class GzipReader {
 public:
  static Result<GzipReader> open(const std::filesystem::path& path) {
    errno = 0;
    GzipReader reader(path, gzopen(path.c_str(), "rb"));
    if (reader.file_ == nullptr) {
      return failure(ErrorCode::invalid_input,
                     fmt::format("cannot open {}: {}; {}", path.string(),
                                 errno == 0 ? "no memory" : std::strerror(errno), kRemedy));
    }
    // gzread passes plain files through, in which a lost byte would not be noticed.
    if (gzdirect(reader.file_.get()) != 0) return std::unexpected(reader.bad("it is empty or not gzipped"));
    return reader;
  }

  // Fills `bytes`. Error: the file ends early or its compression is broken.
  Result<void> read(std::span<std::uint8_t> bytes) {
    const auto got = read_some(bytes);
    if (!got) return std::unexpected(got.error());
    if (*got < bytes.size()) {
      return std::unexpected(bad(fmt::format("it ends {} bytes early", bytes.size() - *got)));
    }
    return {};
  }

  // Appends `count` bytes, taking memory only as they come.
  Result<void> append(std::vector<std::uint8_t>& to, std::size_t count) {
    while (count > 0) {
      const std::size_t step = std::min(count, kReadStep);
      const std::size_t before = to.size();
      to.resize(before + step);
      if (auto got = read(std::span(to).subspan(before)); !got) return got;
      count -= step;
    }
    return {};
  }

  Result<std::uint32_t> read_number() {
    std::array<std::uint8_t, 4> bytes{};
    if (auto got = read(bytes); !got) return std::unexpected(got.error());
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
           bytes[3];
  }

  // Error unless the file ends here; only at the end does zlib compare the checksum.
  Result<void> expect_end() {
    std::array<std::uint8_t, 1> surplus{};
    const auto got = read_some(surplus);
    if (!got) return std::unexpected(got.error());
    if (*got > 0) return std::unexpected(bad("it goes on after its last example"));
    return {};
  }

  Error bad(std::string_view what) const {
    return {ErrorCode::corrupt,
            fmt::format("{} is no usable IDX file: {}; {}", path_.string(), what, kRemedy)};
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  GzipReader(std::filesystem::path path, gzFile file) : path_(std::move(path)), file_(file) {}

  // Fewer bytes than asked for only at the end of the file.
  Result<std::size_t> read_some(std::span<std::uint8_t> bytes) {
    const int got = gzread(file_.get(), bytes.data(), static_cast<unsigned>(bytes.size()));
    int code = Z_OK;
    const char* text = gzerror(file_.get(), &code);
    // Z_BUF_ERROR: the file stops in the middle of its compressed data.
    if (code == Z_BUF_ERROR) return std::unexpected(bad("it is cut off"));
    if (got < 0 || code != Z_OK)
      return std::unexpected(bad(fmt::format("its compression is broken ({})", text)));
    return static_cast<std::size_t>(got);
  }

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

// Reads magic, count and extents; returns the count.
Result<std::size_t> read_header(GzipReader& reader, std::uint32_t magic,
                                std::span<const std::uint32_t> extents) {
  const auto found = reader.read_number();
  if (!found) return std::unexpected(found.error());
  if (*found != magic) {
    return std::unexpected(
        reader.bad(fmt::format("it starts with {:#010x} instead of {:#010x}", *found, magic)));
  }
  const auto count = reader.read_number();
  if (!count) return std::unexpected(count.error());
  if (*count == 0 || *count > kExamplesMax) {
    return std::unexpected(
        reader.bad(fmt::format("it claims {} examples (1 to {} are read)", *count, kExamplesMax)));
  }
  for (const std::uint32_t wanted : extents) {
    const auto extent = reader.read_number();
    if (!extent) return std::unexpected(extent.error());
    if (*extent != wanted) {
      return std::unexpected(reader.bad(fmt::format("an image extent is {} instead of {}", *extent, wanted)));
    }
  }
  return *count;
}

Result<std::vector<std::uint8_t>> read_images(const std::filesystem::path& path) {
  auto reader = GzipReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  const auto count = read_header(*reader, kImagesMagic, std::array{kSide, kSide});
  if (!count) return std::unexpected(count.error());
  std::vector<std::uint8_t> pixels;
  if (auto got = reader->append(pixels, *count * kImagePixels); !got) return std::unexpected(got.error());
  if (auto end = reader->expect_end(); !end) return std::unexpected(end.error());
  return pixels;
}

Result<std::vector<std::uint8_t>> read_labels(const std::filesystem::path& path) {
  auto reader = GzipReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  const auto count = read_header(*reader, kLabelsMagic, {});
  if (!count) return std::unexpected(count.error());
  std::vector<std::uint8_t> labels;
  if (auto got = reader->append(labels, *count); !got) return std::unexpected(got.error());
  if (auto end = reader->expect_end(); !end) return std::unexpected(end.error());
  const auto wrong = std::ranges::find_if(labels, [](std::uint8_t label) { return label >= kClasses; });
  if (wrong != labels.end()) {
    return std::unexpected(
        reader->bad(fmt::format("label {} is {}, not below {}", wrong - labels.begin(), *wrong, kClasses)));
  }
  return labels;
}

}  // namespace

Result<Dataset> load_dataset(const std::filesystem::path& folder, Split split) {
  const std::string prefix = split == Split::train ? "train" : "t10k";
  const auto images_path = folder / (prefix + "-images-idx3-ubyte.gz");
  const auto labels_path = folder / (prefix + "-labels-idx1-ubyte.gz");
  auto labels = read_labels(labels_path);
  if (!labels) return std::unexpected(labels.error());
  auto pixels = read_images(images_path);
  if (!pixels) return std::unexpected(pixels.error());
  if (pixels->size() != labels->size() * kImagePixels) {
    return failure(ErrorCode::corrupt,
                   fmt::format("{} has {} images but {} has {} labels; {}", images_path.string(),
                               pixels->size() / kImagePixels, labels_path.string(), labels->size(), kRemedy));
  }
  return Dataset{std::move(*pixels), std::move(*labels)};
}

Dataset subset(const Dataset& dataset, std::span<const std::uint32_t> positions) {
  Dataset chosen;
  chosen.pixels.reserve(positions.size() * kImagePixels);
  chosen.labels.reserve(positions.size());
  for (const std::uint32_t position : positions) {
    SELMCAST_CHECK(position < dataset.size(), "a position outside the data set");
    const auto image = std::span(dataset.pixels).subspan(position * kImagePixels, kImagePixels);
    chosen.pixels.insert(chosen.pixels.end(), image.begin(), image.end());
    chosen.labels.push_back(dataset.labels[position]);
  }
  return chosen;
}

}  // namespace selmcast::train
