#include "selmcast/base/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace selmcast {
namespace {

constexpr rlim_t kPlenty = 4096;

}  // namespace

Result<void> allow_descriptors(std::size_t needed) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return failure(ErrorCode::io,
                   std::string("cannot read the limit of open files: ") + std::strerror(errno));
  const rlim_t wanted = std::min(limit.rlim_max, std::max<rlim_t>(kPlenty, needed));
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= needed) return {};
  return failure(ErrorCode::io,
                 "this process may open " + std::to_string(limit.rlim_cur) + " files and needs " +
                     std::to_string(needed) + " (each connection is one): ulimit -n " +
                     std::to_string(std::max<rlim_t>(kPlenty, needed)) + ", as root if need be");
}

}  // namespace selmcast
