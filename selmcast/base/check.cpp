#include "selmcast/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace selmcast {

void check_failed(const char* condition, const char* file, int line, const char* why) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s (%s). This is a bug in selmcast.\n", file, line, why,
               condition);
  std::abort();
}

}  // namespace selmcast
