#include "selmcast/mip/cbc_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "selmcast/base/check.h"
#include "selmcast/mip/cbc_solver.h"
#include "selmcast/plan/plan_checker.h"

namespace selmcast::mip {
namespace {

using plan::Plan;
using plan::Problem;
using plan::Reason;

// What both stages know of a problem, and the way between plans and columns: column i (n - 1) + (j, without i)
// is x_ij.
struct Context {
  explicit Context(const Problem& of);

  bool needs(std::size_t i) const { return need[i] > 0; }
  bool is_required(std::size_t i, std::size_t j) const { return required[i * n + j] != 0; }
  int column(std::size_t i, std::size_t j) const {
    return static_cast<int>(i * (n - 1) + j - (j > i ? 1 : 0));
  }
  std::vector<double> columns_of(const Plan& plan) const;
  Plan plan_of(const std::vector<double>& columns) const;

  const Problem& problem;
  std::size_t n;
  std::vector<char> required;      // n x n, by sender
  std::vector<std::int64_t> need;  // least receivers, required ones among them
};

Context::Context(const Problem& of) : problem(of), n(of.size()), required(n * n, 0), need(n, 0) {
  for (const plan::Pair& pair : problem.required) {
    required[position(pair.sender) * n + position(pair.receiver)] = 1;
    ++need[position(pair.sender)];
  }
  for (std::size_t i = 0; i < n; ++i) {
    need[i] = std::max<std::int64_t>(need[i], problem.workers[i].min_receivers);
  }
}

std::vector<double> Context::columns_of(const Plan& plan) const {
  std::vector<double> columns(n * (n - 1), 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (const plan::Selection& selection : plan.selections[i]) {
      columns[static_cast<std::size_t>(column(i, position(selection.receiver)))] = 1;
    }
  }
  return columns;
}

Plan Context::plan_of(const std::vector<double>& columns) const {
  Plan plan{std::vector<std::vector<plan::Selection>>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    std::int64_t open = need[i] - std::count(required.begin() + static_cast<std::ptrdiff_t>(i * n),
                                             required.begin() + static_cast<std::ptrdiff_t>((i + 1) * n), 1);
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j || columns[static_cast<std::size_t>(column(i, j))] < 0.5) continue;
      const Reason reason = is_required(i, j) ? Reason::required : open-- > 0 ? Reason::basic : Reason::spare;
      plan.selections[i].push_back({WorkerIndex(static_cast<std::uint32_t>(j)), reason});
    }
  }
  return plan;
}

// The exact completion time; nullopt: 0.
std::optional<plan::LinkTime> time_of(const Problem& problem, const Plan& plan) {
  const auto slowest = plan::find_bottleneck(problem, plan::link_loads(problem, plan));
  return slowest ? std::optional(slowest->time) : std::nullopt;
}

bool faster(const Problem& problem, const Plan& a, const Plan& b) {
  const auto time_a = time_of(problem, a), time_b = time_of(problem, b);
  if (!time_a || !time_b) return !time_a && time_b;
  return *time_a < *time_b;
}

bool is_sound(const Problem& problem, const Plan& plan) { return plan::check_plan(problem, plan).empty(); }

// ---------------------------------------------------------------------------------------------- stage 1

Duration unit_of_time(const Problem& problem) {
  double bits = 0, bps = 0;
  for (const plan::WorkerSpec& worker : problem.workers) {
    bits += worker.volume.in_bits();
    bps += (worker.uplink.bps() + worker.downlink.bps()) / 2;
  }
  return Duration::seconds(bits / bps);
}

void add_pairs_of_stage_1(const Context& context, CbcSolver& solver) {
  for (std::size_t i = 0; i < context.n; ++i) {
    const bool may_send = context.needs(i) && context.problem.workers[i].uplink > Rate();
    for (std::size_t j = 0; j < context.n; ++j) {
      if (i == j) continue;
      const bool may = may_send && context.problem.workers[j].downlink > Rate();
      solver.add_binary({context.is_required(i, j) ? 1.0 : 0.0, may ? 1.0 : 0.0}, 0);
    }
  }
}

