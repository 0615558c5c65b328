#include "selmcast/net/silence.h"

#include <algorithm>

#include "selmcast/net/limits.h"

namespace selmcast::net {

Silence judge(const Hearing& heard, Duration dead_after) {
  if (heard.silent_for < dead_after) {
    return {.dead = false, .look_again = std::max(dead_after - heard.silent_for, kSilenceLookMin)};
  }
  return {.dead = heard.asked_in_vain, .look_again = kSilenceLook};
}

}  // namespace selmcast::net
