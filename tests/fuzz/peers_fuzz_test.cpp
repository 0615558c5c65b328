// A few seconds of fuzzing in every test run: conversations that are right, mutated from seeds.
#include "tests/fuzz/peers_fuzz.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/wire/control.pb.h"
#include "selmcast/wire/control_codec.h"
#include "selmcast/wire/frame.h"

namespace selmcast::fuzz {
namespace {

using Input = std::vector<std::byte>;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

void to_manager(Input& input, unsigned who, const wire::FromWorker& message) {
  add_word(input, Word::to_manager, who, bytes_of(wire::encode(message).SerializeAsString()));
}
void to_worker(Input& input, const wire::ToWorker& message) {
  add_word(input, Word::to_worker, 0, bytes_of(wire::encode(message).SerializeAsString()));
}
void frame(Input& input, unsigned who, const std::vector<std::byte>& whole) {
  add_word(input, Word::bytes, who, whole);
}

wire::Hello hello(const std::string& name) {
  wire::Hello hello;
  hello.name = name;
  hello.data_host = "127.0.0.1";
  hello.data_port = 9;
  hello.declared_uplink = hello.declared_downlink = Rate::megabits_per_second(8);
  hello.model.tensors = {{"all", {4}}};
  return hello;
}

// Two workers and one that comes train a few rounds under the manager; the worker is welcome and gets two models.
Input conversation(Rng& rng) {
  Input input{static_cast<std::byte>(rng.below(2))};
  to_manager(input, 0, hello("w0"));
  to_manager(input, 1, hello("w1"));
  for (std::uint64_t round = 0; round < 3; ++round) {
    to_manager(input, 0, wire::Ready{Round(round)});
    to_manager(input, 1, wire::Ready{Round(round)});
    for (std::uint64_t k = 1; k < 4; ++k)
      to_manager(input, static_cast<unsigned>(k % 3),
                 wire::Delivered{TransferId(3 * round + k), Bytes(16), Duration(), Duration::seconds(1)});
    if (round == 0) to_manager(input, 2, hello("w2"));
    if (round == 1) to_manager(input, 2, wire::CatchUp{});
    to_manager(input, static_cast<unsigned>(rng.below(3)),
               wire::TransferFailed{TransferId(1 + rng.below(9)), "a fault",
                                    WorkerId(static_cast<std::uint32_t>(rng.below(3)))});
    add_word(input, Word::time, static_cast<unsigned>(rng.below(200)), {});
    to_manager(input, static_cast<unsigned>(rng.below(3)), wire::Heartbeat{});
  }
  to_manager(input, 3, wire::Resume{wire::kControlProtocolVersion, "w0", 7, 1});
  to_manager(input, 1, wire::Goodbye{"done"});

  to_worker(input, wire::Welcome{WorkerId(0), 1, 7, 3, Duration::milliseconds(500), Duration::seconds(10)});
  const Rate rate = Rate::megabits_per_second(8);
  to_worker(input, wire::RoundPlan{
                       {1, 1},
                       Round(0),
                       {{TransferId(1), {WorkerId(1), "127.0.0.1", 9}, rate}},
                       {{TransferId(2), WorkerId(1), Bytes(16)}, {TransferId(3), WorkerId(2), Bytes(16)}},
                       {}});
  const std::vector<std::byte> model(16, std::byte{0});
  for (const unsigned who : {1u, 2u}) {
    const TransferId transfer(who + 1);
    frame(input, who, wire::hello_frame({7, WorkerId(who)}));
    frame(input, who, wire::offer_frame(transfer, {{1, 1}, Bytes(16), {}}));
    const auto head =
        wire::encode(wire::FrameHeader{wire::FrameKind::chunk, transfer, 0, 16, wire::crc32c(model)});
    std::vector<std::byte> chunk(head.begin(), head.end());
    chunk.insert(chunk.end(), model.begin(), model.end());
    frame(input, who, chunk);
    to_worker(input, wire::Commit{transfer});
  }
  add_word(input, Word::frame, 3, bytes_of(std::string("\0\0\0\0 a body of no kind", 21)));
  to_worker(input, wire::Cancel{TransferId(1), "a fault"});
  to_worker(input, wire::RoundEnd{{1, 1}, Round(0), {TransferId(2), TransferId(3)}, 3});
  add_word(input, Word::journal, 0, bytes_of(wire::to_json(wire::FromWorker(hello("w0")))));
  add_word(input, Word::journal, 0, bytes_of(R"({"sync": "bsp", "workers": 2, "planner": "paper"})"));
  add_word(input, Word::address, 0, bytes_of("[::1]:7070"));
  return input;
}

volatile std::sig_atomic_t seed_now = 0;
void print_seed(int) { std::fprintf(stderr, "peers_fuzz_test: seed %d\n", static_cast<int>(seed_now)); }

TEST(PeersFuzz, ARightConversationIsUnderstood) {
  Rng rng(1);
  const PeersEnding ending = fuzz_peers(conversation(rng));
  EXPECT_GT(ending.to_manager, 15U);
  EXPECT_GT(ending.plans, 0U);
  EXPECT_EQ(ending.models, 2U);
  EXPECT_GT(ending.lines, 0U);
  // For libFuzzer to begin with.
  if (const char* folder = std::getenv("SELMCAST_FUZZ_SEEDS")) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Rng of_seed(seed);
      const Input input = conversation(of_seed);
      std::ofstream(std::string(folder) + "/conversation-" + std::to_string(seed), std::ios::binary)
          .write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
    }
  }
}

TEST(PeersFuzz, NothingThatPeersSayDoesHarm) {
  PeersEnding sum;
  std::signal(SIGABRT, print_seed);
  for (std::uint64_t seed = 0; seed < 5'000; ++seed) {
    seed_now = static_cast<std::sig_atomic_t>(seed);
    Rng rng(seed);
    Input input = conversation(rng);
    for (std::size_t left = rng.below(12); left > 0; --left)
      input[rng.below(input.size())] = static_cast<std::byte>(rng.below(256));
    if (rng.below(4) == 0) {  // a piece of it again, elsewhere
      const std::size_t from = rng.below(input.size()), length = rng.below(200);
      const Input piece(input.begin() + static_cast<std::ptrdiff_t>(from),
                        input.begin() + static_cast<std::ptrdiff_t>(std::min(input.size(), from + length)));
      input.insert(input.begin() + static_cast<std::ptrdiff_t>(rng.below(input.size())), piece.begin(),
                   piece.end());
    }
    const PeersEnding ending = fuzz_peers(input);
    sum.plans += ending.plans;
    sum.models += ending.models;
    sum.refused += ending.refused;
  }
  EXPECT_GT(sum.plans, 1000U);
  EXPECT_GT(sum.models, 1000U);
  EXPECT_GT(sum.refused, 1000U);
}

}  // namespace
}  // namespace selmcast::fuzz
