#include "selmcast/net/frame_parser.h"

#include "selmcast/base/check.h"

namespace selmcast::net {

std::span<std::byte> FrameParser::target() {
  return place_ == Place::header ? std::span(header_bytes_).subspan(filled_) : payload_.subspan(filled_);
}

Result<FrameParser::Step> FrameParser::advance(std::size_t count) {
  SELMCAST_CHECK(count <= target().size(), "no more was read than there was room for");
  filled_ += count;
  if (!target().empty()) return Step::more;
  if (place_ != Place::header) return Step::frame;
  auto header = wire::decode_header(header_bytes_);
  if (!header) return std::unexpected(std::move(header.error()));
  header_ = *header;
  return Step::header;
}

FrameParser::Step FrameParser::expect_body() {
  return begin_payload(Place::body, std::span(body_bytes_).first(header_.length));
}

FrameParser::Step FrameParser::expect_chunk(std::span<std::byte> place) {
  SELMCAST_CHECK(place.size() == header_.length, "a chunk's place has the chunk's size");
  return begin_payload(Place::chunk, place);
}

FrameParser::Step FrameParser::begin_payload(Place place, std::span<std::byte> payload) {
  place_ = place;
  filled_ = 0;
  payload_ = payload;
  return payload.empty() ? Step::frame : Step::more;
}

void FrameParser::next_frame() {
  place_ = Place::header;
  filled_ = 0;
  payload_ = {};
}

}  // namespace selmcast::net
