#include "selmcast/worker/mass_book.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/worker/push_sum_mixer.h"

namespace selmcast::worker {
namespace {

std::vector<TransferId> transfers(std::uint64_t first, std::uint64_t count) {
  std::vector<TransferId> ids;
  for (std::uint64_t k = 0; k < count; ++k) ids.push_back(TransferId(first + k));
  return ids;
}

TEST(MassBook, SplitsEvenlyAndKeepsTheRemainder) {
  MassBook book;
  const std::uint64_t share = book.split(transfers(1, 2));
  EXPECT_EQ(share, kMassUnit / 3);                // 2^40 = 3 * 366503875925 + 1
  EXPECT_EQ(book.held(), kMassUnit - 2 * share);  // a third and the one left over
  EXPECT_EQ(book.held(), kMassUnit / 3 + 1);
  EXPECT_EQ(book.in_flight(), 2 * share);
}

TEST(MassBook, AShareComesBackOnce) {
  MassBook book;
  book.split(transfers(1, 2));
  EXPECT_TRUE(book.take_back(TransferId(1)));
  EXPECT_FALSE(book.take_back(TransferId(1)));
  EXPECT_FALSE(book.take_back(TransferId(9)));
  EXPECT_EQ(book.held() + book.in_flight(), kMassUnit);
  EXPECT_TRUE(book.take_back(TransferId(2)));
  EXPECT_EQ(book.held(), kMassUnit);
}

TEST(MassBook, WhatArrivedIsHeldAfterFinish) {
  MassBook book;
  book.receive(5);
  book.split(transfers(1, 1));
  EXPECT_EQ(book.held(), kMassUnit / 2);  // the models that came with the 5 are not in what is sent
  book.finish();
  EXPECT_EQ(book.held(), kMassUnit / 2 + 5);
  EXPECT_EQ(book.in_flight(), 0U);
}

TEST(MassBook, NobodyIsEverWithoutMass) {
  MassBook book;
  for (std::uint64_t round = 0; round < 60; ++round) {  // gives half away each round, receives nothing
    book.split(transfers(round, 1));
    book.finish();
    EXPECT_GE(book.held(), 1U);
  }
}

TEST(MassBook, NoPeerCanMakeItOverflow) {
  MassBook book;
  for (int k = 0; k < 100; ++k) book.receive(~std::uint64_t{0});
  book.finish();
  EXPECT_EQ(book.held(), wire::kMixWeightMax);
}

// ---- the account of a whole training, after every step -----------------------------------------------------

// Workers with PushSumMixers and a manager, joined by queues that keep order but take any time. A transfer is settled
// once, by the manager; what it decides reaches the two sides later, or never if they die before.
class Training {
 public:
  Training(std::uint64_t seed, std::size_t workers) : rng_(seed) {
    for (std::size_t k = 0; k < workers; ++k) join();
  }

  void step() {
    const std::size_t at = rng_.below(workers_.size());
    switch (rng_.below(8)) {
      case 0:
      case 1: start(at); break;
      case 2:
      case 3: settle(rng_.below(4) > 0); break;  // three of four are committed
      case 4:
      case 5: hear(at); break;
      case 6: finish(at); break;
      default:
        if (rng_.below(40) == 0 && living() > 1) crash(at);
        if (rng_.below(60) == 0) join();
    }
  }

  // The account: held + arrived + in flight + written off, which must be all that ever was.
  std::uint64_t account() const {
    std::uint64_t sum = written_off_;
    for (const Worker& worker : workers_) {
      if (worker.alive) sum += worker.mixer.book().held() + worker.mixer.book().arrived();
    }
    for (const auto& [id, transfer] : transfers_) sum += transfer.mass;
    return sum;
  }
  std::uint64_t joined() const { return workers_.size(); }

  // Mass times model: nothing but loss changes it, as nobody trains here.
  double moment() const {
    double sum = lost_moment_;
    for (const Worker& worker : workers_) {
      if (!worker.alive) continue;
      sum += static_cast<double>(worker.mixer.book().held()) * worker.model[0] + worker.arrived_moment;
    }
    for (const auto& [id, transfer] : transfers_) sum += moment_of(transfer);
    return sum / static_cast<double>(kMassUnit);
  }
  double start_moment() const { return start_moment_; }

 private:
  struct Order {
    TransferId transfer;
    bool commit = false;
    bool to_sender = false;
  };
  struct Worker {
    PushSumMixer mixer{MixLayout{{{wire::TensorRole::parameter, 1}}}};
    std::array<float, 1> model{};
    double arrived_moment = 0;
    bool alive = true;
    bool sending = false;
    std::uint64_t unsettled = 0;  // own transfers, as far as this worker has heard
    std::deque<Order> inbox;
  };
  // In the books until its receiver has it, its sender has it back, or both can never hear of it.
  struct Transfer {
    std::size_t from = 0, to = 0;
    std::uint64_t mass = 0;
    float value = 0;
    std::optional<bool> committed;  // by the manager
  };

