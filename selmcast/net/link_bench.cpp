// How fast links are on loopback, how close emulated links and paced streams come to their rate, and how
// evenly concurrent senders share. Prints tables; not a test. The full-speed table has a plain socket loop
// beside it, in the same process and run.
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/net/link.h"
#include "selmcast/net/sender_testing.h"

namespace selmcast::net {
namespace {

using Clock = std::chrono::steady_clock;
using Buffer = std::vector<std::byte>;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Takes every chunk of every link; ends its io_context when `expected` bytes have come.
class Receiver final : public LinkHandler {
 public:
  Receiver(std::size_t payload_bytes, std::size_t links, bool verify)
      : expected_(payload_bytes * links), verify_(verify), buffers_(links, Buffer(payload_bytes)) {}

  void on_connected(Link&) override {}
  Result<std::span<std::byte>> on_chunk_header(Link& link, const wire::FrameHeader& header) override {
    if (received_ == 0) start_ = Clock::now();
    const auto index = states_.try_emplace(&link, PerLink{.index = states_.size()}).first->second.index;
    const auto offset = static_cast<std::size_t>(wire::chunk_offset(header.sequence).count());
    return std::span(buffers_[index]).subspan(offset, header.length);
  }
  void on_chunk_bytes(Link& link, const wire::FrameHeader&, Bytes bytes) override {
    states_[&link].bytes += static_cast<std::size_t>(bytes.count());
    received_ += static_cast<std::size_t>(bytes.count());
    if (half_shares_.empty() && received_ >= expected_ / 2) {
      for (const auto& [key, state] : states_) {
        half_shares_.push_back(static_cast<double>(state.bytes) / static_cast<double>(received_) *
                               static_cast<double>(states_.size()));
      }
    }
    if (received_ == expected_) seconds_ = seconds_since(start_);
  }
  Result<void> on_frame(Link&, const wire::FrameHeader& header, std::span<const std::byte> payload) override {
    if (verify_)
      SELMCAST_CHECK(wire::verify_payload(header, payload).has_value(), "loopback delivers intact");
    if (received_ == expected_) io.stop();
    return {};
  }
  void on_stream_sent(Link&, TransferId) override {}
  void on_closed(Link& link, const Error& error) override {
    fmt::print("  {}: {}\n", link.remote(), error.message);
  }

  asio::io_context io{1};
  double seconds() const { return seconds_; }
  // Of each link when half of all had come; 1 is a fair share.
  const std::vector<double>& half_shares() const { return half_shares_; }

