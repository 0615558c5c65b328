// One mixed-integer program in CBC: columns and rows in, the best assignment found and the bound proven out.
//
// A thin shell over CBC's C interface that knows nothing of plans. A minimisation; integer columns are binary. A
// program is solved once: CBC leaves its model in an undefined state afterwards.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "selmcast/base/units.h"

namespace selmcast::mip {

struct Entry {
  int column = 0;
  double coefficient = 1;
};

struct Bounds {
  double least = 0;
  double most = 1;
};

enum class Ending { optimal, limit, infeasible };

struct Solution {
  Ending ending = Ending::limit;
  std::vector<double> values;  // by column; empty if none was found
  double bound = 0;            // no assignment has a smaller objective
};

class CbcSolver {
 public:
  CbcSolver();
  ~CbcSolver();
  CbcSolver(const CbcSolver&) = delete;
  CbcSolver& operator=(const CbcSolver&) = delete;

  // Columns first, then rows. Returns its number, from 0.
  int add_binary(Bounds bounds, double objective);
  int add_continuous(Bounds bounds, double objective);
  // sum of entries <= most, or >= least.
  void add_at_most(const std::vector<Entry>& entries, double most) { add_row(entries, 'L', most); }
  void add_at_least(const std::vector<Entry>& entries, double least) { add_row(entries, 'G', least); }

  // An assignment to begin with, a value for every column.
  void start_from(const std::vector<double>& values);
  Solution solve(Duration limit, double relative_gap);

 private:
  int add_column(Bounds bounds, double objective, bool integer);
  void add_row(const std::vector<Entry>& entries, char sense, double limit);

  struct Deleter {
    void operator()(void* model) const;
  };
  std::unique_ptr<void, Deleter> model_;
  int columns_ = 0;
};

}  // namespace selmcast::mip
