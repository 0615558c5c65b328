// Turns a run folder into its report: summary.json, report.html, and the pictures beside it.
//
// Thread rule: blocks until gnuplot has drawn (bounded); one writer a folder at a time.
#pragma once

#include <filesystem>

#include "selmcast/base/error.h"
#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/run_record.h"
#include "selmcast/cli/report/summary.h"

namespace selmcast::report {

struct ReportOptions {
  Gnuplot gnuplot;
};

// Reads `run_folder` and writes into it:
//   summary.json, report.html, plan-GROUP.svg, plans.svg (all planners side by side),
//   accuracy, synchronisation and utilisation (.svg and .png), prediction.svg, links.svg, bandwidth.svg,
//   and for trainings without rounds in common staleness (.svg and .png) and, if any delivery was dropped, drops.svg
// Files appear whole or not at all. Where gnuplot is missing or fails, everything else is still written, the
// page says so, and the error is returned.
Result<void> write_report(const std::filesystem::path& run_folder, const ReportOptions& options = {});

// The same for a folder that was read already: write_report(DIR) is read, summarise, this.
Result<void> write_report(const std::filesystem::path& run_folder, const RunFolder& folder,
                          const Summary& summary, const ReportOptions& options = {});

}  // namespace selmcast::report
