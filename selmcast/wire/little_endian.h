// Integers to and from bytes, least significant byte first, one by one: neither the byte order nor the alignment of the
// machine matters. Requires that they lie within the span.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

namespace selmcast::wire {

template <std::unsigned_integral T>
constexpr void put(std::span<std::byte> out, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out[at + i] = static_cast<std::byte>(value >> (8 * i));
}

template <std::unsigned_integral T>
constexpr T get(std::span<const std::byte> in, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(in[at + i]) << (8 * i)));
  }
  return value;
}

}  // namespace selmcast::wire
