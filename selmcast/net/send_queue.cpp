#include "selmcast/net/send_queue.h"

#include <algorithm>

#include "selmcast/base/check.h"
#include "selmcast/net/limits.h"

namespace selmcast::net {

bool SendQueue::push(std::vector<std::byte> frame) {
  SELMCAST_CHECK(!frame.empty() && frame.size() <= wire::kHeaderBytes + wire::kStatusBytesMax,
                 "a small frame is sent");
  if (frame_bytes_ + frame.size() > kSendQueueBytesMax) return false;
  frame_bytes_ += frame.size();
  frames_.push_back(std::move(frame));
  return true;
}

void SendQueue::start_stream(TransferId transfer, std::span<const std::byte> payload) {
  SELMCAST_CHECK(!streaming(), "one stream at a time");
  stream_ = Stream{.transfer = transfer, .payload = payload};
}

void SendQueue::start_stream(TransferId transfer, std::span<const std::byte> payload,
                             std::vector<PayloadPart> parts, wire::FrameKind kind) {
  SELMCAST_CHECK(!streaming() && !parts.empty(), "one stream at a time, of something");
  stream_ = Stream{.transfer = transfer, .payload = payload, .parts = std::move(parts), .kind = kind};
}

void SendQueue::start_stream(TransferId transfer, std::span<const std::byte> payload, const StreamCut& cut) {
  SELMCAST_CHECK(!streaming() && cut.chunk > 0 && cut.chunk <= wire::kChunkBytesMax, "one stream, in chunks");
  stream_ = Stream{.transfer = transfer,
                   .payload = payload,
                   .next_sequence = cut.first,
                   .chunk = cut.chunk,
                   .available = cut.available};
  SELMCAST_CHECK(cut.first < stream_->chunks(), "a stream has something to send");
}

void SendQueue::extend(std::size_t available) {
  if (stream_) stream_->available = std::max(stream_->available, available);
}

std::size_t SendQueue::Stream::chunks() const {
  if (!parts.empty()) return parts.size();
  return std::max<std::size_t>(1, (payload.size() + chunk - 1) / chunk);
}

PayloadPart SendQueue::Stream::next_chunk() const {
  const std::size_t offset = next_sequence * chunk;
  return {next_sequence, offset, std::min(chunk, payload.size() - offset)};
}

void SendQueue::stop() {
  frames_.clear();
  frame_bytes_ = 0;
  sent_of_frame_ = 0;
  stream_.reset();
  in_chunk_ = false;
  chunk_rest_ = {};
}

SendQueue::Segment SendQueue::next() {
  if (!in_chunk_ && !frames_.empty())
    return {.head = std::span(frames_.front()).subspan(sent_of_frame_), .payload = {}};
  if (!in_chunk_ && stream_ && stream_->can_begin()) begin_chunk();
  return in_chunk_ ? chunk_rest_ : Segment{};
}

void SendQueue::begin_chunk() {
  const bool in_parts = !stream_->parts.empty();
  const PayloadPart part = in_parts ? stream_->parts[stream_->next_sequence] : stream_->next_chunk();
  ++stream_->next_sequence;
  const auto chunk = stream_->payload.subspan(part.offset, part.length);
  chunk_header_ = wire::encode(wire::chunk_header(stream_->transfer, part.sequence, chunk, stream_->kind));
  chunk_rest_ = {.head = chunk_header_, .payload = chunk};
  in_chunk_ = true;
}

std::optional<TransferId> SendQueue::consume(std::size_t count) {
  if (!in_chunk_) {
    SELMCAST_CHECK(!frames_.empty() && count <= frames_.front().size() - sent_of_frame_,
                   "only what is there is sent");
    sent_of_frame_ += count;
    if (sent_of_frame_ == frames_.front().size()) {
      frame_bytes_ -= sent_of_frame_;
      sent_of_frame_ = 0;
      frames_.pop_front();
    }
    return std::nullopt;
  }
  const std::size_t of_head = std::min(count, chunk_rest_.head.size());
  SELMCAST_CHECK(count - of_head <= chunk_rest_.payload.size(), "only what is there is sent");
  chunk_rest_.head = chunk_rest_.head.subspan(of_head);
  chunk_rest_.payload = chunk_rest_.payload.subspan(count - of_head);
  if (!chunk_rest_.empty()) return std::nullopt;
  in_chunk_ = false;
  if (stream_->next_sequence < stream_->chunks()) return std::nullopt;
  const TransferId transfer = stream_->transfer;
  stream_.reset();
  return transfer;
}

}  // namespace selmcast::net
