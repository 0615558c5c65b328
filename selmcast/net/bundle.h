// A dialled Link made of several connections, where one does not fill a long path (internal to net/).
//
// One TCP stream carries at most its window a round trip, whatever the link could: of 4 MB of buffer, the kernel's
// default, 2.8 MB, over 100 ms 224 Mbit/s; and after a loss, or an idle time, it takes many round trips to get there.
// So a payload is cut into stripes (stripes.h), and whichever connection has room takes the next one.
//     small frames      go over the first connection; the very first, hello, over each
//     stream, _cut      stripes over all of them, one schedule for the whole (pace_schedule.h), its rate divided by the
//                       connections that still have something to send
//     stream_parts      over the first: patches of a multicast are few
// All or none: it is connected when all are, and closed, every connection with it, when one is. To its handler it is
// one link. Thread rule and life: link.h's.
#pragma once

#include <memory>
#include <string>

#include "selmcast/net/link.h"

namespace selmcast::net {

// Requires options.streams > 1.
std::unique_ptr<Link> dial_bundle(asio::io_context& io, const std::string& host, std::uint16_t port,
                                  LinkOptions options, LinkHandler& handler);

}  // namespace selmcast::net
