// Runs one gnuplot script as a child process, in bounded time.
//
// Thread rule: blocks the caller until the child has ended; nothing is shared.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::report {

struct Gnuplot {
  std::string program = "gnuplot";  // looked up in PATH
  Duration limit = Duration::seconds(60);
};

// Runs `script` with `folder`, which must exist, as its working directory: relative outputs land there.
// Leaves script.gp and gnuplot.log beside them. Errors: not installed, failed (with the first lines it
// printed), not done in time (it is then killed).
Result<void> run_gnuplot(const Gnuplot& gnuplot, const std::string& script,
                         const std::filesystem::path& folder);

// `text` as a gnuplot string: single quotes, in which gnuplot expands nothing, and no control characters.
std::string gnuplot_quote(std::string_view text, std::size_t longest = 40);

}  // namespace selmcast::report
