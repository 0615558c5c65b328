// How a payload is cut for several connections that carry it at once: which part is given out next.
//
// Stripes are given out in order, to whichever connection has room (net/bundle.h), so that none waits for a slower one;
// they arrive in any order. They are small, so that all connections end at about the same time: the last one is at most
// a stripe behind. A stripe begins at a multiple of wire::kStripeUnitBytes.
//     a whole payload     1 / (32 * connections) of it each, but kStripeBytesMin at least and a chunk at most
//     as cut (relay)      those chunks, no sooner than they are there: whoever sends them on sends whole ones
// Pure; a value of one thread.
#pragma once

#include <cstddef>
#include <optional>

#include "selmcast/net/send_queue.h"

namespace selmcast::net {

inline constexpr std::size_t kStripeBytesMin = 64 * 1024;

class Stripes {
 public:
  // Requires total > 0, connections > 0.
  Stripes(std::size_t total, std::size_t connections);
  // Requires total > 0, cut.chunk a multiple of kStripeUnitBytes and a chunk at most, cut.first within the payload.
  Stripes(std::size_t total, const StreamCut& cut);

  // None: all are given out, or the next one is not there yet.
  std::optional<PayloadPart> next();
  void extend(std::size_t available);  // bytes that are there, in all
  bool all_given() const { return offset_ == total_; }
  std::size_t rest() const { return total_ - offset_; }  // bytes not given out

 private:
  std::size_t total_;
  std::size_t stripe_;
  std::size_t available_;
  std::size_t offset_ = 0;
};

}  // namespace selmcast::net
