#include "selmcast/c/boundary.h"

namespace selmcast::c {
namespace {

std::string& last_error() {
  thread_local std::string text;
  return text;
}

selmcast_code code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input: return SELMCAST_INVALID_INPUT;
    case ErrorCode::protocol: return SELMCAST_PROTOCOL;
    case ErrorCode::corrupt: return SELMCAST_CORRUPT;
    case ErrorCode::unavailable: return SELMCAST_UNAVAILABLE;
    case ErrorCode::timeout: return SELMCAST_TIMEOUT;
    case ErrorCode::rejected: return SELMCAST_REJECTED;
    case ErrorCode::io: return SELMCAST_IO;
    case ErrorCode::cancelled: return SELMCAST_CANCELLED;
  }
  return SELMCAST_INTERNAL;
}

}  // namespace

selmcast_code fail(selmcast_code code, const std::string& message) {
  last_error() = message;
  return code;
}

selmcast_code fail(const Error& error) { return fail(code_of(error.code), error.message); }

}  // namespace selmcast::c

extern "C" {

int32_t selmcast_api_version(void) { return SELMCAST_API_VERSION; }
const char* selmcast_version(void) { return SELMCAST_VERSION; }
const char* selmcast_last_error(void) { return selmcast::c::last_error().c_str(); }

const char* selmcast_code_name(selmcast_code code) {
  switch (code) {
    case SELMCAST_OK: return "ok";
    case SELMCAST_INVALID_INPUT: return "invalid_input";
    case SELMCAST_PROTOCOL: return "protocol";
    case SELMCAST_CORRUPT: return "corrupt";
    case SELMCAST_UNAVAILABLE: return "unavailable";
    case SELMCAST_TIMEOUT: return "timeout";
    case SELMCAST_REJECTED: return "rejected";
    case SELMCAST_IO: return "io";
    case SELMCAST_CANCELLED: return "cancelled";
    case SELMCAST_INTERNAL: return "internal";
  }
  return "unknown";
}

}  // extern "C"
