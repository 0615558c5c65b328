// report.html: one page that needs nothing but itself.
//
// SVG is inline with its colours as CSS variables, so that the page is light or dark with the reader's system
// and prints dark on white; there are no scripts and nothing is loaded from anywhere (the page's own policy
// forbids it). Every string of the run folder passes escape_xml(). Pure: the same input gives the same bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "selmcast/cli/report/run_record.h"
#include "selmcast/cli/report/summary.h"

namespace selmcast::report {

struct PagePicture {
  std::string svg;
  std::string caption;  // plain text
};

struct PageContent {
  const RunFolder& folder;
  const Summary& summary;
  std::vector<PagePicture> plots;
  std::vector<std::string> plans;  // SVGs that stand side by side under one caption
  std::vector<std::string> notes;  // what is missing and why; plain text
};

std::string report_page(const PageContent& content);

// `svg` without prolog, palette colours as variables, ids made unique by `prefix`.
std::string inline_svg(std::string_view svg, std::string_view prefix);

}  // namespace selmcast::report
