// selmcast bench multicast: reliable multicast beside libnorm, uftp and one-to-many TCP on shaped links.
#pragma once

namespace CLI {
class App;
}

namespace selmcast::cli {

void add_multicast_bench(CLI::App& bench, int& exit_status);

}  // namespace selmcast::cli
