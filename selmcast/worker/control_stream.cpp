#include "selmcast/worker/control_stream.h"

#include <chrono>
#include <utility>

namespace selmcast::worker {
namespace {

constexpr int kMessageBytesMax = 64 << 20;

std::chrono::duration<double> chrono_of(Duration duration) {
  return std::chrono::duration<double>(duration.in_seconds());
}

}  // namespace

Result<std::unique_ptr<ControlStream>> ControlStream::open(const std::string& address,
                                                           const wire::Credentials& credentials,
                                                           Duration timeout, Events events) {
  std::unique_ptr<ControlStream> stream(new ControlStream(address, credentials, std::move(events)));
  const auto deadline = std::chrono::system_clock::now() +
                        std::chrono::duration_cast<std::chrono::system_clock::duration>(chrono_of(timeout));
  if (!stream->channel_->WaitForConnected(deadline)) {
    stream->done_ = true;  // no call was started, no callback will come
    return failure(ErrorCode::unavailable, "no manager answers at " + address + " within " +
                                               std::to_string(timeout.in_seconds()) +
                                               " s: is it running, is the address right?");
  }
  stream->start();
  return stream;
}

std::unique_ptr<ControlStream> ControlStream::open_later(const std::string& address,
                                                         const wire::Credentials& credentials,
                                                         Events events) {
  std::unique_ptr<ControlStream> stream(new ControlStream(address, credentials, std::move(events)));
  stream->start();
  return stream;
}

void ControlStream::start() {
  stub_->async()->Session(&context_, this);
  AddHold();  // writes are started from outside of callbacks
  StartRead(&incoming_);
  StartCall();
}

ControlStream::ControlStream(const std::string& address, const wire::Credentials& credentials, Events events)
    : events_(std::move(events)) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // managers are in the same network
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // Each stream dials for itself: a channel's back-off is not the next one's.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  channel_ = grpc::CreateCustomChannel(address, credentials.channel, arguments);
  stub_ = wire::pb::Manager::NewStub(channel_);
}

ControlStream::~ControlStream() {
  std::unique_lock lock(mutex_);
  if (done_) return;
  const bool hold = !std::exchange(writes_done_, true);
  lock.unlock();
  context_.TryCancel();
  if (hold) RemoveHold();
  lock.lock();
  done_signal_.wait(lock, [this] { return done_; });
}

void ControlStream::send(wire::pb::FromWorker message) {
  const std::lock_guard lock(mutex_);
  if (closing_ || writes_done_ || broken_ || done_) return;
  unwritten_.push_back(std::move(message));
  write_next();
}

void ControlStream::write_next() {
  if (writing_ || writes_done_ || broken_ || unwritten_.empty()) return;
  writing_ = true;
  StartWrite(&unwritten_.front());
}

void ControlStream::close(Duration patience) {
  std::unique_lock lock(mutex_);
  closing_ = true;
  if (!writing_ && !done_ && !std::exchange(writes_done_, true)) {
    if (!broken_) StartWritesDone();
    RemoveHold();
  }
  done_signal_.wait_for(lock, chrono_of(patience), [this] { return done_; });
}

void ControlStream::OnReadDone(bool ok) {
  if (!ok) {  // over; let go of the hold so that OnDone can come
    const std::lock_guard lock(mutex_);
    broken_ = true;
    if (!writing_ && !std::exchange(writes_done_, true)) RemoveHold();
    return;
  }
  events_.on_message(incoming_);
  StartRead(&incoming_);
}

void ControlStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  unwritten_.pop_front();
  if (!ok) broken_ = true;
  if (broken_ || (closing_ && unwritten_.empty())) {
    if (std::exchange(writes_done_, true)) return;
    if (!broken_) StartWritesDone();
    RemoveHold();
    return;
  }
  write_next();
}

void ControlStream::OnDone(const grpc::Status& status) {
  events_.on_closed(status.ok() ? Error{ErrorCode::unavailable, "the manager ended the session"}
                                : Error{ErrorCode::unavailable, status.error_message()});
  const std::lock_guard lock(mutex_);
  done_ = true;
  done_signal_.notify_all();
}

}  // namespace selmcast::worker
