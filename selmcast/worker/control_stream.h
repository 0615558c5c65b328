// The control stream to the manager on the worker's side: gRPC's callbacks on one side, the worker's loop on
// the other.
//
// Threads: gRPC calls the On... functions on threads of its own, which call the events; send() and close()
// may be called from any thread. on_closed is the last event, called once. The destructor cancels what is
// left and waits for gRPC's last callback, which follows at once.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/wire/control.grpc.pb.h"
#include "selmcast/wire/credentials.h"

namespace selmcast::worker {

class ControlStream final : public grpc::ClientBidiReactor<wire::pb::FromWorker, wire::pb::ToWorker> {
 public:
  struct Events {
    std::function<void(const wire::pb::ToWorker&)> on_message;
    std::function<void(const Error&)> on_closed;
  };

  // Error (unavailable) if nobody answers at `address` within `timeout`.
  static Result<std::unique_ptr<ControlStream>> open(const std::string& address,
                                                     const wire::Credentials& credentials, Duration timeout,
                                                     Events events);
  // Without waiting: what is sent waits until somebody answers, or on_closed comes since nobody does.
  static std::unique_ptr<ControlStream> open_later(const std::string& address,
                                                   const wire::Credentials& credentials, Events events);
  ~ControlStream() override;

  void send(wire::pb::FromWorker message);
  // Writes what waits, then ends the stream; waits for that, `patience` at most.
  void close(Duration patience);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  ControlStream(const std::string& address, const wire::Credentials& credentials, Events events);
  void start();
  void write_next();  // requires the lock

  Events events_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<wire::pb::Manager::Stub> stub_;
  grpc::ClientContext context_;
  wire::pb::ToWorker incoming_;

  std::mutex mutex_;
  std::condition_variable done_signal_;
  std::deque<wire::pb::FromWorker> unwritten_;
  bool writing_ = false, closing_ = false, writes_done_ = false, broken_ = false, done_ = false;
};

}  // namespace selmcast::worker
