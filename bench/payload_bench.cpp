// How fast payloads are made and read (selmcast/payload), beside memcpy of the same floats, in one process and run.
// Prints a table; not a test. Kinds take turns; a figure is that of the fastest of kTurns, for what else the machine
// does only ever adds. Gigabytes are of float32 values, so that formats compare; memcpy reads and writes as many. 16 MB
// at a time: more than a core's own caches hold.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "selmcast/payload/codec.h"

namespace selmcast::payload {
namespace {

constexpr std::size_t kValues = std::size_t{1} << 22;
constexpr int kTurns = 31;

struct Kind {
  std::string name;
  std::function<void()> act;
  std::vector<double> seconds = {};

  double gigabytes_per_second() const { return kValues * sizeof(float) / std::ranges::min(seconds) / 1e9; }
};

std::string with_name(Instructions with) { return with == Instructions::avx2 ? "AVX2" : "any machine"; }

void run() {
  std::vector<float> values(kValues), back(kValues);
  for (std::size_t k = 0; k < kValues; ++k) values[k] = static_cast<float>(k % 997) * 1e-4F - 0.05F;
  std::vector<std::vector<std::byte>> payloads;
  std::vector<Kind> kinds;
  kinds.push_back({"memcpy", [&] { std::memcpy(back.data(), values.data(), kValues * sizeof(float)); }});
  std::vector<Instructions> all = {Instructions::any};
  if (best_instructions() != Instructions::any) all.push_back(best_instructions());
  payloads.reserve(8);
  for (const Format format : {Format::float16, Format::bfloat16, Format::int8}) {
    std::vector<std::byte>& payload = payloads.emplace_back(encoded_bytes(format, kValues));
    for (const Instructions with : all) {
      const std::string what = fmt::format("{} | {}", to_string(format), with_name(with));
      kinds.push_back({what + " | encode", [&values, &payload, format, with] {
                         encode(format, values, {seed_of(values, with), 0}, payload, with);
                       }});
      kinds.push_back({what + " | decode",
                       [&back, &payload, format, with] { decode(format, payload, kValues, 0, back, with); }});
    }
  }
  for (int turn = 0; turn <= kTurns; ++turn) {
    for (Kind& kind : kinds) {
      const auto begin = std::chrono::steady_clock::now();
      kind.act();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      if (turn > 0) kind.seconds.push_back(took.count());  // the first one touches memory
    }
  }
  const double memcpy_speed = kinds.front().gigabytes_per_second();
  fmt::print("memcpy: {:.2f} GB/s\n\n| payload | instructions | | GB/s of float32 | of memcpy |\n",
             memcpy_speed);
  fmt::print("|---|---|---|---:|---:|\n");
  for (std::size_t k = 1; k < kinds.size(); ++k) {
    const double speed = kinds[k].gigabytes_per_second();
    fmt::print("| {} | {:.2f} | {:.2f} |\n", kinds[k].name, speed, speed / memcpy_speed);
  }
}

}  // namespace
}  // namespace selmcast::payload

int main() { selmcast::payload::run(); }
