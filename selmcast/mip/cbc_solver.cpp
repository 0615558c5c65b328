#include "selmcast/mip/cbc_solver.h"

#include <coin/Cbc_C_Interface.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>

namespace selmcast::mip {

void CbcSolver::Deleter::operator()(void* model) const { Cbc_deleteModel(static_cast<Cbc_Model*>(model)); }

CbcSolver::CbcSolver() : model_(Cbc_newModel()) { Cbc_setLogLevel(static_cast<Cbc_Model*>(model_.get()), 0); }

CbcSolver::~CbcSolver() = default;

int CbcSolver::add_binary(Bounds bounds, double objective) { return add_column(bounds, objective, true); }

int CbcSolver::add_continuous(Bounds bounds, double objective) {
  return add_column(bounds, objective, false);
}

int CbcSolver::add_column(Bounds bounds, double objective, bool integer) {
  const std::string name = "c" + std::to_string(columns_);
  Cbc_addCol(static_cast<Cbc_Model*>(model_.get()), name.c_str(), bounds.least, bounds.most, objective,
             integer ? 1 : 0, 0, nullptr, nullptr);
  return columns_++;
}

void CbcSolver::add_row(const std::vector<Entry>& entries, char sense, double limit) {
  std::vector<int> columns;
  std::vector<double> coefficients;
  for (const Entry& entry : entries) {
    columns.push_back(entry.column);
    coefficients.push_back(entry.coefficient);
  }
  Cbc_addRow(static_cast<Cbc_Model*>(model_.get()), "", static_cast<int>(entries.size()), columns.data(),
             coefficients.data(), sense, limit);
}

void CbcSolver::start_from(const std::vector<double>& values) {
  std::vector<int> columns(values.size());
  std::iota(columns.begin(), columns.end(), 0);
  Cbc_setMIPStartI(static_cast<Cbc_Model*>(model_.get()), columns_, columns.data(), values.data());
}

namespace {

// CBC can be told to be quiet, but some of its cut generators print on standard output whatever they are told, in the
// middle of a program's answer. So the process's output goes nowhere while CBC works.
class QuietOutput {
 public:
  QuietOutput() {
    std::fflush(stdout);
    output_ = dup(STDOUT_FILENO);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (output_ >= 0 && nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
    if (nowhere >= 0) close(nowhere);
  }
  ~QuietOutput() {
    std::fflush(stdout);
    if (output_ < 0) return;
    dup2(output_, STDOUT_FILENO);
    close(output_);
  }
  QuietOutput(const QuietOutput&) = delete;
  QuietOutput& operator=(const QuietOutput&) = delete;

 private:
  int output_ = -1;
};

}  // namespace

Solution CbcSolver::solve(Duration limit, double relative_gap) {
  auto* model = static_cast<Cbc_Model*>(model_.get());
  Cbc_setParameter(model, "timeMode", "elapsed");
  Cbc_setParameter(model, "threads", "0");
  Cbc_setParameter(model, "primalTolerance", "1e-9");
  Cbc_setParameter(model, "integerTolerance", "1e-9");
  Cbc_setParameter(model, "increment", "1e-9");  // by default nothing less than 1e-5 better is looked for
  Cbc_setMaximumSeconds(model, limit.in_seconds());
  Cbc_setAllowableGap(model, 1e-9);
  Cbc_setAllowableFractionGap(model, relative_gap);
  {
    const QuietOutput quiet;
    Cbc_solve(model);
  }

  Solution solution;
  if (Cbc_isProvenInfeasible(model)) return {Ending::infeasible, {}, 0};
  if (const double* best = Cbc_bestSolution(model)) solution.values.assign(best, best + columns_);
  solution.bound = Cbc_getBestPossibleObjValue(model);
  if (!Cbc_isProvenOptimal(model) || solution.values.empty()) return solution;
  if (relative_gap > 0) {  // CBC calls that optimal too; what is proven is the gap
    const double objective = Cbc_getObjValue(model);
    solution.bound = std::min(solution.bound, objective - relative_gap * std::fabs(objective));
    return solution;
  }
  solution.ending = Ending::optimal;
  return solution;
}

}  // namespace selmcast::mip
