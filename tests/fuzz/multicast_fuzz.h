// What must hold for every datagram and every status that anybody sends: one function, two callers (problem_fuzz.h says
// which).
//
// The bytes are cut into words: one byte for the kind, two for the length, then as many. A word is a datagram as it
// is; a datagram with both checksums put right, so that what lies behind them is reached; or a status. Datagrams go
// to a receiver, statuses to the sender of the same stream. Everything is refused or taken; nothing that is no
// segment of the stream changes a byte of the place, and what is decoded encodes to the same bytes. Whatever breaks
// that ends the process (SELMCAST_CHECK), as does a sanitizer.
#pragma once

#include <cstddef>
#include <span>

namespace selmcast::fuzz {

struct MulticastEnding {
  std::size_t datagrams = 0, statuses = 0;  // that were taken
  std::size_t refused = 0;
};
MulticastEnding fuzz_multicast(std::span<const std::byte> input);

}  // namespace selmcast::fuzz
