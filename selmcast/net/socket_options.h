// The TCP settings of a link, by system call. A setting that the kernel does not offer is left out: the link
// still works, only less well.
#pragma once

#include "selmcast/base/units.h"
#include "selmcast/net/silence.h"

namespace selmcast::net {

// To be set before listen() and connect(), since window scaling and segment size are agreed upon in the
// handshake.
struct Emulation {
  bool uplink = false;    // small send buffer
  bool downlink = false;  // small receive buffer
  bool loopback = false;  // segments of a real network; also if one of the others is set
};
void emulate_network(int socket, Emulation emulated);

// Congestion control cubic, else reno: the default here is often bbr, which loses a quarter behind token
// buckets. No Nagle, small unsent queue, keepalive, dead after `user_timeout` without acknowledgement or open
// window. Closed on exec.
void tune_link(int socket, Duration user_timeout);

// Rate::unlimited() takes the limit away. Requires rate > 0.
void pace(int socket, Rate rate);

// Payload of one full segment; that of Ethernet if the kernel does not say.
std::size_t segment_bytes(int socket);

// Bytes that were written and not yet acknowledged by the other side's TCP.
Bytes unacknowledged(int socket);

// Of what was received until now (base/progress.h): the segments that went back. 0 if the kernel does not know.
double ack_load(int socket);

// What the kernel knows of the other side. Of a socket that is none: just heard.
Hearing hearing(int socket);

// close() then discards what is queued and resets the connection.
void reset_on_close(int socket);

void close_on_exec(int socket);

}  // namespace selmcast::net
