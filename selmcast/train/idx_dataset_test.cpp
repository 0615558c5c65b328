#include "selmcast/train/idx_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "selmcast/train/temporary_folder.h"

namespace selmcast::train {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void append_number(std::string& to, std::uint32_t number) {
  for (const int shift : {24, 16, 8, 0}) to.push_back(static_cast<char>(number >> shift));
}

void write_gzip(const std::filesystem::path& path, const std::string& content) {
  const gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(gzwrite(file, content.data(), static_cast<unsigned>(content.size())),
            static_cast<int>(content.size()));
  ASSERT_EQ(gzclose(file), Z_OK);
}

// A folder with three training images (all pixels of image i are 10 i) labelled 7, 0, 9.
class IdxDataset : public ::testing::Test {
 protected:
  IdxDataset() {
    append_number(images_, 0x803);
    append_number(images_, 3);
    append_number(images_, 28);
    append_number(images_, 28);
    for (const char value : {char{0}, char{10}, char{20}}) images_.append(kImagePixels, value);
    append_number(labels_, 0x801);
    append_number(labels_, 3);
    labels_ += std::string{7, 0, 9};
  }

  Result<Dataset> load() {
    write_gzip(images_path(), images_);
    write_gzip(labels_path(), labels_);
    return load_dataset(folder_.path(), Split::train);
  }
  void expect_refused(const Result<Dataset>& result, const std::string& file, const std::string& reason) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::corrupt);
    EXPECT_THAT(result.error().message, AllOf(HasSubstr(file), HasSubstr(reason),
                                              HasSubstr("install dataset-fashion-mnist or pass --data DIR")));
  }
  std::filesystem::path images_path() const { return folder_.path() / "train-images-idx3-ubyte.gz"; }
  std::filesystem::path labels_path() const { return folder_.path() / "train-labels-idx1-ubyte.gz"; }

  TemporaryFolder folder_;
  std::string images_, labels_;
};

TEST_F(IdxDataset, ReadsImagesAndLabels) {
  const auto dataset = load();
  ASSERT_TRUE(dataset.has_value()) << dataset.error().message;
  EXPECT_THAT(dataset->labels, ElementsAre(7, 0, 9));
  ASSERT_EQ(dataset->pixels.size(), 3 * kImagePixels);
  EXPECT_EQ(dataset->pixels[kImagePixels - 1], 0);
  EXPECT_EQ(dataset->pixels[kImagePixels], 10);
  EXPECT_EQ(dataset->pixels.back(), 20);
}

TEST_F(IdxDataset, SubsetKeepsTheGivenOrder) {
  const auto dataset = load();
  ASSERT_TRUE(dataset.has_value());
  const Dataset chosen = subset(*dataset, std::vector<std::uint32_t>{2, 0});
  EXPECT_THAT(chosen.labels, ElementsAre(9, 7));
  EXPECT_EQ(chosen.pixels.front(), 20);
  EXPECT_EQ(chosen.pixels.back(), 0);
}

TEST_F(IdxDataset, NamesTheMissingFileAndTheRemedy) {
  const auto result = load_dataset(folder_.path(), Split::test);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(result.error().message, AllOf(HasSubstr("t10k-labels-idx1-ubyte.gz"), HasSubstr("install")));
}

TEST_F(IdxDataset, RefusesAnotherMagicNumber) {
  images_[3] = 0x01;
  expect_refused(load(), "train-images", "starts with 0x00000801 instead of 0x00000803");
}

TEST_F(IdxDataset, RefusesImagesOfAnotherSize) {
  images_[15] = 29;
  expect_refused(load(), "train-images", "29 instead of 28");
}

TEST_F(IdxDataset, RefusesFilesThatEndEarly) {
  images_.pop_back();
  expect_refused(load(), "train-images", "ends 1 bytes early");
}

TEST_F(IdxDataset, RefusesAHeaderThatEndsEarly) {
  labels_.resize(6);
  expect_refused(load(), "train-labels", "ends 2 bytes early");
}

TEST_F(IdxDataset, RefusesSurplusBytes) {
  labels_.push_back(1);
  expect_refused(load(), "train-labels", "goes on after its last example");
}

TEST_F(IdxDataset, RefusesLabelsOutOfRange) {
  labels_.back() = 10;
  expect_refused(load(), "train-labels", "label 2 is 10");
}

TEST_F(IdxDataset, RefusesCountsThatDiffer) {
  labels_[7] = 2;
  labels_.pop_back();
  expect_refused(load(), "train-images", "3 images but");
}

// A hostile file: claims 4,294,967,295 images, which would be 3.4 TB.
TEST_F(IdxDataset, RefusesAnAbsurdCountBeforeTakingMemory) {
  for (const std::size_t i : {4U, 5U, 6U, 7U}) images_[i] = '\xff';
  expect_refused(load(), "train-images", "claims 4294967295 examples");
}

TEST_F(IdxDataset, RefusesPlainFiles) {
  ASSERT_TRUE(load().has_value());
  std::ofstream(labels_path(), std::ios::binary) << labels_;
  expect_refused(load_dataset(folder_.path(), Split::train), "train-labels", "not gzipped");
}

TEST_F(IdxDataset, RefusesCompressedFilesThatAreCutOff) {
  ASSERT_TRUE(load().has_value());
  // Cuts into the checksum and length at the very end: all the data is still there.
  std::filesystem::resize_file(labels_path(), std::filesystem::file_size(labels_path()) - 3);
  expect_refused(load_dataset(folder_.path(), Split::train), "train-labels", "cut off");
}

TEST_F(IdxDataset, RefusesBrokenCompression) {
  ASSERT_TRUE(load().has_value());
  // The last eight bytes are checksum and length.
  std::fstream file(images_path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-8, std::ios::end);
  file.write("\x12\x34\x56\x78", 4);
  file.close();
  expect_refused(load_dataset(folder_.path(), Split::train), "train-images", "compression is broken");
}

}  // namespace
}  // namespace selmcast::train
