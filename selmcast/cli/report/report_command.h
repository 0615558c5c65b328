// `selmcast report DIR`: the table on standard output, the pictures and the page into DIR.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::report {

// Adds the subcommand to `app`. When it runs it sets `exit_status`: 0 done, 1 failed (no gnuplot, no space),
// 2 no run folder or a malformed one. Both must outlive the parsing.
void add_report_command(CLI::App& app, int& exit_status);

}  // namespace selmcast::report