 private:
  struct PerLink {
    std::size_t index = 0;
    std::size_t bytes = 0;
  };
  std::size_t expected_;
  bool verify_;
  std::vector<Buffer> buffers_;  // written to before the clock starts, so that no page fault is measured
  std::map<Link*, PerLink> states_;
  std::size_t received_ = 0;
  Clock::time_point start_;
  double seconds_ = 0;
  std::vector<double> half_shares_;
};

struct Scenario {
  std::size_t payload_bytes = 1'100'000;
  std::size_t links = 1;
  Rate uplink = Rate::unlimited();
  Rate downlink = Rate::unlimited();
  Rate pace = Rate::unlimited();
  bool verify = true;
};

struct Outcome {
  double seconds = 0;
  std::vector<double> half_shares;
};

Outcome run(const Scenario& scenario) {
  Receiver receiver(scenario.payload_bytes, scenario.links, scenario.verify);
  asio::io_context sending{1};
  LinkOptions receiving_options;
  if (!scenario.downlink.is_unlimited())
    receiving_options.downlink = make_budget(receiver.io, scenario.downlink);
  LinkOptions sending_options;
  if (!scenario.uplink.is_unlimited()) sending_options.uplink = make_budget(sending, scenario.uplink);

  std::vector<std::unique_ptr<Link>> accepted;
  auto acceptor = listen(receiver.io, "127.0.0.1", 0, receiving_options, receiver,
                         [&](std::unique_ptr<Link> link) { accepted.push_back(std::move(link)); });
  SELMCAST_CHECK(acceptor.has_value(), "loopback can be listened on");
  const Buffer payload(scenario.payload_bytes, std::byte{7});
  Sender sender(payload, scenario.pace);
  std::vector<std::unique_ptr<Link>> dialled;
  for (std::size_t i = 0; i < scenario.links; ++i) {
    dialled.push_back(dial(sending, "127.0.0.1", (*acceptor)->port(), sending_options, sender));
  }
  std::thread sending_thread([&] { sending.run(); });
  receiver.io.run();
  sending.stop();
  sending_thread.join();
  return {.seconds = receiver.seconds(), .half_shares = receiver.half_shares()};
}

// Blocking writes of 1 MB and reads into one buffer, on two threads: what the kernel alone can do.
double plain_loop_seconds(std::size_t total, bool with_crc) {
  const int listening = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t length = sizeof address;
  SELMCAST_CHECK(bind(listening, reinterpret_cast<sockaddr*>(&address), length) == 0, "loopback");
  ::listen(listening, 1);
  getsockname(listening, reinterpret_cast<sockaddr*>(&address), &length);
  std::thread sending([address, total, with_crc] {
    const int out = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(out, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    SELMCAST_CHECK(connect(out, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
                   "loopback");
    const Buffer payload(total, std::byte{7});
    for (std::size_t sent = 0; sent < total;) {
      const auto chunk = std::span(payload).subspan(sent, std::min(wire::kChunkBytesMax, total - sent));
      if (with_crc) SELMCAST_CHECK(wire::crc32c(chunk) != 0, "a checksum");
      std::size_t of_chunk = 0;
      while (of_chunk < chunk.size()) {
        of_chunk += static_cast<std::size_t>(write(out, chunk.data() + of_chunk, chunk.size() - of_chunk));
      }
      sent += of_chunk;
    }
    ::close(out);
  });
  const int in = accept(listening, nullptr, nullptr);
  Buffer buffer(total);
  std::size_t received = 0;
  std::size_t checked = 0;
  Clock::time_point start;
  for (ssize_t count = 1; received < total && count > 0; received += static_cast<std::size_t>(count)) {
    if (received == 0) {
      std::byte first{};
      recv(in, &first, 1, MSG_PEEK);
      start = Clock::now();
    }
    const std::size_t rest_of_chunk = wire::kChunkBytesMax - received % wire::kChunkBytesMax;
    count = read(in, buffer.data() + received, std::min(rest_of_chunk, total - received));
    if (with_crc && received + static_cast<std::size_t>(count) - checked >= wire::kChunkBytesMax) {
      SELMCAST_CHECK(wire::crc32c(std::span(buffer).subspan(checked, wire::kChunkBytesMax)) != 0,
                     "a checksum");
      checked += wire::kChunkBytesMax;
    }
  }
  const double seconds = seconds_since(start);
  sending.join();
  ::close(in);
  ::close(listening);
  return seconds;
}

double best_of(int runs, const std::function<double()>& measure) {
  double best = measure();
  for (int i = 1; i < runs; ++i) best = std::min(best, measure());
  return best;
}

void print_full_speed() {
  constexpr std::size_t kTotal = std::size_t{1} << 27;
  const auto print = [](const char* what, double seconds) {
    fmt::print("  {:<44}{:6.2f} GB/s\n", what, static_cast<double>(kTotal) / seconds / 1e9);
  };
  fmt::print("full speed, 128 MiB, best of 5\n");
  print("plain socket loop", best_of(5, [] { return plain_loop_seconds(kTotal, false); }));
  print("plain socket loop, CRC32C on both sides",
        best_of(5, [] { return plain_loop_seconds(kTotal, true); }));
  print("link, CRC32C at the sender only",
        best_of(5, [] { return run({.payload_bytes = kTotal, .verify = false}).seconds; }));
  print("link, CRC32C on both sides", best_of(5, [] { return run({.payload_bytes = kTotal}).seconds; }));
}

void print_rated(const char* what, const Scenario& scenario, Rate total_rate) {
  const double expected =
      8.0 * static_cast<double>(scenario.payload_bytes * scenario.links) / total_rate.bps();
  const auto outcome = run(scenario);
  const auto [least, most] = std::ranges::minmax(outcome.half_shares);
  fmt::print("  {:<28}{:5}{:10.2f}{:10.4f}{:10.4f}{:+8.1f} %{:8.2f} ..{:5.2f}\n", what, scenario.links,
             total_rate.mbps(), expected, outcome.seconds, 100 * (outcome.seconds / expected - 1), least,
             most);
}

void print_rates() {
  fmt::print("{:<30}{:>5}{:>10}{:>10}{:>10}{:>10}{:>16}\n", "1.1 MB a link", "links", "Mbit/s", "ideal s",
             "took s", "off", "half-time share");
  for (const std::size_t links : {1u, 7u}) {
    for (const double mbps : {20.0, 200.0, 400.0}) {
      const Rate rate = Rate::megabits_per_second(mbps);
      const Rate each = rate * (1.0 / static_cast<double>(links));
      print_rated("emulated downlink", {.links = links, .downlink = rate}, rate);
      print_rated("emulated uplink", {.links = links, .uplink = rate}, rate);
      print_rated("paced (SO_MAX_PACING_RATE)", {.links = links, .pace = each}, rate);
      print_rated("paced 1.5 x, downlink", {.links = links, .downlink = rate, .pace = each * 1.5}, rate);
      print_rated("uplink 4 x, downlink", {.links = links, .uplink = rate * 4, .downlink = rate}, rate);
    }
  }
}

}  // namespace
}  // namespace selmcast::net

int main() {
  selmcast::net::print_full_speed();
  selmcast::net::print_rates();
}
