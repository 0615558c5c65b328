// For tests of WorkerCore: a fixture in which the test plays the manager and the peers, and readers of its actions.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/worker/worker_core.h"

namespace selmcast::worker {

inline constexpr std::uint64_t kToken = 77;
inline constexpr Bytes kModel(16);  // four parameters
inline constexpr PlanVersion kFirst{1, 1};

template <class Action>
std::vector<Action> all(const WorkerActions& actions) {
  std::vector<Action> found;
  for (const WorkerAction& action : actions) {
    if (const auto* one = std::get_if<Action>(&action)) found.push_back(*one);
  }
  return found;
}

template <class Message>
std::vector<Message> said(const WorkerActions& actions) {
  std::vector<Message> found;
  for (const SendToManager& send : all<SendToManager>(actions)) {
    if (const auto* one = std::get_if<Message>(&send.message)) found.push_back(*one);
  }
  return found;
}

inline wire::FrameKind kind_of(const SendFrame& send) {
  return wire::decode_header(
             std::span<const std::byte, wire::kHeaderBytes>(send.frame.data(), wire::kHeaderBytes))
      ->kind;
}

inline std::vector<wire::FrameKind> frames(const WorkerActions& actions) {
  std::vector<wire::FrameKind> kinds;
  for (const SendFrame& send : all<SendFrame>(actions)) kinds.push_back(kind_of(send));
  return kinds;
}

inline std::string error_of(const WorkerActions& actions) {
  const auto over = all<Over>(actions);
  return over.size() == 1 ? over[0].error.message : "";
}

inline wire::Outgoing to(std::uint64_t transfer, std::uint32_t receiver) {
  return {TransferId(transfer), {WorkerId(receiver), "127.0.0.1", 9}, Rate::megabits_per_second(8)};
}
inline wire::Incoming from(std::uint64_t transfer, std::uint32_t sender) {
  return {TransferId(transfer), WorkerId(sender), kModel};
}

inline std::vector<std::byte> model_of(float value) {
  const std::vector<float> parameters(4, value);
  const auto bytes = std::as_bytes(std::span(parameters));
  return {bytes.begin(), bytes.end()};
}

// The worker under test is w0.
struct WorkerCoreTest : ::testing::Test {
  WorkerCore core = made();
  std::vector<float> parameters{1, 2, 3, 4};
  Instant now = Instant::at_seconds(1);

  static WorkerCore made(int buffers = 2, MixingKind mixing = MixingKind::average) {
    wire::Hello hello;
    hello.name = "w0";
    hello.model.tensors = {{"all", {4}}};
    hello.model.mixing = mixing;
    return {hello, buffers};
  }
  void SetUp() override { join(); }
  void join(bool online = false, bool overlap = false) {
    core.start(now);
    const wire::Welcome welcome{WorkerId(0),           1,      kToken, 3, Duration::milliseconds(500),
                                Duration::seconds(10), online, overlap};
    ASSERT_EQ(all<Joined>(core.from_manager(welcome, now)).size(), 1u);
  }

  WorkerActions ready() {
    auto actions = core.synchronize(parameters, now);
    EXPECT_TRUE(actions.has_value());
    return actions.value_or(WorkerActions{});
  }
  WorkerActions manager_says(const wire::ToWorker& message) { return core.from_manager(message, now); }
  WorkerActions plan(std::vector<wire::Outgoing> outgoing, std::vector<wire::Incoming> incoming,
                     PlanVersion version = kFirst, Round round = Round(0)) {
    return manager_says(wire::RoundPlan{version, round, std::move(outgoing), std::move(incoming), {}});
  }
  WorkerActions end(std::vector<TransferId> committed, PlanVersion version = kFirst, Round round = Round(0)) {
    return manager_says(wire::RoundEnd{version, round, std::move(committed), 3});
  }

  // A frame arrives on a link: header and body as encoded.
  Result<WorkerActions> arrives(LinkId link, const std::vector<std::byte>& frame) {
    const auto header =
        wire::decode_header(std::span<const std::byte, wire::kHeaderBytes>(frame.data(), wire::kHeaderBytes));
    return core.frame(link, *header, std::span(frame).subspan(wire::kHeaderBytes), now);
  }
  Result<WorkerActions> chunk_arrives(LinkId link, std::uint64_t transfer,
                                      const std::vector<std::byte>& bytes) {
    const wire::FrameHeader header = wire::chunk_header(TransferId(transfer), 0, bytes);
    const auto place = core.chunk_place(link, header);
    if (!place) return std::unexpected(place.error());
    std::ranges::copy(bytes, place->begin());
    core.chunk_bytes(link, Bytes(static_cast<std::int64_t>(bytes.size())), now);
    return core.frame(link, header, bytes, now);
  }
  Result<WorkerActions> patch(LinkId link, std::uint64_t transfer, std::uint32_t first,
                              std::span<const std::byte> bytes) {
    const auto header = wire::chunk_header(TransferId(transfer), first, bytes, wire::FrameKind::patch);
    const auto place = core.chunk_place(link, header);
    if (!place) return std::unexpected(place.error());
    std::ranges::copy(bytes, place->begin());
    core.chunk_bytes(link, Bytes(static_cast<std::int64_t>(bytes.size())), now);
    return core.frame(link, header, *place, now);
  }
  LinkId peer_dials(std::uint32_t sender) {
    const LinkId link = core.accepted(now);
    EXPECT_TRUE(arrives(link, wire::hello_frame({kToken, WorkerId(sender)})).has_value());
    return link;
  }
  Result<WorkerActions> offer(LinkId link, std::uint64_t transfer, PlanVersion version = kFirst,
                              const wire::MixHeader& mix = {}) {
    return arrives(link, wire::offer_frame(TransferId(transfer), {version, kModel, mix}));
  }
  // w0 is planned to send transfer 1 to w1, dials, and has sent its offer.
  LinkId offered_to_w1() {
    ready();
    const auto dials = all<Dial>(plan({to(1, 1)}, {}));
    EXPECT_EQ(dials.size(), 1u);
    EXPECT_THAT(frames(core.connected(dials.at(0).link)),
                ::testing::ElementsAre(wire::FrameKind::hello, wire::FrameKind::offer));
    return dials.at(0).link;
  }
};

}  // namespace selmcast::worker
