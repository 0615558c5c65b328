// Reads Fashion-MNIST (or any set of its form, e.g. MNIST) from its gzipped IDX files.
//
// A folder holds {train,t10k}-images-idx3-ubyte.gz and {train,t10k}-labels-idx1-ubyte.gz. After decompression
// (all numbers big-endian, 32 bits):
//     images: 0x00000803, count, 28, 28, then count x 784 bytes, row by row, 0 = background
//     labels: 0x00000801, count, then count bytes, each below 10
// The files are not trusted: magic, extents, count (at most kExamplesMax), equal counts of images and labels,
// label range, missing and surplus bytes and broken compression are all checked, and memory is taken only as
// data comes. Errors (invalid_input, corrupt, io) name the file and the remedy.
//
// Thread rule: values and functions, nothing shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/train/batch.h"

namespace selmcast::train {

// Where the Debian package dataset-fashion-mnist puts the files.
inline constexpr const char* kDefaultDataFolder = "/usr/share/datasets/fashion-mnist";
inline constexpr std::size_t kExamplesMax = 1'000'000;

struct Dataset {
  std::vector<std::uint8_t> pixels;  // kImagePixels an example
  std::vector<std::uint8_t> labels;  // each below kClasses

  std::size_t size() const { return labels.size(); }
  Batch all() const { return {pixels, labels}; }
};

enum class Split { train, test };

Result<Dataset> load_dataset(const std::filesystem::path& folder, Split split);

// The examples at `positions`, in that order. Requires every position < dataset.size().
Dataset subset(const Dataset& dataset, std::span<const std::uint32_t> positions);

}  // namespace selmcast::train
