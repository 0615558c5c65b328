// The shells over real sockets on the loopback interface; what would go over TCP is handed over in the process.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <map>
#include <set>

#include "selmcast/mcast/group_receiver.h"
#include "selmcast/mcast/group_sender.h"

namespace selmcast::mcast {
namespace {

constexpr std::uint32_t kLoopback = 0x7f000001;
// The process id keeps runs on one machine apart.
Endpoint some_group(std::uint32_t last) {
  return {0xef4d0000 | last, static_cast<std::uint16_t>(20'000 + getpid() % 30'000)};
}

struct Group : ::testing::Test {
  struct Node : GroupReceiverHandler {
    Group* test = nullptr;
    TransferId transfer;
    std::vector<std::byte> place;
    std::unique_ptr<GroupReceiver> receiver;
    bool complete = false, lost = false, mute = false;
    int statuses = 0;

    void on_status(TransferId, const Status& status) override {
      ++statuses;
      if (!mute && test->sender) {
        EXPECT_TRUE(test->sender->status(transfer, status).has_value());
      }
    }
    void on_complete(TransferId, Instant) override {
      complete = true;
      if (test->sender) test->sender->acknowledged(transfer);
      test->stop_if_over();
    }
    void on_lost(TransferId, const Error&) override {
      lost = true;
      test->stop_if_over();
    }
  };

  asio::io_context io;
  std::unique_ptr<GroupSender> sender;
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<std::byte> payload;
  StreamShape shape;
  std::vector<SenderEvent> events;

  void make(std::size_t receivers, Bytes total, Rate rate, double drop_share = 0,
            std::uint32_t segment_bytes = kSegmentBytes) {
    shape = {StreamId(4711), total, segment_bytes};
    payload.resize(static_cast<std::size_t>(total.count()));
    for (std::size_t k = 0; k < payload.size(); ++k)
      payload[k] = static_cast<std::byte>(k * 2654435761u >> 13);
    std::vector<TransferId> peers;
    for (std::size_t k = 0; k < receivers; ++k) {
      auto node = std::make_unique<Node>();
      node->test = this;
      node->transfer = TransferId(k);
      node->place.resize(payload.size());
      auto receiver =
          GroupReceiver::make(io, {kLoopback, {drop_share, drop_share, drop_share, k + 1}}, *node);
      ASSERT_TRUE(receiver.has_value()) << receiver.error().message;
      node->receiver = std::move(*receiver);
      const auto joined = node->receiver->join(node->transfer, shape, some_group(1), node->place);
      ASSERT_TRUE(joined.has_value()) << joined.error().message;
      peers.push_back(node->transfer);
      nodes.push_back(std::move(node));
    }
    auto made =
        GroupSender::make(io, {.group = some_group(1), .interface = kLoopback, .hops = 0}, shape, payload,
                          peers, rate, [this](const SenderEvent& event) { happened(event); });
    ASSERT_TRUE(made.has_value()) << made.error().message;
    sender = std::move(*made);
    for (const auto& node : nodes) sender->joined(node->transfer, node->receiver->repairs());
  }
  void happened(const SenderEvent& event) {
    events.push_back(event);
    if (const auto* handed = std::get_if<PeerHandedOver>(&event)) {
      Node& node = *nodes[handed->peer.value()];
      for (const SegmentRange& range : handed->missing) {
        const auto begin = shape.offset(range.first);
        const auto end = shape.offset(range.end - 1) + shape.length(range.end - 1);
        const auto bytes = std::span<const std::byte>(payload).subspan(begin, end - begin);
        EXPECT_TRUE(node.receiver->patch(node.transfer, range.first, bytes).has_value());
      }
    }
    if (std::holds_alternative<PeerDead>(event)) stop_if_over();
  }
  void stop_if_over() {
    for (const auto& node : nodes) {
      if (!node->complete && !node->lost && node->receiver) return;
    }
    io.stop();
  }
};

TEST_F(Group, AllGetAllAndOnlyOnce) {
  make(3, Bytes(5'000'001), Rate::megabits_per_second(400));
  io.run();
  for (const auto& node : nodes) {
    EXPECT_TRUE(node->complete);
    EXPECT_EQ(node->place, payload);
  }
  EXPECT_EQ(sender->core().counts().segments, 3473u);  // 5,000,001 / 1440, rounded up
}

TEST_F(Group, LossDoublingAndDisorderDoNoHarm) {
  make(3, Bytes(3'000'000), Rate::megabits_per_second(200), 0.05);
  io.run();
  for (const auto& node : nodes) EXPECT_EQ(node->place, payload);
  EXPECT_GT(sender->core().counts().unicast_repairs, 0u);
}

TEST_F(Group, LargeSegments) {
  make(2, Bytes(3'000'000), Rate::megabits_per_second(400), 0, 8'940);
  io.run();
  for (const auto& node : nodes) EXPECT_EQ(node->place, payload);
}

TEST_F(Group, WhoeverLeavesIsNotWrittenToAnyMore) {
  make(2, Bytes(20'000'000), Rate::megabits_per_second(400));
  asio::steady_timer timer(io, std::chrono::milliseconds(50));
  std::vector<std::byte> as_it_was;
  timer.async_wait([&](const asio::error_code&) {
    sender->drop(TransferId(1));
    nodes[1]->receiver->leave(TransferId(1));
    as_it_was = nodes[1]->place;
    nodes[1]->lost = true;
  });
  io.run();
  EXPECT_EQ(nodes[0]->place, payload);
  EXPECT_EQ(nodes[1]->place, as_it_was);
  EXPECT_FALSE(nodes[1]->complete);
  EXPECT_TRUE(sender->core().finished());
}

TEST_F(Group, ASilentSenderAndASilentReceiverAreGivenUp) {
  make(2, Bytes(20'000'000), Rate::megabits_per_second(100));  // 1.6 s
  nodes[1]->mute = true;                                       // hears all, says nothing
  asio::steady_timer timer(io, std::chrono::milliseconds(200));
  timer.async_wait([&](const asio::error_code&) { sender.reset(); });
  io.run();
  EXPECT_TRUE(nodes[0]->lost && nodes[1]->lost);
  EXPECT_GT(nodes[0]->statuses, 0);
}

TEST_F(Group, WhatIsNoDatagramOfOursIsCounted) {
  make(1, Bytes(100'000), Rate::megabits_per_second(400));
  const int stranger = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(kLoopback);
  to.sin_port = htons(nodes[0]->receiver->repairs().port);
  for (const char* text : {"", "hello", "SMM1 but then nothing of what should follow it"})
    ASSERT_GE(sendto(stranger, text, strlen(text), 0, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  close(stranger);
  io.run();
  EXPECT_EQ(nodes[0]->place, payload);
  EXPECT_EQ(nodes[0]->receiver->refused(), 2u);  // an empty datagram has no byte to look at
}

TEST(UdpSocketTest, WhatCannotBeIsSaid) {
  EXPECT_FALSE(parse_address("239.77.0").has_value());
  EXPECT_EQ(*parse_address("239.77.0.1"), 0xef4d0001u);
  const auto socket = UdpSocket::for_group({0xef4d0001, 4000}, 0xc0000201);  // 192.0.2.1 is nobody's
  ASSERT_FALSE(socket.has_value());
  EXPECT_EQ(socket.error().code, ErrorCode::io);
  EXPECT_EQ(*interface_towards(kLoopback), kLoopback);
}

}  // namespace
}  // namespace selmcast::mcast
