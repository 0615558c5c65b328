#include "selmcast/base/error.h"

namespace selmcast {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input: return "invalid input";
    case ErrorCode::protocol: return "protocol error";
    case ErrorCode::corrupt: return "corrupt data";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::timeout: return "timed out";
    case ErrorCode::rejected: return "rejected";
    case ErrorCode::io: return "input/output error";
    case ErrorCode::cancelled: return "cancelled";
  }
  return "unknown error";
}

}  // namespace selmcast