void add_rows_of_stage_1(const Context& context, Duration unit, int time, CbcSolver& solver) {
  for (std::size_t i = 0; i < context.n; ++i) {
    if (!context.needs(i)) continue;
    const plan::WorkerSpec& sender = context.problem.workers[i];
    std::vector<Entry> receivers;
    for (std::size_t j = 0; j < context.n; ++j) {
      if (i != j) receivers.push_back({context.column(i, j), 1});
    }
    solver.add_at_least(receivers, static_cast<double>(context.need[i]));
    if (context.problem.multicast == plan::MulticastKind::network || sender.uplink == Rate()) continue;
    for (Entry& entry : receivers) entry.coefficient = sender.volume / sender.uplink / unit;
    receivers.push_back({time, -1});
    solver.add_at_most(receivers, 0);
  }
  for (std::size_t j = 0; j < context.n; ++j) {
    if (context.problem.workers[j].downlink == Rate()) continue;
    std::vector<Entry> senders{{time, -1}};
    for (std::size_t i = 0; i < context.n; ++i) {
      if (i == j || !context.needs(i)) continue;
      const Duration alone = context.problem.workers[i].volume / context.problem.workers[j].downlink;
      senders.push_back({context.column(i, j), alone / unit});
    }
    solver.add_at_most(senders, 0);
  }
}

// Whoever needs a receiver sends at least once.
Duration least_time_of_uplinks(const Context& context) {
  Duration least;
  for (std::size_t i = 0; i < context.n; ++i) {
    const plan::WorkerSpec& sender = context.problem.workers[i];
    if (context.needs(i) && sender.uplink > Rate()) least = std::max(least, sender.volume / sender.uplink);
  }
  return least;
}

// The incumbent without what stage 1 leaves out.
Plan of_those_in_need(const Context& context, Plan plan) {
  for (std::size_t i = 0; i < context.n; ++i) {
    if (!context.needs(i)) plan.selections[i].clear();
  }
  return plan;
}

void find_least_time(const Context& context, const CbcOptions& options, CbcResult& result) {
  const Duration unit = unit_of_time(context.problem);
  const Duration least = std::max(options.known_bound, least_time_of_uplinks(context));
  CbcSolver solver;
  add_pairs_of_stage_1(context, solver);
  const int time = solver.add_continuous({least / unit, std::numeric_limits<double>::infinity()}, 1);
  add_rows_of_stage_1(context, unit, time, solver);
  if (options.incumbent != nullptr) {
    const Plan plan = of_those_in_need(context, *options.incumbent);
    std::vector<double> values = context.columns_of(plan);
    values.push_back(plan::completion_time(context.problem, plan) / unit);
    solver.start_from(values);
  }
  const Solution solution = solver.solve(options.stage_limit, options.relative_gap);
  if (solution.ending == Ending::infeasible && options.incumbent == nullptr) {
    result.time_status = StageStatus::infeasible;
    return;
  }
  result.time_status = solution.ending == Ending::optimal ? StageStatus::optimal : StageStatus::limit;
  if (!solution.values.empty()) {
    Plan plan = context.plan_of(solution.values);
    // Stage 1 counts no receivers: an incumbent that is as fast may have more, and is to be kept.
    if (is_sound(context.problem, plan) && (!result.plan || faster(context.problem, plan, *result.plan))) {
      result.plan = std::move(plan);
    }
  }
  result.time_bound = std::max(options.known_bound, unit * solution.bound);
  if (!result.plan) return;
  const Duration completion = plan::completion_time(context.problem, *result.plan);
  result.time_bound =
      result.time_status == StageStatus::optimal ? completion : std::min(result.time_bound, completion);
}

// ---------------------------------------------------------------------------------------------- stage 2

// What loads are counted in.
struct VolumeUnit {
  double bytes = 1;
  bool whole = false;  // every load is a whole number of these, so capacities may be rounded down to such

  double in(Bytes volume) const { return static_cast<double>(volume.count()) / bytes; }
  double capacity_in(Bytes volume) const { return whole ? std::floor(in(volume)) : in(volume); }
};

// The common measure of all volumes if they are small multiples of it (1 if all are equal); else the mean.
VolumeUnit unit_of_volume(const Problem& problem) {
  constexpr std::int64_t kSmall = 1000;
  std::int64_t common = 0, largest = 0;
  double sum = 0;
  for (const plan::WorkerSpec& worker : problem.workers) {
    common = std::gcd(common, worker.volume.count());
    largest = std::max(largest, worker.volume.count());
    sum += static_cast<double>(worker.volume.count());
  }
  if (largest / common <= kSmall) return {static_cast<double>(common), true};
  return {sum / static_cast<double>(problem.size()), false};
}

