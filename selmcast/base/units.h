// Units as types: Bytes, Rate (bit/s), Duration and Instant (seconds).
//
// No bare number crosses a function boundary of this project. Only the conversions that make physical sense
// exist: Bytes / Rate -> Duration, Bytes / Duration -> Rate, Rate * Duration -> Bytes (rounded down).
// An Instant has no epoch of its own: whoever hands in the clock decides (a run's start, virtual time 0).
#pragma once

#include <cmath>
#include <compare>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

namespace selmcast {
// clang-format off
class Duration {
 public:
  constexpr Duration() = default;
  static constexpr Duration seconds(double value) { return Duration(value); }
  static constexpr Duration milliseconds(double value) { return Duration(value / 1e3); }
  static constexpr Duration infinite() { return Duration(std::numeric_limits<double>::infinity()); }
  constexpr double in_seconds() const { return seconds_; }
  constexpr double in_milliseconds() const { return seconds_ * 1e3; }

  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration& operator+=(Duration other) { seconds_ += other.seconds_; return *this; }
  friend constexpr Duration operator+(Duration a, Duration b) { return Duration(a.seconds_ + b.seconds_); }
  friend constexpr Duration operator-(Duration a, Duration b) { return Duration(a.seconds_ - b.seconds_); }
  friend constexpr Duration operator*(Duration a, double factor) { return Duration(a.seconds_ * factor); }
  friend constexpr double operator/(Duration a, Duration b) { return a.seconds_ / b.seconds_; }

 private:
  explicit constexpr Duration(double value) : seconds_(value) {}
  double seconds_ = 0;
};

// A point in time on the clock that was handed in.
class Instant {
 public:
  constexpr Instant() = default;
  static constexpr Instant at_seconds(double value) { return Instant(value); }
  static constexpr Instant never() { return Instant(std::numeric_limits<double>::infinity()); }
  constexpr double in_seconds() const { return seconds_; }

  constexpr auto operator<=>(const Instant&) const = default;
  friend constexpr Instant operator+(Instant a, Duration b) { return Instant(a.seconds_ + b.in_seconds()); }
  friend constexpr Instant operator-(Instant a, Duration b) { return Instant(a.seconds_ - b.in_seconds()); }
  friend constexpr Duration operator-(Instant a, Instant b) { return Duration::seconds(a.seconds_ - b.seconds_); }

 private:
  explicit constexpr Instant(double value) : seconds_(value) {}
  double seconds_ = 0;
};

// A count of bytes; payload unless a name says otherwise.
class Bytes {
 public:
  constexpr Bytes() = default;
  explicit constexpr Bytes(std::int64_t value) : count_(value) {}
  constexpr std::int64_t count() const { return count_; }
  constexpr double in_bits() const { return 8.0 * static_cast<double>(count_); }

  constexpr auto operator<=>(const Bytes&) const = default;
  constexpr Bytes& operator+=(Bytes other) { count_ += other.count_; return *this; }
  constexpr Bytes& operator-=(Bytes other) { count_ -= other.count_; return *this; }
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return Bytes(a.count_ + b.count_); }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return Bytes(a.count_ - b.count_); }
  friend constexpr Bytes operator*(std::int64_t factor, Bytes a) { return Bytes(factor * a.count_); }

 private:
  std::int64_t count_ = 0;
};

// Payload goodput (verified bytes a second), written in bit/s everywhere a person sees it.
class Rate {
 public:
  constexpr Rate() = default;
  static constexpr Rate bits_per_second(double value) { return Rate(value); }
  static constexpr Rate megabits_per_second(double value) { return Rate(value * 1e6); }
  static constexpr Rate unlimited() { return Rate(std::numeric_limits<double>::infinity()); }
  constexpr double bps() const { return bps_; }
  constexpr double mbps() const { return bps_ / 1e6; }
  constexpr double bytes_per_second() const { return bps_ / 8; }
  constexpr bool is_unlimited() const { return bps_ == std::numeric_limits<double>::infinity(); }
  bool is_positive_finite() const { return std::isfinite(bps_) && bps_ > 0; }

  constexpr auto operator<=>(const Rate&) const = default;
  constexpr Rate& operator+=(Rate other) { bps_ += other.bps_; return *this; }
  friend constexpr Rate operator+(Rate a, Rate b) { return Rate(a.bps_ + b.bps_); }
  friend constexpr Rate operator-(Rate a, Rate b) { return Rate(a.bps_ - b.bps_); }
  friend constexpr Rate operator*(Rate a, double factor) { return Rate(a.bps_ * factor); }
  friend constexpr double operator/(Rate a, Rate b) { return a.bps_ / b.bps_; }

 private:
  explicit constexpr Rate(double value) : bps_(value) {}
  double bps_ = 0;
};

constexpr Duration operator/(Bytes volume, Rate rate) { return Duration::seconds(volume.in_bits() / rate.bps()); }
constexpr Rate operator/(Bytes volume, Duration time) {
  return Rate::bits_per_second(volume.in_bits() / time.in_seconds());
}
// Whole bytes that fit: rounded down.
inline Bytes operator*(Rate rate, Duration time) {
  return Bytes(static_cast<std::int64_t>(std::floor(rate.bytes_per_second() * time.in_seconds())));
}
// clang-format on
// As people write them: "20 s", "0.5 s", "1.23 s", "12300 s". Three digits, more only of whole seconds.
inline std::string to_string(Duration duration) {
  char text[40];
  const double seconds = duration.in_seconds();
  std::snprintf(text, sizeof text, seconds >= 1000 && seconds < 1e15 ? "%.0f s" : "%.3g s", seconds);
  return text;
}

}  // namespace selmcast
