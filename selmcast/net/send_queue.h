// What one link sends next: small frames, and between them the chunks of at most one payload. Pure; copies no
// payload.
//
// A chunk that has begun is finished; then all small frames go, then the next chunk. Invariant: a frame's
// bytes are never interleaved with another's. Thread rule: one owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/wire/frame.h"

namespace selmcast::net {

// A part of a payload and the number that its frame has.
struct PayloadPart {
  std::uint32_t sequence = 0;
  std::size_t offset = 0;
  std::size_t length = 0;
};

// How a payload that is relayed is sent: in chunks of this size, from this one on, and only so many bytes of it are
// there to be sent as yet.
struct StreamCut {
  std::size_t chunk = wire::kChunkBytesMax;
  std::uint32_t first = 0;
  std::size_t available = 0;
};

class SendQueue {
 public:
  SendQueue() = default;
  SendQueue(const SendQueue&) = delete;  // points into itself
  SendQueue& operator=(const SendQueue&) = delete;

  // False if more than kSendQueueBytesMax would wait; the frame is not taken then.
  bool push(std::vector<std::byte> frame);
  // Requires !streaming(). `payload` must live until the stream has ended or stop() was called.
  void start_stream(TransferId transfer, std::span<const std::byte> payload);
  // Parts of a payload, as patches (or stripes), in this order. Requires at least one, none empty or larger than a
  // chunk.
  void start_stream(TransferId transfer, std::span<const std::byte> payload, std::vector<PayloadPart> parts,
                    wire::FrameKind kind = wire::FrameKind::patch);
  // Requires 0 < cut.chunk <= wire::kChunkBytesMax, first chunk or the end of the payload at most.
  void start_stream(TransferId transfer, std::span<const std::byte> payload, const StreamCut& cut);
  // More of the running stream is there now: `available` bytes in all.
  void extend(std::size_t available);
  bool streaming() const { return stream_.has_value(); }
  // Forgets everything.
  void stop();

  // The rest of the frame to be sent now: a header or a small frame, and behind it payload. Empty if there is
  // nothing. Computes the CRC of a chunk that is about to begin.
  struct Segment {
    std::span<const std::byte> head;
    std::span<const std::byte> payload;
    bool empty() const { return head.empty() && payload.empty(); }
  };
  Segment next();
  // So many bytes of next() are gone. Names the transfer if they were the last ones of its stream.
  // An empty segment cannot be consumed: requires 0 < count <= its size.
  std::optional<TransferId> consume(std::size_t count);

 private:
  struct Stream {
    TransferId transfer;
    std::span<const std::byte> payload;
    std::uint32_t next_sequence = 0;      // or index of the next part
    std::vector<PayloadPart> parts = {};  // empty: all of it, in chunks
    wire::FrameKind kind = wire::FrameKind::chunk;
    std::size_t chunk = wire::kChunkBytesMax;
    std::size_t available = SIZE_MAX;

    std::size_t chunks() const;
    PayloadPart next_chunk() const;
    bool can_begin() const {
      return !parts.empty() || next_chunk().offset + next_chunk().length <= available;
    }
  };
  void begin_chunk();

  std::deque<std::vector<std::byte>> frames_;
  std::size_t frame_bytes_ = 0;
  std::size_t sent_of_frame_ = 0;  // of frames_.front()
  std::optional<Stream> stream_;
  bool in_chunk_ = false;
  std::array<std::byte, wire::kHeaderBytes> chunk_header_;
  Segment chunk_rest_;
};

}  // namespace selmcast::net
