// Errors of the world (peers, files, users) as values: what went wrong, where, and the remedy, in one sentence.
//
// Our own bugs do not come this way: they end the process at once (check.h).
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace selmcast {

enum class ErrorCode {
  invalid_input,  // a file, flag or argument of the user
  protocol,       // a peer said something it may not say (or an incompatible version)
  corrupt,        // bytes that do not match their checksum
  unavailable,    // nobody there, connection lost
  timeout,        // a bounded wait ended
  rejected,       // the other side refused, with its reason
  io,             // the operating system refused
  cancelled,      // we were asked to stop
};

std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::io;
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> failure(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

// "reading plan.json: unexpected end of file"
inline Error with_context(std::string_view context, Error error) {
  error.message = std::string(context) + ": " + error.message;
  return error;
}

}  // namespace selmcast