struct Capacities {
  std::vector<Bytes> uplink;
  std::vector<Bytes> downlink;
};

void add_program_of_stage_2(const Context& context, const Capacities& capacity, CbcSolver& solver) {
  const Problem& problem = context.problem;
  const bool unicast = problem.multicast == plan::MulticastKind::unicast;
  for (std::size_t i = 0; i < context.n; ++i) {
    const Bytes volume = problem.workers[i].volume;
    for (std::size_t j = 0; j < context.n; ++j) {
      if (i == j) continue;
      const bool fits = volume <= capacity.uplink[i] && volume <= capacity.downlink[j];
      solver.add_binary({context.is_required(i, j) ? 1.0 : 0.0, fits ? 1.0 : 0.0}, -1);
    }
  }
  const VolumeUnit unit = unit_of_volume(problem);
  for (std::size_t i = 0; i < context.n; ++i) {
    std::vector<Entry> receivers, senders;
    for (std::size_t k = 0; k < context.n; ++k) {
      if (k == i) continue;
      receivers.push_back({context.column(i, k), 1});
      senders.push_back({context.column(k, i), unit.in(problem.workers[k].volume)});
    }
    if (context.needs(i)) solver.add_at_least(receivers, static_cast<double>(context.need[i]));
    const std::int64_t most = capacity.uplink[i].count() / problem.workers[i].volume.count();
    if (unicast) solver.add_at_most(receivers, static_cast<double>(most));
    solver.add_at_most(senders, unit.capacity_in(capacity.downlink[i]));
  }
}

void find_most_receivers(const Context& context, const CbcOptions& options, CbcResult& result) {
  const auto time = time_of(context.problem, *result.plan);
  if (!time) {  // nothing has to be sent, and with t = 0 nothing can be
    result.count_status = StageStatus::optimal;
    return;
  }
  Capacities capacity;
  for (const plan::WorkerSpec& worker : context.problem.workers) {
    capacity.uplink.push_back(plan::capacity_within(worker.uplink, *time));
    capacity.downlink.push_back(plan::capacity_within(worker.downlink, *time));
  }
  CbcSolver solver;
  add_program_of_stage_2(context, capacity, solver);
  solver.start_from(context.columns_of(*result.plan));
  const Solution solution = solver.solve(options.stage_limit, options.relative_gap);
  result.count_status = StageStatus::limit;
  if (!solution.values.empty()) {
    Plan plan = context.plan_of(solution.values);
    // CBC's tolerances may let a link carry a few bytes too many: such a plan is of no use.
    const bool good = is_sound(context.problem, plan) && !faster(context.problem, *result.plan, plan);
    if (good && solution.ending == Ending::optimal) result.count_status = StageStatus::optimal;
    if (good && plan.receiver_count() >= result.plan->receiver_count()) result.plan = std::move(plan);
  }
  // "Infeasible" can only come from tolerances, and proves nothing: result.plan is feasible.
  const std::size_t pairs = context.n * (context.n - 1);
  const double bound = std::floor(-solution.bound + 1e-6);
  const bool tells =
      solution.ending != Ending::infeasible && bound >= 0 && bound < static_cast<double>(pairs);
  result.count_bound =
      std::max(tells ? static_cast<std::size_t>(bound) : pairs, result.plan->receiver_count());
  if (result.count_status == StageStatus::optimal) result.count_bound = result.plan->receiver_count();
}

}  // namespace

CbcResult solve_with_cbc(const Problem& problem, const CbcOptions& options) {
  const Context context(problem);
  CbcResult result;
  if (options.incumbent != nullptr) {
    SELMCAST_CHECK(is_sound(problem, *options.incumbent), "an incumbent is a plan of the problem");
    result.plan = *options.incumbent;
  }
  if (std::ranges::count(context.need, 0) == std::ssize(context.need)) {
    result.plan = Plan{std::vector<std::vector<plan::Selection>>(problem.size())};
    result.time_status = result.count_status = StageStatus::optimal;
    return result;
  }
  find_least_time(context, options, result);
  if (result.plan) find_most_receivers(context, options, result);
  return result;
}

}  // namespace selmcast::mip
