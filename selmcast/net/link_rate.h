// What a wire carries, headers and all, and how much of it is payload: the one place where the two are converted.
//
// Everywhere else of this project bandwidth is payload goodput (Rate). A shaper such as tc's tbf, a network card and a
// contract count the bits of whole Ethernet frames instead. A full frame of a TCP stream over IPv4, as Linux sends it:
//
//     14 Ethernet | 20 IPv4 | 20 TCP + 12 timestamps | 1448 payload         = MTU 1500 + 14 = 1514 bytes
//
// so payload = 1448 / 1514 of the link rate (0.9564), which is what a lone stream gets behind tbf. Preamble, checksum
// and gap of a physical Ethernet (24 bytes a frame) are not counted: tbf does not, either. Acknowledgements travel in
// the other direction and cost it about 66 bytes for two segments, 2 % of the stream they acknowledge. The 32 bytes of
// our own headers a chunk of 1 MB (wire/frame.h) are left out too. Pure; any thread.
#pragma once

#include <compare>

#include "selmcast/base/units.h"

namespace selmcast::net {

inline constexpr Bytes kFrameBytes = Bytes(1514);
inline constexpr Bytes kFramePayloadBytes = Bytes(1448);
inline constexpr double kPayloadShare = kFramePayloadBytes.in_bits() / kFrameBytes.in_bits();

class LinkRate {
 public:
  constexpr LinkRate() = default;
  static constexpr LinkRate bits_per_second(double value) { return LinkRate(value); }
  static constexpr LinkRate megabits_per_second(double value) { return LinkRate(value * 1e6); }
  static constexpr LinkRate unlimited() { return LinkRate(Rate::unlimited().bps()); }
  // The link that carries this much payload.
  static constexpr LinkRate carrying(Rate payload) { return LinkRate(payload.bps() / kPayloadShare); }

  constexpr double bps() const { return bps_; }
  constexpr double mbps() const { return bps_ / 1e6; }
  constexpr bool is_unlimited() const { return Rate::bits_per_second(bps_).is_unlimited(); }
  constexpr Rate payload() const { return Rate::bits_per_second(bps_ * kPayloadShare); }
  constexpr auto operator<=>(const LinkRate&) const = default;

 private:
  explicit constexpr LinkRate(double value) : bps_(value) {}
  double bps_ = 0;
};

}  // namespace selmcast::net
