// The summary as people and programs read it: aligned rows for the terminal and the page, and summary.json.
//
// Pure; the same summary gives the same bytes.
#pragma once

#include <string>
#include <vector>

#include "selmcast/cli/report/summary.h"

namespace selmcast::report {

// "400 Mbit/s", "2.5 Gbit/s": three significant digits at most.
std::string show_rate(Rate rate);
// "0.123 s"
std::string show_seconds(Duration time);
// "1.10 MB"
std::string show_bytes(Bytes bytes);

struct TableRow {
  std::string label;               // with its unit
  std::vector<std::string> cells;  // one a group: "0.312 ± 0.014", "-" where nothing is known
};
// The rows of the table over `summary.groups`. A cell shows the mean over the seeds and, with two or more, ±
// the sample standard deviation; "(2 of 3)" follows where only some runs have the value.
std::vector<TableRow> table_rows(const Summary& summary);

// The groups as columns, at most `width` characters wide: too many groups continue in further blocks below.
std::string table_text(const Summary& summary, std::size_t width = 118);

// Schema selmcast.demo/1 (docs/run_folder.md), two spaces deep, ending in a newline.
std::string summary_json(const Summary& summary);

}  // namespace selmcast::report
