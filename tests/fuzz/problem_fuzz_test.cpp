// A few seconds of fuzzing in every test run: the files of tests/data/plan and tests/fuzz/corpus, mutated from seeds.
#include "tests/fuzz/problem_fuzz.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "selmcast/base/rng.h"

namespace selmcast::fuzz {
namespace {

std::vector<std::string> corpus() {
  std::vector<std::filesystem::path> paths;
  for (const auto* folder : {"/tests/data/plan", "/tests/fuzz/corpus"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(SELMCAST_SOURCE_DIR) + folder))
      paths.push_back(entry.path());
  }
  std::ranges::sort(paths);  // directories have no order
  std::vector<std::string> texts;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return texts;
}

class Mutator {
 public:
  explicit Mutator(Rng& rng) : rng_(rng) {}

  std::string mutated(std::string text, const std::string& other) {
    for (std::size_t left = 1 + rng_.below(4); left > 0; --left) mutate(text, other);
    return text;
  }

 private:
  // Mostly numbers: they leave a problem that can be planned.
  void mutate(std::string& text, const std::string& other) {
    switch (rng_.below(8)) {
      case 0: replace(text, range_of(text), ""); break;
      case 1: replace(text, {at(text), 0}, other.substr(at(other), rng_.below(80))); break;
      case 2: replace(text, {at(text), 1}, std::string(1, static_cast<char>(rng_.below(256)))); break;
      default: replace(text, number_of(text), numbers_[rng_.below(numbers_.size())]); break;
    }
  }

  struct Range {
    std::size_t first = 0;
    std::size_t length = 0;
  };
  static void replace(std::string& text, Range range, const std::string& by) {
    if (range.first <= text.size()) text.replace(range.first, range.length, by);
  }
  std::size_t at(const std::string& text) { return text.empty() ? 0 : rng_.below(text.size()); }
  Range range_of(const std::string& text) { return {at(text), 1 + rng_.below(20)}; }
  // The next number behind a random place; nothing if there is none.
  Range number_of(const std::string& text) {
    const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
    const auto first =
        std::find_if(text.begin() + static_cast<std::ptrdiff_t>(at(text)), text.end(), is_digit);
    const auto last = std::find_if_not(first, text.end(), is_digit);
    return {static_cast<std::size_t>(first - text.begin()), static_cast<std::size_t>(last - first)};
  }

  Rng& rng_;
  const std::vector<std::string> numbers_{"0",
                                          "1",
                                          "2",
                                          "3",
                                          "4",
                                          "7",
                                          "16",
                                          "1000",
                                          "4294967295",
                                          "0.5",
                                          "1e-3",
                                          "1e18",
                                          "-1",
                                          "-0.0",
                                          "1e300",
                                          "281474976710656",
                                          "281474976710657",
                                          "1.5",
                                          "null"};
};

// A broken promise ends the process, and gtest with it.
volatile std::sig_atomic_t seed_now = 0;
void print_seed(int) { std::fprintf(stderr, "problem_fuzz_test: seed %d\n", static_cast<int>(seed_now)); }

TEST(ProblemFuzz, FilesOfTheCorpusHold) {
  const auto texts = corpus();
  ASSERT_GT(texts.size(), 6U);
  for (const std::string& text : texts) fuzz_problem(text);
}

TEST(ProblemFuzz, MutatedFilesHold) {
  const auto texts = corpus();
  std::map<Ending, int> count;
  std::signal(SIGABRT, print_seed);
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    Rng rng(seed);
    const std::string text =
        Mutator(rng).mutated(texts[rng.below(texts.size())], texts[rng.below(texts.size())]);
    seed_now = static_cast<std::sig_atomic_t>(seed);
    ++count[fuzz_problem(text)];
  }
  // The mutations must get past the reader often enough to say something about planners.
  EXPECT_GT(count[Ending::refused], 500);
  EXPECT_GT(count[Ending::planned], 500);
  EXPECT_GT(count[Ending::infeasible], 50);
}

}  // namespace
}  // namespace selmcast::fuzz
