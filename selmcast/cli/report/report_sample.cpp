// report_sample DIR [WORKERS [SEEDS]]: writes a made-up run folder, to look at what the report makes of one.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "selmcast/cli/report/report_testing.h"

int main(int count, char** arguments) {
  if (count < 2) {
    std::fputs("usage: report_sample DIR [WORKERS [SEEDS]]\n", stderr);
    return 2;
  }
  selmcast::report::SampleOptions options;
  if (count > 2) options.workers = std::strtoull(arguments[2], nullptr, 10);
  if (count > 3) options.seeds = std::strtoull(arguments[3], nullptr, 10);
  std::filesystem::create_directories(arguments[1]);
  selmcast::report::write_sample(arguments[1], options);
  return 0;
}
