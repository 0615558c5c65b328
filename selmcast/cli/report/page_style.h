// The style sheet of report.html, made from the palette. Pure.
#pragma once

#include <string>

namespace selmcast::report {

std::string page_style();

}  // namespace selmcast::report
