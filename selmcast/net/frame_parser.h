// Where the next bytes of one connection belong: a header, the body of a small frame, or the payload of a
// chunk in a buffer of somebody else. Pure; the caller reads into target() and says how much came.
//
//     loop: read up to target().size() bytes into target(); switch (advance(count))
//       header    -> begin the frame: expect_body(), or expect_chunk(where its payload goes)
//       frame     -> header() and payload() are complete; next_frame()
//       more      -> go on reading
// Thread rule: one owner.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "selmcast/base/error.h"
#include "selmcast/wire/frame.h"

namespace selmcast::net {

class FrameParser {
 public:
  // Not empty, unless the frame is complete.
  std::span<std::byte> target();

  enum class Step { more, header, frame };
  // Requires count <= target().size(). Error: a header that wire::decode_header does not accept.
  Result<Step> advance(std::size_t count);

  const wire::FrameHeader& header() const { return header_; }
  bool in_chunk() const { return place_ == Place::chunk; }
  // Both return `frame` at once if the payload is empty. expect_chunk requires place.size() ==
  // header().length.
  Step expect_body();
  Step expect_chunk(std::span<std::byte> place);
  std::span<const std::byte> payload() const { return payload_; }
  void next_frame();
  // Nothing of a frame was read yet: the peer may end the connection here.
  bool between_frames() const { return place_ == Place::header && filled_ == 0; }

 private:
  enum class Place { header, body, chunk };
  Step begin_payload(Place place, std::span<std::byte> payload);

  Place place_ = Place::header;
  std::size_t filled_ = 0;  // of the header or payload
  wire::FrameHeader header_;
  std::span<std::byte> payload_;
  std::array<std::byte, wire::kHeaderBytes> header_bytes_{};
  std::array<std::byte, wire::kStatusBytesMax> body_bytes_{};
};

}  // namespace selmcast::net
