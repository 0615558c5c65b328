// A second of fuzzing in every test run: words that are right, mutated from seeds.
#include "tests/fuzz/multicast_fuzz.h"

#include <gtest/gtest.h>

#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/mcast/datagram.h"
#include "selmcast/mcast/status.h"
#include "selmcast/wire/little_endian.h"

namespace selmcast::fuzz {
namespace {

using namespace mcast;

void add_word(std::vector<std::byte>& input, unsigned kind, std::span<const std::byte> word) {
  input.push_back(static_cast<std::byte>(kind));
  input.push_back(static_cast<std::byte>(word.size()));
  input.push_back(static_cast<std::byte>(word.size() >> 8));
  input.insert(input.end(), word.begin(), word.end());
}

std::vector<std::byte> words(Rng& rng) {
  const std::vector<std::byte> payload(1000, std::byte{3});
  const StreamShape shape{StreamId(1), Bytes(1000), 64};
  std::vector<std::byte> input;
  for (int k = 0; k < 20; ++k) {
    const auto segment = static_cast<std::uint32_t>(rng.below(16));
    if (rng.below(3) == 0) {
      const SegmentRange window{segment, segment + static_cast<std::uint32_t>(rng.below(16))};
      Status status{segment, segment, 0, segment, window, std::vector<std::byte>((window.size() + 7) / 8)};
      add_word(input, 2, encode(status));
    } else {
      const auto kind = rng.below(2) == 0 ? DatagramKind::data : DatagramKind::repair;
      const auto head =
          encode(segment_header(shape, payload, kind, segment, static_cast<std::uint32_t>(rng.below(99))));
      std::vector<std::byte> datagram(head.begin(), head.end());
      datagram.resize(datagram.size() + shape.length(segment), std::byte{3});
      add_word(input, 4, datagram);
    }
  }
  return input;
}

TEST(MulticastFuzz, NothingThatIsSentDoesHarm) {
  MulticastEnding sum;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    Rng rng(seed);
    std::vector<std::byte> input = words(rng);
    for (std::size_t left = rng.below(20); left > 0; --left) {
      input[rng.below(input.size())] = static_cast<std::byte>(rng.below(256));
    }
    if (rng.below(4) == 0) input.resize(rng.below(input.size()));
    const MulticastEnding ending = fuzz_multicast(input);
    sum.datagrams += ending.datagrams;
    sum.statuses += ending.statuses;
    sum.refused += ending.refused;
  }
  // Of some 400,000 words a third are statuses; that all three ends are reached shows that the mutations are mild
  // and wild.
  EXPECT_GT(sum.datagrams, 10'000u);
  EXPECT_GT(sum.statuses, 1'000u);
  EXPECT_GT(sum.refused, 10'000u);
}

}  // namespace
}  // namespace selmcast::fuzz
