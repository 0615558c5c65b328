// How long a worker computes in a round: a distribution to draw from.
//
// The three of the paper (its Figure 3: measured step times of LSTM, Transformer and ResNet-50, scaled to a mean of
// 1000 ms) are histograms; within a bar every time is equally likely. A trace gives its values with equal odds.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/base/units.h"

namespace selmcast::sim {

class ComputeTimes {
 public:
  struct Bar {
    Duration from;
    Duration to;
    double proportion = 0;  // of all; they add up to about 1
    bool operator==(const Bar&) const = default;
  };

  static ComputeTimes lstm();
  static ComputeTimes transformer();
  static ComputeTimes resnet50();
  // "lstm", "transformer", "resnet50"; nullopt for others.
  static std::optional<ComputeTimes> named(std::string_view name);
  static ComputeTimes constant(Duration time);
  // Requires at least one, all >= 0.
  static ComputeTimes of_trace(std::span<const Duration> times);
  // Requires 0 <= from <= to and proportions >= 0, not all 0.
  explicit ComputeTimes(std::vector<Bar> bars);

  bool operator==(const ComputeTimes&) const = default;
  Duration draw(Rng& rng) const;
  Duration mean() const { return mean_; }

 private:
  std::vector<Bar> bars_;
  std::vector<double> up_to_;  // proportions of the bars up to and with this one, / all
  Duration mean_;
};

}  // namespace selmcast::sim
