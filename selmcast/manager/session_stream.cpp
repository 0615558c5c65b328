#include "selmcast/manager/session_stream.h"

#include <utility>

namespace selmcast::manager {

std::shared_ptr<SessionStream> SessionStream::open(grpc::CallbackServerContext* context, Events events) {
  std::shared_ptr<SessionStream> stream(new SessionStream(context, std::move(events)));
  stream->self_ = stream;
  stream->StartRead(&stream->incoming_);
  return stream;
}

SessionStream::SessionStream(grpc::CallbackServerContext* context, Events events)
    : context_(context), events_(std::move(events)) {}

void SessionStream::send(wire::pb::ToWorker message) {
  const std::lock_guard lock(mutex_);
  if (finished_ || ending_ || lingering_) return;
  if (unwritten_.size() >= kUnwrittenMax) {
    finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "the worker does not read its messages"});
    return;
  }
  unwritten_.push_back(std::move(message));
  write_next();
}

void SessionStream::end() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  if (!writing_ && unwritten_.empty()) finish(grpc::Status::OK);
}

void SessionStream::end_with_connection() {
  const std::lock_guard lock(mutex_);
  lingering_ = true;
  if (!finished_ && !std::exchange(reading_, true)) StartRead(&incoming_);
}

void SessionStream::write_next() {
  if (writing_ || finished_ || unwritten_.empty()) return;
  writing_ = true;
  StartWrite(&unwritten_.front());
}

void SessionStream::finish(const grpc::Status& status) {
  if (!std::exchange(finished_, true)) Finish(status);
}

void SessionStream::OnReadDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (!ok) return finish(grpc::Status::OK);  // the worker will say nothing more, or is gone
    if (lingering_) {
      if (finished_) return;
      reading_ = true;
      return StartRead(&incoming_);
    }
  }
  events_.on_message(incoming_);
}

void SessionStream::read_next() {
  const std::lock_guard lock(mutex_);
  if (!finished_ && !std::exchange(reading_, true)) StartRead(&incoming_);
}

void SessionStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  unwritten_.pop_front();
  if (!ok) return finish({grpc::StatusCode::UNAVAILABLE, "the worker is gone"});
  write_next();
  if (ending_ && unwritten_.empty()) finish(grpc::Status::OK);
}

void SessionStream::OnCancel() {
  const std::lock_guard lock(mutex_);
  finish(grpc::Status::CANCELLED);
}

void SessionStream::OnDone() {
  events_.on_closed(context_->IsCancelled() ? "connection lost" : "stream ended");
  self_.reset();  // may delete this
}

}  // namespace selmcast::manager
