// The worker loop and the evaluator, together over a folder.
#include "selmcast/train/worker_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "selmcast/train/evaluation_watch.h"
#include "selmcast/train/snapshot.h"
#include "selmcast/train/temporary_folder.h"
#include "selmcast/train/toy_data.h"

namespace selmcast::train {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::vector<json> read_lines(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

class WorkerLoop : public ::testing::Test {
 protected:
  WorkerLoop() : trainer_(*Trainer::create(toy_dataset(32, 1), {.batch = 8})) {
    options_ = {.rounds = 2,
                .steps = 1,
                .worker = WorkerId(3),
                .out = folder_.path() / "run",
                .snapshots = folder_.path() / "snapshots"};
  }
  // Each look at the clock is a second later.
  Result<void> run(const Synchronize& synchronize) {
    const auto clock = [this] { return Instant::at_seconds(seconds_++); };
    return run_worker_loop(trainer_, options_, synchronize, clock,
                           [this](const WorkerRound&) { ++rounds_told_; });
  }
  std::filesystem::path log_path() const { return options_.out / "worker-3.jsonl"; }

  TemporaryFolder folder_;
  Trainer trainer_;
  WorkerLoopOptions options_;
  double seconds_ = 10;
  int rounds_told_ = 0;
};

TEST_F(WorkerLoop, WritesALineAndASnapshotEachRound) {
  const auto done = run([](std::span<float> parameters) -> Result<SyncOutcome> {
    std::ranges::fill(parameters, 0.25F);
    return SyncOutcome{{WorkerId(0), WorkerId(5)}};
  });
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(rounds_told_, 2);
  const auto lines = read_lines(log_path());
  ASSERT_EQ(lines.size(), 2U);
  // Three looks at the clock a round: start 13, computed 14, synchronised 15.
  EXPECT_EQ(lines[1]["round"], 1);
  EXPECT_EQ(lines[1]["at_seconds"], 15.0);
  EXPECT_EQ(lines[1]["compute_seconds"], 1.0);
  EXPECT_EQ(lines[1]["sync_seconds"], 1.0);
  EXPECT_EQ(lines[1]["mixed_with"], json({"w0", "w5"}));
  EXPECT_TRUE(lines[1]["loss"].is_number());
  // The snapshot is of what synchronisation left.
  const auto snapshot = read_snapshot(*options_.snapshots, {Round(1), WorkerId(3)});
  ASSERT_TRUE(snapshot.has_value()) << snapshot.error().message;
  EXPECT_EQ(snapshot->at, Instant::at_seconds(15));
  EXPECT_TRUE(std::ranges::all_of(snapshot->parameters, [](float value) { return value == 0.25F; }));
  EXPECT_TRUE(std::filesystem::exists(*options_.snapshots / "gone-3"));
}

TEST(Slowness, StretchesTheStepsOrTheLeastTime) {
  const auto slept = [](double factor, double least, double took) {
    return time_to_sleep({factor, Duration::seconds(least)}, Duration::seconds(took)).in_seconds();
  };
  EXPECT_EQ(slept(1, 0, 2), 0);
  EXPECT_EQ(slept(3, 0, 2), 4);    // 3 * 2 - 2
  EXPECT_EQ(slept(1, 5, 2), 3);    // 5 - 2
  EXPECT_EQ(slept(2, 5, 2), 8);    // 2 * 5 - 2
  EXPECT_EQ(slept(1, 5, 9), 0);    // slower than asked for already
  EXPECT_EQ(slept(1.5, 5, 8), 4);  // 1.5 * 8 - 8
}

TEST_F(WorkerLoop, ASlowWorkerSleepsAndSaysSo) {
  options_.rounds = 1;
  options_.slowness = {4, Duration()};
  options_.sleep = [this](Duration time) { seconds_ += time.in_seconds(); };
  const auto done = run([](std::span<float>) -> Result<SyncOutcome> { return SyncOutcome{{}, 0.75}; });
  ASSERT_TRUE(done.has_value()) << done.error().message;
  const auto lines = read_lines(log_path());
  ASSERT_EQ(lines.size(), 1U);
  // Looks at the clock: 10, 11 (the steps took 1 s), 3 s of sleep, 15 (a look takes one, too).
  EXPECT_EQ(lines[0]["slept_seconds"], 3.0);
  EXPECT_EQ(lines[0]["compute_seconds"], 5.0);
  EXPECT_EQ(lines[0]["own_weight"], 0.75);
}

TEST_F(WorkerLoop, EndsWithTheErrorOfSynchronisationAndSaysItIsGone) {
  int calls = 0;
  const auto done = run([&calls](std::span<float>) -> Result<SyncOutcome> {
    if (++calls == 2) return failure(ErrorCode::unavailable, "the manager is gone");
    return SyncOutcome{};
  });
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_EQ(done.error().message, "round 1: the manager is gone");
  EXPECT_EQ(read_lines(log_path()).size(), 1U);
  EXPECT_TRUE(std::filesystem::exists(*options_.snapshots / "gone-3"));
}

class Evaluation2Workers : public ::testing::Test {
 protected:
  Evaluation2Workers() : evaluator_(*Evaluator::create(ModelKind::mlp, toy_dataset(10, 1))) {
    watch_.snapshots = folder_.path();
    watch_.board = {.workers = 2, .rounds = 1};
  }
  // All parameters zero but the bias of one class: that class for every image.
  void write(WorkerId worker, std::size_t votes_for, float vote, Instant at) {
    std::vector<float> parameters(272394);
    parameters[parameters.size() - kClasses + votes_for] = vote;
    ASSERT_TRUE(write_snapshot(folder_.path(), {Round(0), worker}, at, parameters).has_value());
  }
  Result<void> watch(WatchOrder order) {
    return watch_and_evaluate(
        evaluator_, watch_, [order](Duration) { return order; },
        [this](const Evaluation& evaluation) -> Result<void> {
          lines_.push_back(json::parse(to_json_line(evaluation)));
          return {};
        });
  }

  TemporaryFolder folder_;
  Evaluator evaluator_;
  WatchOptions watch_;
  std::vector<json> lines_;
};

// Worker 0 votes 4 for class 0, worker 1 votes 2 for class 7; the average votes (2, 1), so for class 0, which
// is right for half of the images. Each worker is sqrt(2^2 + 1^2) = sqrt 5 from the average, whose norm is
// sqrt 5 too.
TEST_F(Evaluation2Workers, EvaluatesTheAverageAndInTheLastRoundEachWorker) {
  write(WorkerId(0), 0, 4, Instant::at_seconds(1));
  write(WorkerId(1), 7, 2, Instant::at_seconds(1.5));
  const auto done = watch(WatchOrder::go_on);
  ASSERT_TRUE(done.has_value()) << done.error().message;
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0]["round"], 0);
  EXPECT_EQ(lines_[0]["at_seconds"], 1.5);
  EXPECT_EQ(lines_[0]["accuracy"], 0.5);
  EXPECT_NEAR(lines_[0]["consensus_distance"].get<double>(), 1.0, 1e-12);
  EXPECT_EQ(lines_[0]["worker_accuracy"], json({0.5, 0.0}));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(Evaluation2Workers, FinishesWithTheWorkersThatAreThere) {
  write(WorkerId(1), 0, 1, Instant::at_seconds(2));
  ASSERT_TRUE(watch(WatchOrder::finish).has_value());
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0]["worker_accuracy"], json({0.5}));
  EXPECT_EQ(lines_[0]["consensus_distance"], 0.0);
}

TEST_F(Evaluation2Workers, StopsAtOnceWhenTold) {
  write(WorkerId(1), 0, 1, Instant::at_seconds(2));
  ASSERT_TRUE(watch(WatchOrder::stop).has_value());
  EXPECT_TRUE(lines_.empty());
}

TEST_F(Evaluation2Workers, RefusesSnapshotsOfAnotherModel) {
  const std::vector<float> parameters(100);
  ASSERT_TRUE(write_snapshot(folder_.path(), {Round(0), WorkerId(0)}, Instant(), parameters).has_value());
  const auto done = watch(WatchOrder::finish);
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message, HasSubstr("same --model"));
}

}  // namespace
}  // namespace selmcast::train
