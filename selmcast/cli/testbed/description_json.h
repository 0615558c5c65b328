// A testbed's description from a file (schema "selmcast.testbed/1", docs/testbed.md) or from flags.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/testbed/description.h"

namespace selmcast::testbed {

// `source` names the text in messages. Error (invalid_input) with source, the path of the key, and what it needs.
Result<Description> parse_description(std::string_view text, std::string_view source);

// As `--hosts 3 --uplinks-mbps 400 --downlinks-mbps 100,50,20`: hosts w0, w1, ...; a single rate is that of all hosts,
// none is unlimited. Error (invalid_input) if the numbers do not match.
struct LinkLists {
  std::size_t hosts = 0;                             // 0: as many as there are rates
  std::vector<double> uplinks_mbps, downlinks_mbps;  // link rates
};
Result<Description> description_of(const LinkLists& lists);

}  // namespace selmcast::testbed
