#include "selmcast/wire/control_numbers.h"

#include <cmath>

#include "selmcast/wire/control_codec.h"
#include "selmcast/wire/control_text.h"

namespace selmcast::wire {

Result<Rate> usable_rate(const std::string& field, double bps) {
  const Rate rate = Rate::bits_per_second(bps);
  if (rate >= kRateMin && rate <= kRateMax) return rate;  // false for NaN
  return bad(field, "must be positive and finite, between 1e-3 and 1e18 bit/s");
}

Result<Duration> duration(const std::string& field, double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return bad(field, "must be finite and not negative");
  return Duration::seconds(seconds);
}

Result<Bytes> size(const std::string& field, std::uint64_t bytes) {
  if (bytes > std::uint64_t{1} << 50) return bad(field, "is larger than 1 PiB");
  return Bytes(static_cast<std::int64_t>(bytes));
}

Result<std::uint16_t> port_number(const std::string& field, std::uint32_t port) {
  if (port == 0 || port > 65535) return bad(field, "is no port");
  return static_cast<std::uint16_t>(port);
}

Result<Rate> pacing(const std::string& field, double bps) {
  if (bps == 0) return Rate::unlimited();
  return usable_rate(field, bps);
}

}  // namespace selmcast::wire
