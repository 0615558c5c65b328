// Is our curve the paper's? Point by point, against how much a mean of the paper's 10 trials scatters.
//
// The paper prints means of 10 trials without spread. From our own trials we know the deviation d of one; the
// difference of a mean of 10 and one of ours over n trials then has the standard error d sqrt(1/10 + 1/n). (A closed
// form has none of its own: d sqrt(1/n).) A point
// is the same within 3 of these, or within the accuracy of reading a printed curve (0.5 % of its value). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "selmcast/cli/reproduce/figure.h"

namespace selmcast::reproduce {

inline constexpr double kErrorsAllowed = 3;
inline constexpr double kReadingAccuracy = 0.005;
inline constexpr double kNear = 0.05;  // relative; what is not the same but within it is called near

struct Verdict {
  std::string panel;
  std::string curve;
  bool is_same = true;
  std::size_t points = 0;  // compared
  std::size_t outside = 0;
  // Where ours is furthest from the paper's:
  double x = 0;
  double ours = 0;
  double paper = 0;
  double relative = 0;       // (ours - paper) / paper
  double errors = 0;         // the same in standard errors; infinite if our trials do not scatter
  double most_relative = 0;  // greatest |relative| of all points
};

// One for each of our curves that has a partner, in order.
std::vector<Verdict> judge(const Panel& panel);

}  // namespace selmcast::reproduce
