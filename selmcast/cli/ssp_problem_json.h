// Reads the "ssp" part of a planning problem, schema selmcast.problem/1.
//
//   ready               the worker that wants to start a multicast
//   ready_wait_seconds  its wait (plan/ssp_problem.h)
//   keep_fraction       0 to 1: running transfers with less than that left are kept
//   active              [{"sender", "wait_seconds", "delivered": [receiver],
//                         "receivers": [{"id", "remaining_bytes"}]}]: the multicasts that run
//
// All keys are needed. Unknown keys and anything ssp_problem.h does not allow are errors.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "selmcast/cli/problem_reader.h"
#include "selmcast/plan/ssp_problem.h"

namespace selmcast::cli {

class SspReader : public ProblemReader {
 public:
  // Goes on where the reader of the base stopped: it knows the workers.
  explicit SspReader(const ProblemReader& base) : ProblemReader(base) {}

  // Requires a valid result.base. `path` is that of `value`.
  bool read(const Json& value, const Path& path, plan::SspProblem& result);

 private:
  bool multicast(const Json& value, const Path& path, plan::RunningMulticast& result);
  bool delivered(const Json& list, const Path& path, plan::RunningMulticast& result);
  bool receivers(const Json& list, const Path& path, plan::RunningMulticast& result);
  bool consistent(const plan::SspProblem& problem, const Path& path);
};

}  // namespace selmcast::cli
