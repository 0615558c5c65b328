#include "selmcast/base/rng.h"

#include <bit>

#include "selmcast/base/check.h"

namespace selmcast {
namespace {

std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Rng::Rng(std::uint64_t seed) : seed_(seed) {
  std::uint64_t mix = seed;
  for (auto& word : state_) word = split_mix(mix);
}

std::uint64_t Rng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::uint64_t Rng::below(std::uint64_t bound) {
  SELMCAST_CHECK(bound > 0, "below() needs a positive bound");
  // Reject the short last interval, so that every value is equally likely.
  const std::uint64_t reject_from = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = next();
  while (value >= reject_from) value = next();
  return value % bound;
}

Rng Rng::fork(std::uint64_t label) const {
  std::uint64_t mix = seed_ ^ (label * 0xd1342543de82ef95ULL + 0x2545f4914f6cdd1dULL);
  return Rng(split_mix(mix));
}

}  // namespace selmcast
