// Real processes: a worker that declares a hundred times the bandwidth it has, and one that, besides, says that all of
// its deliveries took a millisecond. Each is named, and costs the others no more than an honest worker with its links
// does: rounds are compared with those of the same training without the lie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "tests/system/lying_proxy.h"
#include "tests/system/process_fixture.h"

namespace selmcast::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

struct Liar : WithProcesses {
  struct Training {
    std::vector<double> rounds;  // seconds of synchronisation
    std::string log;
    double last(std::ptrdiff_t count) const {
      return std::accumulate(rounds.end() - count, rounds.end(), 0.0);
    }
  };
  // Three workers with links of 40 Mbit/s, and w2 with a downlink of 8: the model of 1.09 MB takes 0.22 s over the
  // former, 1.09 s over the latter. Everybody sends to at least one other.
  Training train(const Words& declarations, bool false_measurements) {
    constexpr int kRounds = 8;
    const std::string journal = (folder / "journal").string();
    auto alive = manager({"--workers", "4", "--min-receivers", "1", "--planner", "paper", "--max-age", "3",
                          "--journal", journal});
    const std::string address = address_of(*alive);
    std::optional<LyingProxy> proxy;
    if (false_measurements) proxy.emplace(address);
    std::vector<std::unique_ptr<Process>> workers;
    for (int k = 0; k < 4; ++k) {
      Words words = {SELMCAST_TRAIN_PROGRAM, "worker", "--workers", "4", "--steps", "1", "--batch", "8"};
      words.insert(words.end(), {"--manager", k == 2 && proxy ? proxy->address() : address});
      words.insert(words.end(), {"--rank", std::to_string(k)});
      words.insert(words.end(), {"--rounds", std::to_string(kRounds), "--out", folder.string()});
      words.insert(words.end(), {"--uplink-bps", "4e7", "--downlink-bps", k == 2 ? "8e6" : "4e7"});
      if (k == 2) words.insert(words.end(), declarations.begin(), declarations.end());
      workers.push_back(start(words));
    }
    for (const auto& process : workers) EXPECT_EQ(process->wait(), 0) << process->output();
    EXPECT_EQ(alive->wait(), 0) << alive->output();
    Training training{{}, alive->output()};
    std::ifstream file(journal);
    for (std::string line; std::getline(file, line);) {
      const json event = json::parse(line);
      if (event["event"] == "round") training.rounds.push_back(event["sync_seconds"].get<double>());
    }
    EXPECT_EQ(training.rounds.size(), std::size_t{kRounds});
    std::cout << "rounds of ";
    std::ranges::copy(training.rounds, std::ostream_iterator<double>(std::cout, " "));
    std::cout << "s\n";
    return training;
  }
};

TEST_F(Liar, IsNamedAndCostsNoMoreThanItsLinks) {
  const Words declarations = {"--declared-uplink-bps", "4e9", "--declared-downlink-bps", "8e8"};
  const Training honest = train({}, false);
  const Training declared = train(declarations, false);
  const Training measured = train(declarations, true);
  for (const Training* training : {&honest, &declared, &measured}) {
    for (const char* other : {"w0: it", "w1: it", "w3: it"})
      EXPECT_THAT(training->log, Not(HasSubstr(other)));
  }
  EXPECT_THAT(honest.log, Not(HasSubstr("w2: it")));
  EXPECT_THAT(declared.log, HasSubstr("w2: its downlink carries"));
  EXPECT_THAT(declared.log, HasSubstr("declared 800"));
  EXPECT_THAT(declared.log, Not(HasSubstr("w2: it says")));
  EXPECT_THAT(measured.log, HasSubstr("w2: it says that a delivery took"));
  EXPECT_THAT(measured.log, HasSubstr("its measurements are not believed"));
  // Once it is found out, and over the four rounds in which all pairs meet: three models over w2's downlink, 3.3 s,
  // whoever sends when. Generous: a busy machine may take twice as long for one of the two.
  EXPECT_LT(declared.last(4), 3 * honest.last(4) + 1);
  EXPECT_LT(measured.last(4), 3 * honest.last(4) + 1);
}

}  // namespace
}  // namespace selmcast::testing
