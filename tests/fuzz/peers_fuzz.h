// What must hold whatever workers say to a manager, a manager to a worker, and peers to each other on the data plane:
// one function, two callers (problem_fuzz.h says which).
//
// The bytes are cut into words: one byte for the kind, one for who says it, two for the length, then as many. A word
// is a message of a worker (Protocol Buffers) to a DurableManager that waits for two workers and lets others come; a
// message of a manager to a WorkerCore; bytes of a connection to that worker, as they are or in a frame whose header
// is right; a line of a journal; an address; or time that passes. Everything is taken or refused. What is decoded
// encodes to the same message; nobody holds more than there are peers. Whatever breaks that ends the process
// (SELMCAST_CHECK), as does a sanitizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace selmcast::fuzz {

enum class Word : std::uint8_t { to_manager, to_worker, bytes, frame, journal, address, time };
inline constexpr unsigned kWords = 7;

void add_word(std::vector<std::byte>& input, Word kind, unsigned who, std::span<const std::byte> bytes);

struct PeersEnding {
  std::size_t to_manager = 0, to_worker = 0, frames = 0, lines = 0;  // that were decoded
  std::size_t refused = 0;
  std::size_t plans = 0;   // of the manager
  std::size_t models = 0;  // received and verified by the worker
};
PeersEnding fuzz_peers(std::span<const std::byte> input);

}  // namespace selmcast::fuzz
