#include "selmcast/train/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "selmcast/train/temporary_folder.h"

namespace selmcast::train {
namespace {

using ::testing::HasSubstr;

const SnapshotName kName{Round(4), WorkerId(2)};
const std::vector<float> kParameters{1.5F, -2, 0};

class SnapshotFile : public ::testing::Test {
 protected:
  SnapshotFile() {
    EXPECT_TRUE(write_snapshot(folder(), kName, Instant::at_seconds(3.25), kParameters).has_value());
  }
  const std::filesystem::path& folder() const { return folder_.path(); }
  void overwrite(std::streamoff offset, char byte) {
    std::fstream file(snapshot_path(folder(), kName), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file.put(byte);
  }
  void expect_corrupt(const std::string& reason, SnapshotName name = kName) {
    const auto read = read_snapshot(folder(), name);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
    EXPECT_THAT(read.error().message, HasSubstr(reason));
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(SnapshotFile, ComesBackAsItWasWritten) {
  const auto read = read_snapshot(folder(), kName);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->name, kName);
  EXPECT_EQ(read->at, Instant::at_seconds(3.25));
  EXPECT_EQ(read->parameters, kParameters);
}

TEST_F(SnapshotFile, LeavesNoTemporaryFile) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder()))
    names.push_back(entry.path().filename());
  EXPECT_THAT(names, ::testing::ElementsAre("snapshot-4-2.f32"));
}

// 40 + 3 x 4 = 52 bytes
TEST_F(SnapshotFile, IsRefusedWhenCutOff) {
  std::filesystem::resize_file(snapshot_path(folder(), kName), 51);
  expect_corrupt("51 bytes instead of 52");
  std::filesystem::resize_file(snapshot_path(folder(), kName), 39);
  expect_corrupt("header is cut off");
}

TEST_F(SnapshotFile, IsRefusedWithSurplusBytes) {
  overwrite(52, 'x');
  expect_corrupt("53 bytes instead of 52");
}

TEST_F(SnapshotFile, IsRefusedWithAnotherMagic) {
  overwrite(0, 'X');
  expect_corrupt("SMCSNAP1");
}

TEST_F(SnapshotFile, IsRefusedUnderAnotherName) {
  const SnapshotName other{Round(4), WorkerId(3)};
  std::filesystem::rename(snapshot_path(folder(), kName), snapshot_path(folder(), other));
  expect_corrupt("header says worker 2, round 4", other);
}

// The top byte of the count: 3 + 0x7f x 2^56 parameters, before any memory is taken for them.
TEST_F(SnapshotFile, IsRefusedWithAnAbsurdCount) {
  overwrite(39, '\x7f');
  expect_corrupt("claims");
}

TEST_F(SnapshotFile, MissingOneIsAnIoError) {
  const auto read = read_snapshot(folder(), {Round(5), WorkerId(2)});
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::io);
}

TEST_F(SnapshotFile, CannotBeWrittenIntoAMissingFolder) {
  const auto written = write_snapshot(folder() / "none", kName, Instant(), kParameters);
  ASSERT_FALSE(written.has_value());
  EXPECT_THAT(written.error().message, HasSubstr("snapshot-4-2.f32"));
}

TEST(SnapshotFileName, IsUnderstoodOnlyInItsOneForm) {
  const auto snapshot = parse_snapshot_file("snapshot-12-3.f32");
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(std::get<SnapshotName>(*snapshot), (SnapshotName{Round(12), WorkerId(3)}));
  const auto gone = parse_snapshot_file("gone-0");
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(std::get<GoneName>(*gone).worker, WorkerId(0));
  for (const auto* other :
       {"", "snapshot-1-2", "snapshot-1-2.f32x", "snapshot--1-2.f32", "snapshot-01-2.f32", "snapshot-1-.f32",
        ".tmp-snapshot-1-2.f32", "gone-", "gone-1x", "gone--1", "snapshot-1-4294967296.f32"}) {
    EXPECT_FALSE(parse_snapshot_file(other).has_value()) << other;
  }
}

}  // namespace
}  // namespace selmcast::train
