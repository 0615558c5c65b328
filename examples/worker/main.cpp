// The smallest worker: a "model" of one vector, a few rounds, and what each round did.
//
//     selmcast manager --workers 3 --min-receivers 2 --port 7070
//     worker_example 127.0.0.1:7070 a 0 &
//     worker_example 127.0.0.1:7070 b 1 &
//     worker_example 127.0.0.1:7070 c 2
//
// Every element starts at the number given. Two receivers of each of three multicasts are all the others, so after one
// round everybody holds the mean, 1. With a real model, `parameters` is the memory your framework keeps it in.
#include <selmcast/worker/worker.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr int kRounds = 4;
constexpr std::int64_t kElements = 250'000;  // 1 MB

int complain(const selmcast::Error& error) {
  std::fprintf(stderr, "worker_example: %s\n", error.message.c_str());
  return 1;
}

void print(const std::string& name, const selmcast::worker::SyncReport& report, float value) {
  std::printf("%s: round %llu of %u workers, %.0f ms, mixed with", name.c_str(),
              static_cast<unsigned long long>(report.round.value()), report.workers,
              report.elapsed.in_milliseconds());
  for (const selmcast::WorkerId peer : report.mixed_with) std::printf(" %s", to_string(peer).c_str());
  std::printf(", value %.3f\n", static_cast<double>(value));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: worker_example HOST:PORT NAME NUMBER\n");
    return 2;
  }
  const std::string name = argv[2];
  std::vector<float> parameters(kElements, std::strtof(argv[3], nullptr));

  auto worker = selmcast::worker::Worker::connect(
      {.manager = argv[1], .name = name, .model = {{.name = "vector", .shape = {kElements}}}});
  if (!worker) return complain(worker.error());

  for (int round = 0; round < kRounds; ++round) {
    // Train here. Then:
    const auto report = (*worker)->synchronize(parameters);
    if (!report) return complain(report.error());
    print(name, *report, parameters.front());
  }
  if (const auto last = (*worker)->drain(parameters); !last) return complain(last.error());
  (*worker)->leave("done");
  return 0;
}
