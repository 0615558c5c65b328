// The command `selmcast reproduce`: every figure of the paper, ours beside it, as CSV, SVG and PNG, and a page.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::reproduce {

void add_reproduce_command(CLI::App& app, int& exit_status);

}  // namespace selmcast::reproduce
