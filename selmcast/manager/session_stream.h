// One worker's control stream on the manager's side: gRPC's callbacks on one side, the manager's loop on the other.
//
// Threads: gRPC calls the On... functions on threads of its own; they only post to the manager's loop. send() and end()
// are called by the loop. A mutex guards the queue of messages to be written.
// Life: gRPC owns the stream through `self_` until OnDone(); the manager holds another reference while the session is
// open. What waits to be written is bounded: a worker that does not read is cut off. So is what was read: the next
// message is read when the loop asks for it, so that a worker that talks too much waits in its own TCP connection.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "selmcast/wire/control.grpc.pb.h"

namespace selmcast::manager {

class SessionStream final : public grpc::ServerBidiReactor<wire::pb::FromWorker, wire::pb::ToWorker> {
 public:
  struct Events {
    std::function<void(const wire::pb::FromWorker&)> on_message;  // on a gRPC thread
    std::function<void(const std::string& why)> on_closed;        // on a gRPC thread, once, last
  };
  static constexpr std::size_t kUnwrittenMax = 10'000;  // messages

  static std::shared_ptr<SessionStream> open(grpc::CallbackServerContext* context, Events events);

  // Once for every on_message(), when that is done with. The first message is read unasked.
  void read_next();
  void send(wire::pb::ToWorker message);
  // Writes what waits, then ends the stream.
  void end();
  // Writes what waits, then waits until the worker has said its last word, which it does when it has read its last
  // message; what it says until then is ignored. For when the connection ends with the stream: an end that overtakes a
  // message makes gRPC forget the message. Bounded by the server's shutdown.
  void end_with_connection();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  SessionStream(grpc::CallbackServerContext* context, Events events);
  void write_next();                        // requires the lock
  void finish(const grpc::Status& status);  // requires the lock; once

  grpc::CallbackServerContext* context_;
  Events events_;
  std::shared_ptr<SessionStream> self_;
  wire::pb::FromWorker incoming_;

  std::mutex mutex_;
  std::deque<wire::pb::ToWorker> unwritten_;
  bool reading_ = true, writing_ = false, ending_ = false, lingering_ = false, finished_ = false;
};

}  // namespace selmcast::manager
