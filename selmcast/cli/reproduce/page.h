// index.html over all figures: per figure what is the same, what differs, by how much and why, and the pictures. Pure.
#pragma once

#include <string>
#include <vector>

#include "selmcast/cli/reproduce/figure.h"
#include "selmcast/cli/reproduce/figures.h"

namespace selmcast::reproduce {

// The pictures stand beside the page, by the names of the panels.
std::string make_page(const std::vector<Figure>& figures, const StudyOptions& options);
// The verdicts as a table for the terminal.
std::string verdict_table(const std::vector<Figure>& figures);

}  // namespace selmcast::reproduce
