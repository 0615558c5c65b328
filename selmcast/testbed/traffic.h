// Competing traffic: full frames of UDP at a constant rate from one host to another, giving way to nobody.
//
// What a real network's other users do to a training, made exact: of a link that carries it, `rate` is gone. The
// receiver is a socket that nobody reads, so that it costs no processor; the kernel drops what does not fit. Sent is
// rate times time elapsed, so a late wake-up is made up for, up to 20 ms.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/net/link_rate.h"

namespace selmcast::testbed {

struct TrafficRoute {
  std::string from_namespace, to_namespace, to_address;
  net::LinkRate rate;
  Duration lasts;
};

class RunningTraffic {
 public:
  // Error (io).
  static Result<std::unique_ptr<RunningTraffic>> start(const TrafficRoute& route);
  ~RunningTraffic();  // stops it
  bool running() const;

 private:
  RunningTraffic(int sender, int receiver, const TrafficRoute& route);
  void send_all(TrafficRoute route);
  int sender_, receiver_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false, done_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace selmcast::testbed
