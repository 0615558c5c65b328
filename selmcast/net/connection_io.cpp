// Reading and writing of a connection: a turn is a few system calls, then the others of the io_context have
// theirs.
#include <fmt/core.h>
#include <sys/socket.h>

#include <array>
#include <asio/buffer.hpp>

#include "selmcast/base/check.h"
#include "selmcast/net/connection.h"
#include "selmcast/net/limits.h"

namespace selmcast::net {
namespace {

bool is_not_now(asio::error_code ec) {
  return ec == asio::error::would_block || ec == asio::error::try_again || ec == asio::error::interrupted;
}

Error lost(asio::error_code ec) {
  const ErrorCode code = ec == asio::error::timed_out ? ErrorCode::timeout : ErrorCode::unavailable;
  return {code, fmt::format("connection lost: {}", ec.message())};
}

Bytes as_bytes(std::size_t count) { return Bytes(static_cast<std::int64_t>(count)); }

}  // namespace

void Connection::read_turn() {
  for (int calls = 0; calls < kSocketCallsPerTurn; ++calls) {
    if (!read_some()) return;
  }
  again(&Connection::read_turn);
}

bool Connection::read_some() {
  auto target = parser_.target();
  const bool budgeted = parser_.in_chunk() && downlink_.budget;
  if (budgeted && downlink_.lacks()) {
    ask(downlink_, target.size(), &Connection::read_turn);
    return false;
  }
  if (budgeted) target = target.first(downlink_.cut(target.size()));

  asio::error_code ec;
  const std::size_t count = socket_.read_some(asio::buffer(target.data(), target.size()), ec);
  if (budgeted) downlink_.settle(count);
  if (is_not_now(ec)) {
    wait(asio::socket_base::wait_read, &Connection::read_turn);
    return false;
  }
  if (ec == asio::error::eof) {
    close({ErrorCode::unavailable, parser_.between_frames()
                                       ? "the peer closed the connection"
                                       : "the peer closed the connection in the middle of a frame"});
    return false;
  }
  if (ec) {
    close(lost(ec));
    return false;
  }
  const std::size_t wanted = target.size();
  if (!received(count)) return false;
  if (count < wanted) {
    // The socket is empty: save the call that would only say so, and no place in a budget's queue.
    wait(asio::socket_base::wait_read, &Connection::read_turn);
    return false;
  }
  return true;
}

bool Connection::received(std::size_t count) {
  const bool of_chunk = parser_.in_chunk();
  const auto step = parser_.advance(count);
  if (!step) {
    close(step.error());
    return false;
  }
  if (of_chunk) {
    handler_.on_chunk_bytes(*link_, parser_.header(), as_bytes(count));
    if (!open_) return false;
  }
  switch (*step) {
    case FrameParser::Step::more: return true;
    case FrameParser::Step::header: return begin_frame();
    case FrameParser::Step::frame: return finish_frame();
  }
  return true;
}

bool Connection::begin_frame() {
  const wire::FrameHeader& header = parser_.header();
  if (!wire::carries_payload(header.kind)) {
    return parser_.expect_body() == FrameParser::Step::frame ? finish_frame() : true;
  }
  const auto place = handler_.on_chunk_header(*link_, header);
  if (!open_) return false;
  if (!place) {
    close(place.error());
    return false;
  }
  return parser_.expect_chunk(*place) == FrameParser::Step::frame ? finish_frame() : true;
}

bool Connection::finish_frame() {
  const wire::FrameHeader& header = parser_.header();
  Result<void> accepted;
  if (!wire::carries_payload(header.kind)) accepted = wire::verify_payload(header, parser_.payload());
  if (accepted) accepted = handler_.on_frame(*link_, header, parser_.payload());
  if (!open_) return false;
  if (!accepted) {
    close(accepted.error());
    return false;
  }
  parser_.next_frame();
  return true;
}

void Connection::wake_writer() {
  if (writing_ || !connected_) return;
  writing_ = true;
  again(&Connection::write_turn);
}

void Connection::write_turn() {
  for (int calls = 0; calls < kSocketCallsPerTurn; ++calls) {
    if (!write_some()) return;
  }
  again(&Connection::write_turn);
}

bool Connection::write_some() {
  auto segment = queue_.next();
  if (segment.empty()) {
    writing_ = false;
    return false;
  }
  const bool budgeted = !segment.payload.empty() && uplink_.budget;
  if (budgeted && uplink_.lacks()) {
    ask(uplink_, segment.payload.size(), &Connection::write_turn);
    return false;
  }
  if (budgeted) segment.payload = segment.payload.first(uplink_.cut(segment.payload.size()));
  const bool is_burst = burst_ && segment.head.size() + segment.payload.size() > *burst_;
  if (is_burst) segment.payload = segment.payload.first(*burst_ - std::min(*burst_, segment.head.size()));

  const std::array<asio::const_buffer, 2> buffers = {
      asio::buffer(segment.head.data(), segment.head.size()),
      asio::buffer(segment.payload.data(), segment.payload.size())};
  asio::error_code ec;
  // The end of a record: the kernel adds nothing to what it sends at once.
  const auto flags = is_burst ? asio::socket_base::message_end_of_record : 0;
  const std::size_t count = socket_.send(buffers, flags, ec);
  if (budgeted) uplink_.settle(count > segment.head.size() ? count - segment.head.size() : 0);
  if (ec && !is_not_now(ec)) {
    close(lost(ec));
    return false;
  }
  if (count > segment.head.size() && !segment.payload.empty())
    written_ += as_bytes(count - segment.head.size());
  if (count > 0) {
    if (const auto sent = queue_.consume(count)) {
      handler_.on_stream_sent(*link_, *sent);
      if (!open_) return false;
    }
  }
  if (count < segment.head.size() + segment.payload.size()) {
    wait(asio::socket_base::wait_write, &Connection::write_turn);
    return false;
  }
  return true;
}

}  // namespace selmcast::net