  static double moment_of(const Transfer& transfer) {
    return static_cast<double>(transfer.mass) * static_cast<double>(transfer.value);
  }
  std::size_t living() const {
    std::size_t count = 0;
    for (const Worker& worker : workers_) count += worker.alive ? 1 : 0;
    return count;
  }

  void join() {
    workers_.emplace_back();
    workers_.back().model[0] = static_cast<float>(rng_.uniform(-1, 1));
    start_moment_ += static_cast<double>(workers_.back().model[0]);
  }

  void start(std::size_t at) {
    Worker& worker = workers_[at];
    if (!worker.alive || worker.sending) return;
    worker.sending = true;
    std::vector<std::size_t> receivers;
    for (std::size_t k = 0; k < workers_.size(); ++k) {
      if (k != at && workers_[k].alive && rng_.below(2) == 0) receivers.push_back(k);
    }
    const std::vector<TransferId> ids = transfers(made_, receivers.size());
    made_ += ids.size();
    const MixHeader header = worker.mixer.send(Round(0), ids);
    for (std::size_t k = 0; k < ids.size(); ++k)
      transfers_[ids[k]] = {at, receivers[k], header.weight, worker.model[0], {}};
    worker.unsettled = ids.size();
  }

  // The manager decides on any transfer that runs.
  void settle(bool commit) {
    std::vector<TransferId> open;
    for (const auto& [id, transfer] : transfers_) {
      if (!transfer.committed) open.push_back(id);
    }
    if (!open.empty()) decide(open[rng_.below(open.size())], commit);
  }

  void decide(TransferId id, bool commit) {
    Transfer& transfer = transfers_.at(id);
    transfer.committed = commit;
    if (workers_[transfer.from].alive) workers_[transfer.from].inbox.push_back({id, commit, true});
    if (workers_[transfer.to].alive) workers_[transfer.to].inbox.push_back({id, commit, false});
    if (!workers_[commit ? transfer.to : transfer.from].alive) write_off(id);
  }

  void write_off(TransferId id) {
    written_off_ += transfers_.at(id).mass;
    lost_moment_ += moment_of(transfers_.at(id));
    transfers_.erase(id);
  }

  void hear(std::size_t at) {
    Worker& worker = workers_[at];
    if (!worker.alive || worker.inbox.empty()) return;
    const Order order = worker.inbox.front();
    worker.inbox.pop_front();
    if (order.to_sender) --worker.unsettled;
    if (order.to_sender == order.commit) return;  // nothing changes for this side
    const Transfer& transfer = transfers_.at(order.transfer);
    if (order.commit) {
      worker.mixer.fold(Round(0), {Round(0), transfer.mass}, std::array{transfer.value});
      worker.arrived_moment += moment_of(transfer);
    } else {
      worker.mixer.take_back(order.transfer);
    }
    transfers_.erase(order.transfer);
  }

  void finish(std::size_t at) {
    Worker& worker = workers_[at];
    if (!worker.alive || !worker.sending || worker.unsettled > 0) return;
    worker.mixer.finish(worker.model);
    worker.arrived_moment = 0;
    worker.sending = false;
  }

  void crash(std::size_t at) {
    Worker& worker = workers_[at];
    if (!worker.alive) return;
    worker.alive = false;
    const MassBook& book = worker.mixer.book();
    written_off_ += book.held() + book.arrived();
    lost_moment_ += static_cast<double>(book.held()) * worker.model[0] + worker.arrived_moment;
    // The manager notices and cancels what is open; what it had decided before stays decided.
    std::vector<TransferId> touched;
    for (const auto& [id, transfer] : transfers_) {
      if (transfer.from == at || transfer.to == at) touched.push_back(id);
    }
    for (const TransferId id : touched) {
      const Transfer& transfer = transfers_.at(id);
      if (!transfer.committed) {
        decide(id, false);
      } else if ((*transfer.committed ? transfer.to : transfer.from) == at) {
        write_off(id);  // the order will not be read any more
      }
    }
  }

  Rng rng_;
  std::vector<Worker> workers_;
  std::map<TransferId, Transfer> transfers_;
  std::uint64_t made_ = 1;
  std::uint64_t written_off_ = 0;
  double lost_moment_ = 0;
  double start_moment_ = 0;
};

struct AccountTest : testing::TestWithParam<std::uint64_t> {};

TEST_P(AccountTest, IsExactAfterEveryStep) {
  Training training(GetParam(), 2 + GetParam() % 9);
  for (int step = 0; step < 3000; ++step) {
    training.step();
    ASSERT_EQ(training.account(), kMassUnit * training.joined())
        << "seed " << GetParam() << ", step " << step;
    // Values are floats: each mix rounds at 2^-24.
    ASSERT_NEAR(training.moment(), training.start_moment(), 1e-4)
        << "seed " << GetParam() << ", step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(RandomTrainings, AccountTest, testing::Range(std::uint64_t{1}, std::uint64_t{41}));

}  // namespace
}  // namespace selmcast::worker
