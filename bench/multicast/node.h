// One host of `selmcast bench multicast`: sends a payload drawn from a seed to the others, or receives and compares it.
//
// The transport is what workers use: a TCP link from the sender to each receiver (net/link.h), and reliable multicast
// beside it (mcast/). There is no manager and no plan: group, rate and size come by flag. With `tcp` the payload
// goes to each receiver over its link instead, all at a time: one-to-many TCP. Each prints one line of JSON when it
// is done.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "selmcast/base/units.h"

namespace selmcast::bench {

struct MulticastNodeOptions {
  std::vector<std::string> peers;  // of a sender: "host:port" of each receiver
  std::uint16_t port = 0;          // of a receiver: where it listens
  std::string own = "127.0.0.1";   // address of the interface
  std::string group = "239.77.0.1";
  std::uint16_t group_port = 7171;
  Bytes bytes = Bytes(25'000'000);
  Rate rate = Rate::unlimited();
  std::uint32_t segment_bytes = 1440;
  double drop_share = 0, double_share = 0, reorder_share = 0;  // of what a receiver gets, by its own hand
  std::uint64_t seed = 1;
  bool tcp = false;
  Duration patience = Duration::seconds(60);
};

// Exit status: 0 if everybody that lives has everything; a receiver's: if all bytes are right.
int run_multicast_sender(const MulticastNodeOptions& options);
int run_multicast_receiver(const MulticastNodeOptions& options);

}  // namespace selmcast::bench
