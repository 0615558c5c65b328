// What went through each shaper: bytes as they were counted on the link (headers of every frame included), frames,
// frames lost for want of room, bytes that wait.
//
// Asked of the kernel by netlink (RTM_GETQDISC), through a socket that was opened inside the namespace: a sample costs
// a system call or two, where `tc -s` costs a process. An interface's own counters would not do: they count a burst of
// segments that was handed over as one with one header.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::testbed {

struct QdiscCounters {
  Bytes sent;
  std::uint64_t frames = 0;
  std::uint64_t lost = 0;
  Bytes waiting;
  bool operator==(const QdiscCounters&) const = default;
};

// By major number of the shaper's handle: commands.h. Only qdiscs of kind tbf.
using ShaperCounters = std::map<std::uint32_t, QdiscCounters>;

// Pure: one datagram of the kernel's answer, added to `counters`. True when it was the last one. Error (protocol).
Result<bool> read_qdisc_dump(std::span<const std::byte> datagram, ShaperCounters& counters);

class QdiscReader {
 public:
  // Error (io) if the namespace cannot be entered.
  static Result<QdiscReader> open(const std::string& namespace_name);
  QdiscReader(QdiscReader&& other) noexcept;
  QdiscReader& operator=(QdiscReader&&) = delete;
  ~QdiscReader();
  Result<ShaperCounters> read();  // error: io, or timeout after a second without an answer

 private:
  explicit QdiscReader(int socket) : socket_(socket) {}
  int socket_ = -1;
};

}  // namespace selmcast::testbed
