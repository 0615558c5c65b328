#include "tests/fuzz/multicast_fuzz.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/mcast/receiver.h"
#include "selmcast/mcast/sender.h"
#include "selmcast/wire/frame.h"
#include "selmcast/wire/little_endian.h"

namespace selmcast::fuzz {
namespace {

using namespace mcast;

constexpr StreamShape kShape{StreamId(1), Bytes(1000), 64};
constexpr std::byte kUntouched{0xee};

struct Run {
  std::vector<std::byte> payload = std::vector<std::byte>(1000, std::byte{7});
  std::vector<std::byte> place = std::vector<std::byte>(1000, kUntouched);
  Receiver receiver{kShape, place, Instant()};
  TransferId peer{1};
  Sender sender{kShape, std::span(&peer, 1), Rate::megabits_per_second(100)};
  Instant now;
  MulticastEnding ending;

  void datagram(std::span<const std::byte> bytes) {
    const auto header = decode_datagram(bytes);
    if (!header) {
      ++ending.refused;
      return;
    }
    ++ending.datagrams;
    SELMCAST_CHECK(std::ranges::equal(encode(*header), bytes.first(kDatagramHeaderBytes)),
                   "a header encodes to what it was");
    if (header->stream != kShape.stream) return;
    const auto before = receiver.counts();
    const auto place_before = place;
    receiver.datagram(*header, bytes.subspan(kDatagramHeaderBytes), now);
    if (receiver.counts().misfits != before.misfits || receiver.counts().duplicates != before.duplicates)
      SELMCAST_CHECK(place == place_before, "what is no new segment changes nothing");
  }

  void status(std::span<const std::byte> bytes) {
    const auto decoded = decode_status(bytes);
    if (!decoded) {
      ++ending.refused;
      return;
    }
    SELMCAST_CHECK(std::ranges::equal(encode(*decoded), bytes), "a status encodes to what it was");
    if (sender.status(peer, *decoded, now)) {
      ++ending.statuses;
    } else {
      ++ending.refused;
    }
  }

  void pass_time() {
    now = now + Duration::milliseconds(1);
    std::vector<Transmission> due(8);
    const std::size_t count = sender.due(now, due);
    for (const Transmission& t : std::span(due).first(count)) {
      SELMCAST_CHECK(t.segment < kShape.segments() || t.kind == DatagramKind::poll,
                     "what is sent is of the stream");
    }
    static_cast<void>(sender.tick(now));
    if (const auto status = receiver.status_due(now))
      SELMCAST_CHECK(decode_status(encode(*status)).has_value(), "our own statuses are understood");
  }
};

}  // namespace

MulticastEnding fuzz_multicast(std::span<const std::byte> input) {
  Run run;
  static_cast<void>(run.sender.joined(run.peer, run.now));
  while (input.size() >= 3) {
    const auto kind = std::to_integer<unsigned>(input[0]);
    const std::size_t length =
        std::min<std::size_t>(wire::get<std::uint16_t>(input, 1) % 2048, input.size() - 3);
    std::vector<std::byte> word(input.begin() + 3, input.begin() + 3 + static_cast<std::ptrdiff_t>(length));
    input = input.subspan(3 + length);
    run.pass_time();
    if (kind % 3 == 2) {
      run.status(word);
      continue;
    }
    if (kind % 3 == 1 && word.size() >= kDatagramHeaderBytes) {
      const auto payload = std::span(word).subspan(kDatagramHeaderBytes);
      wire::put(std::span(word), 0, kDatagramMagic);
      wire::put(std::span(word), 4, kDatagramVersion);
      if (kind % 2 == 0) wire::put(std::span(word), 8, kShape.stream.value());
      wire::put(std::span(word), 24, wire::crc32c(payload));
      wire::put(std::span(word), 28, wire::crc32c(std::span(word).first(28)));
    }
    run.datagram(word);
  }
  return run.ending;
}

}  // namespace selmcast::fuzz

// What libFuzzer calls; nobody else does.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  selmcast::fuzz::fuzz_multicast(std::as_bytes(std::span(data, size)));
  return 0;
}
