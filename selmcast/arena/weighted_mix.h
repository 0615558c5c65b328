// What a mixture must be, computed anew from what was seen on the wire: for the checkers.
//
// Weights by kind as worker/mixer.h has them, from the offer that brought each model (wire::MixHeader) and, for
// push_sum, from what the owner says that it holds afterwards: its own share is that less what arrived. Pure.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/payload/model_codec.h"
#include "selmcast/wire/frame.h"
#include "selmcast/wire/mixing.h"
#include "selmcast/worker/mass_book.h"

namespace selmcast::arena {

struct Ingredient {
  std::span<const float> model;
  wire::MixHeader header;
  Round own;  // its receiver's, when it was folded
};

// A model as others get it.
inline std::vector<float> as_received(payload::Format format, std::span<const float> model) {
  const payload::ModelCodec codec(format, {{model.size(), true}});
  std::vector<float> payload((codec.bytes() + sizeof(float) - 1) / sizeof(float)), received(model.size());
  const auto bytes = std::as_writable_bytes(std::span(payload)).first(codec.bytes());
  codec.encode(model, bytes);
  for (std::size_t k = 0; k < received.size();)
    k += codec.decode(bytes, k, std::span(received).subspan(k)).size();
  return received;
}

// The own model comes first in `all`, with the mass it has after mixing as its weight; `alone`: there is none.
inline std::vector<double> mixing_weights(wire::MixingKind kind, const std::vector<Ingredient>& all,
                                          bool alone = false) {
  std::vector<double> weights;
  for (const Ingredient& one : all) {
    const double lag =
        one.own > one.header.round ? static_cast<double>(one.own.value() - one.header.round.value()) : 0;
    weights.push_back(kind == wire::MixingKind::push_sum    ? static_cast<double>(one.header.weight)
                      : kind == wire::MixingKind::staleness ? 1 / (1 + lag)
                                                            : 1);
  }
  if (kind == wire::MixingKind::push_sum && !alone) {
    for (std::size_t k = 1; k < weights.size(); ++k) weights[0] -= weights[k];
  }
  return weights;
}

// The first parameter that is not the weighted mean, to 1e-5.
inline std::optional<std::size_t> wrong_parameter(wire::MixingKind kind, const std::vector<Ingredient>& all,
                                                  std::span<const float> mixed, bool alone = false) {
  const std::vector<double> weights = mixing_weights(kind, all, alone);
  double total = 0;
  for (const double weight : weights) total += weight;
  for (std::size_t k = 0; k < mixed.size(); ++k) {
    double sum = 0;
    for (std::size_t j = 0; j < all.size(); ++j) sum += weights[j] * static_cast<double>(all[j].model[k]);
    const double right = all.size() == 1 ? static_cast<double>(all[0].model[k]) : sum / total;
    if (!(std::abs(static_cast<double>(mixed[k]) - right) <= 1e-5 * (1 + std::abs(right))))
      return k;  // or NaN
  }
  return std::nullopt;
}

}  // namespace selmcast::arena
