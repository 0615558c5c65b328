#include "selmcast/train/snapshot_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace selmcast::train {
namespace {

using ::testing::ElementsAre;

SnapshotName name(std::uint64_t round, std::uint32_t worker) { return {Round(round), WorkerId(worker)}; }

std::vector<std::uint32_t> ids(const std::vector<WorkerId>& workers) {
  std::vector<std::uint32_t> values;
  for (const WorkerId worker : workers) values.push_back(worker.value());
  return values;
}

// Two looks at the same folder: what counts only from the next look on counts now.
void look_twice(SnapshotBoard& board, const std::vector<SnapshotName>& snapshots,
                const std::vector<GoneName>& gone = {}) {
  board.look(snapshots, gone);
  board.look(snapshots, gone);
}

TEST(SnapshotBoard, HandsOutARoundOnceEveryWorkerHasWritten) {
  SnapshotBoard board({.workers = 2, .rounds = 2});
  board.look(std::vector{name(0, 1)}, {});
  EXPECT_FALSE(board.take().has_value());
  board.look(std::vector{name(0, 1), name(0, 0)}, {});
  const auto complete = board.take();
  ASSERT_TRUE(complete.has_value());
  EXPECT_EQ(complete->round, Round(0));
  EXPECT_THAT(ids(complete->workers), ElementsAre(0, 1));
  EXPECT_FALSE(complete->last);
  EXPECT_FALSE(board.take().has_value());
  EXPECT_FALSE(board.finished());
}

TEST(SnapshotBoard, EndsWithTheLastRound) {
  SnapshotBoard board({.workers = 1, .rounds = 2});
  board.look(std::vector{name(0, 0), name(1, 0)}, {});
  EXPECT_FALSE(board.take()->last);
  EXPECT_TRUE(board.take()->last);
  EXPECT_TRUE(board.finished());
}

TEST(SnapshotBoard, GoesOnWithoutAWorkerThatDiedSilently) {
  SnapshotBoard board({.workers = 3, .rounds = 9});
  look_twice(board, {name(0, 0), name(0, 2)});
  EXPECT_FALSE(board.take().has_value());
  // Nobody alive is two rounds behind, so worker 1 is dead.
  look_twice(board, {name(0, 0), name(0, 2), name(1, 2)});
  const auto complete = board.take();
  ASSERT_TRUE(complete.has_value());
  EXPECT_THAT(ids(complete->workers), ElementsAre(0, 2));
  EXPECT_FALSE(board.take().has_value());  // round 1 still waits for worker 0
}

// Worker 0's file of round 0 may appear behind the back of a look that then finds worker 1's of round 1.
TEST(SnapshotBoard, DoesNotTakeAMissedFileForADeadWorker) {
  SnapshotBoard board({.workers = 2, .rounds = 9});
  board.look(std::vector{name(0, 1), name(1, 1)}, {});
  EXPECT_FALSE(board.take().has_value());
  board.look(std::vector{name(0, 0), name(0, 1), name(1, 1)}, {});
  const auto complete = board.take();
  ASSERT_TRUE(complete.has_value());
  EXPECT_THAT(ids(complete->workers), ElementsAre(0, 1));
}

TEST(SnapshotBoard, AllowsForTheStatedLead) {
  SnapshotBoard board({.workers = 2, .rounds = 9, .max_lead = 3});
  look_twice(board, {name(0, 1), name(1, 1), name(2, 1)});
  EXPECT_FALSE(board.take().has_value());
  look_twice(board, {name(0, 1), name(1, 1), name(2, 1), name(3, 1)});
  ASSERT_TRUE(board.take().has_value());
  EXPECT_FALSE(board.take().has_value());
}

TEST(SnapshotBoard, DoesNotWaitForAWorkerThatSaidItIsGone) {
  SnapshotBoard board({.workers = 2, .rounds = 3});
  look_twice(board, {name(0, 0), name(0, 1), name(1, 0)}, {{WorkerId(1)}});
  EXPECT_THAT(ids(board.take()->workers), ElementsAre(0, 1));
  EXPECT_THAT(ids(board.take()->workers), ElementsAre(0));
  EXPECT_FALSE(board.finished());
  look_twice(board, {}, {{WorkerId(0)}, {WorkerId(1)}});
  EXPECT_TRUE(board.finished());
}

TEST(SnapshotBoard, ClosedHandsOutWhatIsThere) {
  SnapshotBoard board({.workers = 3, .rounds = 9});
  board.look(std::vector{name(2, 0)}, {});
  EXPECT_FALSE(board.take().has_value());
  board.close();
  board.look(std::vector{name(2, 0), name(4, 1)}, {});
  EXPECT_EQ(board.take()->round, Round(2));
  const auto complete = board.take();
  EXPECT_EQ(complete->round, Round(4));
  EXPECT_TRUE(complete->last);
  EXPECT_TRUE(board.finished());
}

TEST(SnapshotBoard, PointsOutFilesOfNoUse) {
  SnapshotBoard board({.workers = 1, .rounds = 2});
  board.look(std::vector{name(0, 0)}, {});
  ASSERT_TRUE(board.take().has_value());
  EXPECT_THAT(board.look(std::vector{name(0, 0), name(1, 0), name(1, 1), name(2, 0)}, {}),
              ElementsAre(name(0, 0), name(1, 1), name(2, 0)));
}

}  // namespace
}  // namespace selmcast::train
