// Who trains on which examples: cuts a data set into one shard per worker.
//
//   iid            a shuffled deck, dealt out: sizes differ by at most 1
//   dirichlet:A    label-skewed: for every class, the workers' parts of it are drawn from a Dirichlet
//   distribution with
//                  all parameters A. A -> infinity approaches iid; with A = 0.1 most workers see two or three
//                  classes.
// Source of the second: T. Hsu, H. Qi, M. Brown, "Measuring the effects of non-identical data distribution
// for federated visual classification", 2019. A draw that leaves a worker fewer than kShardMin examples is
// thrown away and drawn anew, at most kDraws times. A Dirichlet draw is n independent Gamma(A) draws divided
// by their sum; Gamma: G. Marsaglia, W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26
// (2000); for A < 1, Gamma(A) = Gamma(A + 1) U^(1/A).
//
// Invariants: the shards are disjoint and cover every position; each is in random order. The same (labels,
// options) give the same shards on every machine, so each worker computes them for itself. O(examples +
// workers x classes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/rng.h"

namespace selmcast::train {

inline constexpr std::size_t kShardMin = 10;
inline constexpr int kDraws = 100;
inline constexpr double kAlphaMin = 0.01;
inline constexpr double kAlphaMax = 1e6;

struct Sharding {
  enum class Kind { iid, dirichlet };
  Kind kind = Kind::iid;
  double alpha = 0;  // of dirichlet
  bool operator==(const Sharding&) const = default;
};
// "iid" or "dirichlet:ALPHA" with kAlphaMin <= ALPHA <= kAlphaMax.
Result<Sharding> parse_sharding(std::string_view text);

struct ShardOptions {
  Sharding sharding;
  std::size_t workers = 1;
  std::uint64_t seed = 0;
};

using Shard = std::vector<std::uint32_t>;  // positions in the data set

// Requires labels below kClasses and workers >= 1. Error (invalid_input): too few examples for so many
// workers, or alpha so small that no draw gave every worker enough.
Result<std::vector<Shard>> make_shards(std::span<const std::uint8_t> labels, const ShardOptions& options);

// One draw from Gamma(shape, 1). Requires shape > 0.
double draw_gamma(Rng& rng, double shape);

}  // namespace selmcast::train
