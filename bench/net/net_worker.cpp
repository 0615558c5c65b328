#include "bench/net/net_worker.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include <csignal>
#include <cstdio>
#include <vector>

#include "selmcast/worker/worker.h"

namespace selmcast::bench {
namespace {

double monotonic_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

int run_net_worker(const NetWorkerOptions& options) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto complain = [&](const Error& error) {
    fmt::print(stderr, "{}: {}\n", options.name, error.message);
    return 1;
  };
  worker::WorkerOptions joining;
  joining.manager = options.manager;
  joining.name = options.name;
  joining.model = {{"buffer", {static_cast<std::int64_t>(options.elements)}}};
  joining.declared_uplink = options.declared_uplink;
  joining.declared_downlink = options.declared_downlink;
  joining.streams = options.streams;
  auto worker = worker::Worker::connect(std::move(joining));
  if (!worker) return complain(worker.error());
  std::vector<float> buffer(options.elements, 1.0F);
  for (std::size_t round = 0; round <= options.rounds; ++round) {
    const double cpu = cpu_seconds(), started = monotonic_seconds();
    const auto report = (*worker)->synchronize(buffer);
    if (!report) return complain(report.error());
    if (round == 0) continue;
    fmt::print(
        "{{\"round\": {}, \"started\": {:.6f}, \"ended\": {:.6f}, \"cpu_seconds\": {:.6f}, \"reached\": "
        "{}}}\n",
        round - 1, started, monotonic_seconds(), cpu_seconds() - cpu, report->sent_to.size());
    std::fflush(stdout);
  }
  (*worker)->leave("done");
  return 0;
}

}  // namespace selmcast::bench
