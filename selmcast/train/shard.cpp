#include "selmcast/train/shard.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>

#include "selmcast/base/check.h"
#include "selmcast/train/batch.h"

namespace selmcast::train {
namespace {

// Box-Muller; the second value is thrown away to stay without state.
double draw_normal(Rng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
  return radius * std::cos(2 * std::numbers::pi * rng.uniform());
}

std::vector<Shard> deal(Shard deck, std::size_t workers) {
  std::vector<Shard> shards(workers);
  for (std::size_t i = 0; i < deck.size(); ++i) shards[i % workers].push_back(deck[i]);
  return shards;
}

// n parts that add up to 1; nothing if all draws underflowed to 0.
std::optional<std::vector<double>> draw_dirichlet(Rng& rng, double alpha, std::size_t n) {
  std::vector<double> parts(n);
  for (double& part : parts) part = draw_gamma(rng, alpha);
  const double sum = std::accumulate(parts.begin(), parts.end(), 0.0);
  if (!(sum > 0)) return std::nullopt;
  for (double& part : parts) part /= sum;
  return parts;
}

// Cuts every class at the running sums of a draw of its own.
std::optional<std::vector<Shard>> draw_skewed(std::span<const Shard> by_class, const ShardOptions& options,
                                              Rng& rng) {
  std::vector<Shard> shards(options.workers);
  for (const Shard& members : by_class) {
    const auto parts = draw_dirichlet(rng, options.sharding.alpha, options.workers);
    if (!parts) return std::nullopt;
    double sum = 0;
    std::size_t from = 0;
    for (std::size_t worker = 0; worker < options.workers; ++worker) {
      sum += (*parts)[worker];
      const bool last = worker + 1 == options.workers;
      const auto cut = static_cast<std::size_t>(sum * static_cast<double>(members.size()));
      const std::size_t to = last ? members.size() : std::clamp(cut, from, members.size());
      shards[worker].insert(shards[worker].end(), members.begin() + static_cast<std::ptrdiff_t>(from),
                            members.begin() + static_cast<std::ptrdiff_t>(to));
      from = to;
    }
  }
  const auto too_small = [](const Shard& shard) { return shard.size() < kShardMin; };
  if (std::ranges::any_of(shards, too_small)) return std::nullopt;
  for (Shard& shard : shards) rng.shuffle(std::span(shard));
  return shards;
}

}  // namespace

double draw_gamma(Rng& rng, double shape) {
  SELMCAST_CHECK(shape > 0, "the shape of a gamma distribution is positive");
  if (shape < 1) {
    const double boost = std::pow(1 - rng.uniform(), 1 / shape);
    return boost * draw_gamma(rng, shape + 1);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  // Rejects fewer than one in twenty, so this ends.
  while (true) {
    const double x = draw_normal(rng);
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

Result<Sharding> parse_sharding(std::string_view text) {
  if (text == "iid") return Sharding{};
  constexpr std::string_view prefix = "dirichlet:";
  if (text.starts_with(prefix)) {
    const std::string_view number = text.substr(prefix.size());
    double alpha = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), alpha);
    if (error == std::errc() && end == number.data() + number.size() && alpha >= kAlphaMin &&
        alpha <= kAlphaMax) {
      return Sharding{Sharding::Kind::dirichlet, alpha};
    }
  }
  return failure(ErrorCode::invalid_input,
                 fmt::format("shards \"{}\": write iid or dirichlet:ALPHA with ALPHA from {} to {}", text,
                             kAlphaMin, kAlphaMax));
}

Result<std::vector<Shard>> make_shards(std::span<const std::uint8_t> labels, const ShardOptions& options) {
  SELMCAST_CHECK(options.workers >= 1, "somebody must train");
  if (labels.size() / options.workers < kShardMin) {
    return failure(
        ErrorCode::invalid_input,
        fmt::format("{} examples are too few for {} workers with at least {} each; use fewer workers",
                    labels.size(), options.workers, kShardMin));
  }
  Rng rng(options.seed);
  Shard deck(labels.size());
  std::iota(deck.begin(), deck.end(), 0U);
  rng.shuffle(std::span(deck));
  if (options.sharding.kind == Sharding::Kind::iid) return deal(std::move(deck), options.workers);

  std::vector<Shard> by_class(kClasses);
  for (const std::uint32_t position : deck) by_class.at(labels[position]).push_back(position);
  for (int draw = 0; draw < kDraws; ++draw) {
    if (auto shards = draw_skewed(by_class, options, rng)) return std::move(*shards);
  }
  return failure(
      ErrorCode::invalid_input,
      fmt::format("dirichlet:{} left some worker with fewer than {} examples in each of {} draws; choose a "
                  "larger alpha or fewer workers",
                  options.sharding.alpha, kShardMin, kDraws));
}

}  // namespace selmcast::train
