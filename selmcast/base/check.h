// SELMCAST_CHECK: an invariant of our own code, checked in every build. Never for data from a peer, file or user.
#pragma once

namespace selmcast {
[[noreturn]] void check_failed(const char* condition, const char* file, int line, const char* why);
}

#define SELMCAST_CHECK(condition, why) \
  ((condition) ? static_cast<void>(0) : ::selmcast::check_failed(#condition, __FILE__, __LINE__, why))
