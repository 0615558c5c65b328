// How soon a stream stops that is dropped: from the order, posted to the sender's loop as a control stream does, until
// the sender has cut it off, until its receiver knows, and what the receiver is still given after the order. On
// loopback, at several rates. Prints a table; not a test.
#include <fmt/core.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/net/link.h"
#include "selmcast/net/sender_testing.h"

namespace selmcast::net {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kDrops = 200;
constexpr std::size_t kPayload = 64'000'000;
constexpr std::chrono::milliseconds kBefore(20);  // of streaming

class Receiver final : public LinkHandler {
 public:
  void on_connected(Link&) override {}
  Result<std::span<std::byte>> on_chunk_header(Link&, const wire::FrameHeader& header) override {
    return std::span(buffer_).first(header.length);
  }
  void on_chunk_bytes(Link&, const wire::FrameHeader&, Bytes bytes) override { received += bytes.count(); }
  Result<void> on_frame(Link&, const wire::FrameHeader&, std::span<const std::byte>) override { return {}; }
  void on_stream_sent(Link&, TransferId) override {}
  void on_closed(Link&, const Error&) override {
    closed_at = Clock::now();
    closed = true;
  }
  std::atomic<std::int64_t> received{0};
  Clock::time_point closed_at;
  std::atomic<bool> closed{false};

 private:
  std::vector<std::byte> buffer_ = std::vector<std::byte>(1'100'000);
};

struct Drop {
  double stopped_ms = 0, noticed_ms = 0, kilobytes_after = 0;
};

void wait_until(const std::atomic<bool>& done) {
  while (!done) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

Drop drop(std::span<const std::byte> payload, Rate rate) {
  asio::io_context receiving{1}, sending{1};
  Receiver receiver;
  Sender sender(payload, rate);
  std::vector<std::unique_ptr<Link>> accepted;
  const auto acceptor = listen(receiving, "127.0.0.1", 0, {}, receiver,
                               [&](std::unique_ptr<Link> link) { accepted.push_back(std::move(link)); });
  SELMCAST_CHECK(acceptor.has_value(), "loopback can be listened on");
  auto link = dial(sending, "127.0.0.1", (*acceptor)->port(), {}, sender);
  std::jthread sending_thread([&] { sending.run(); });
  std::jthread receiving_thread([&] { receiving.run(); });
  while (receiver.received == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
  std::this_thread::sleep_for(kBefore);

  std::atomic<bool> stopped{false};
  Clock::time_point stopped_at;
  const auto ordered = Clock::now();
  const std::int64_t before = receiver.received;
  asio::post(sending, [&] {
    link->abort();
    stopped_at = Clock::now();
    stopped = true;
  });
  wait_until(stopped);
  wait_until(receiver.closed);
  const auto ms = [&](Clock::time_point time) {
    return std::chrono::duration<double, std::milli>(time - ordered).count();
  };
  const Drop result{ms(stopped_at), ms(receiver.closed_at),
                    static_cast<double>(receiver.received - before) / 1e3};
  sending.stop();
  receiving.stop();
  return result;
}

std::string spread(std::vector<double> values) {
  std::ranges::sort(values);
  const auto at = [&](double q) {
    return values[static_cast<std::size_t>(q * static_cast<double>(kDrops - 1))];
  };
  return fmt::format("{:8.3f}{:8.3f}{:8.3f}", at(0.5), at(0.95), at(1));
}

void print_drops(const char* what, Rate rate) {
  const std::vector<std::byte> payload(kPayload, std::byte{7});
  std::vector<double> stopped, noticed, after;
  for (int k = 0; k < kDrops; ++k) {
    const Drop one = drop(payload, rate);
    stopped.push_back(one.stopped_ms);
    noticed.push_back(one.noticed_ms);
    after.push_back(one.kilobytes_after);
  }
  fmt::print("{:<20}{}  {}  {}\n", what, spread(stopped), spread(noticed), spread(after));
}

}  // namespace
}  // namespace selmcast::net

int main() {
  using selmcast::Rate;
  fmt::print("{} drops each: median, 95th percentile, maximum\n", selmcast::net::kDrops);
  fmt::print("{:<20}{:>24}  {:>24}  {:>24}\n", "rate", "sender stopped, ms", "receiver knows, ms",
             "kB after the order");
  selmcast::net::print_drops("20 Mbit/s", Rate::megabits_per_second(20));
  selmcast::net::print_drops("200 Mbit/s", Rate::megabits_per_second(200));
  selmcast::net::print_drops("1 Gbit/s", Rate::megabits_per_second(1000));
  selmcast::net::print_drops("unpaced", Rate::unlimited());
}
