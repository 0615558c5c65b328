// The boundary between C++ and C (selmcast.h): errors and exceptions become codes, structs of any age become ours.
// Thread rule: the last error is one per thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/c/selmcast.h"

namespace selmcast::c {

// Remembers the error for selmcast_last_error().
selmcast_code fail(const Error& error);
selmcast_code fail(selmcast_code code, const std::string& message);

inline std::string text_or(const char* text, const char* otherwise) {
  return text == nullptr ? otherwise : text;
}

// Runs `body`, which returns a selmcast_code. Nothing is thrown beyond this.
template <class Body>
selmcast_code guarded(Body body) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    return fail(SELMCAST_INTERNAL, std::string("internal error: ") + error.what());
  } catch (...) {
    return fail(SELMCAST_INTERNAL, "internal error: an unknown exception");
  }
}

// What a caller compiled with another version of the header filled in, over our defaults. Requires that struct_size is
// the first member.
template <class Options>
Options over_defaults(const Options& given, Options defaults) {
  std::memcpy(&defaults, &given, std::min(given.struct_size, sizeof(Options)));
  defaults.struct_size = sizeof(Options);
  return defaults;
}

// Writes `value` into a struct of the caller's size.
template <class Struct>
void copy_out(const Struct& value, Struct* out, std::size_t struct_size) {
  std::memcpy(out, &value, std::min(struct_size, sizeof(Struct)));
  if (struct_size >= sizeof(std::size_t)) out->struct_size = struct_size;
}

}  // namespace selmcast::c
