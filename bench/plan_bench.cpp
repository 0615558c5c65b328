#include "bench/plan_bench.h"

#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "bench/rivals/dinic_planner.h"
#include "bench/rivals/literal_paper_planner.h"
#include "selmcast/base/check.h"
#include "selmcast/mip/cbc_model.h"
#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/planner.h"

namespace selmcast::bench {
namespace {

constexpr Duration kTarget = Duration::seconds(1);        // of a row, about
constexpr Duration kRepetition = Duration::seconds(0.1);  // as many calls as fit: the clock is coarse
constexpr int kMostRepetitions = 9;

struct Answer {
  plan::Plan plan;
  bool finished = true;
};

struct Contestant {
  std::string name;
  std::size_t most_workers;
  std::function<Answer(const plan::Problem&)> plan;
};

Answer plan_by_name(const plan::Planner& planner, const plan::Problem& problem) {
  Rng rng(1);
  auto outcome = planner.plan(problem, rng);
  auto* planned = std::get_if<plan::Planned>(&outcome);
  SELMCAST_CHECK(planned != nullptr, "the instances have plans");
  return {std::move(planned->plan), true};
}

Answer plan_with_cbc(const plan::Problem& problem, Duration limit) {
  auto result = mip::solve_with_cbc(problem, {.stage_limit = limit});
  const bool finished =
      result.time_status == mip::StageStatus::optimal && result.count_status == mip::StageStatus::optimal;
  plan::Plan nothing{std::vector<std::vector<plan::Selection>>(problem.size())};
  return {result.plan ? std::move(*result.plan) : std::move(nothing), finished};
}

// An ExactPlanner that has planned the problem before, and of which one link changed since.
Contestant kept() {
  const auto plan_again = [planner =
                               std::shared_ptr<plan::ExactPlanner>()](const plan::Problem& problem) mutable {
    const plan::Problem* known = planner ? &planner->problem() : nullptr;
    if (known != nullptr && known->size() == problem.size() && known->multicast == problem.multicast &&
        known->required == problem.required) {
      const plan::WorkerSpec& now = known->worker(WorkerIndex(0));
      planner->set_links(WorkerIndex(0), now.downlink, now.uplink);  // and back, the next time
    } else {
      planner = std::make_shared<plan::ExactPlanner>(problem);
    }
    return Answer{std::get<plan::Planned>(planner->plan()).plan, true};
  };
  return {"one link", kMostWorkersForKept, plan_again};
}

std::vector<Contestant> contestants(bool quick, std::vector<std::string>& missing) {
  std::vector<Contestant> all;
  const auto add = [&](const char* name, std::size_t most) {
    if (const plan::Planner* planner = plan::find_planner(name)) {
      all.push_back({name, most, [planner](const auto& problem) { return plan_by_name(*planner, problem); }});
    } else {
      missing.emplace_back(name);
    }
  };
  add("exact", kMostWorkersForExact);
  all.push_back(kept());
  add("paper", kMostWorkersForPaper);
  all.push_back({"literal", kMostWorkersForLiteral, [](const plan::Problem& problem) {
                   return Answer{plan_by_literal_paper(problem), true};
                 }});
  all.push_back({"dinic", kMostWorkersForDinic, [](const plan::Problem& problem) {
                   return Answer{plan_by_dinic(problem), true};
                 }});
  const Duration limit = quick ? kCbcStageLimitQuick : kCbcStageLimit;
  all.push_back({"cbc", kMostWorkersForCbc,
                 [limit](const plan::Problem& problem) { return plan_with_cbc(problem, limit); }});
  return all;
}

// Keeps what was measured instead of printing it.
class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      times.push_back(Duration::seconds(run.real_accumulated_time / static_cast<double>(run.iterations)));
    }
  }
  std::vector<Duration> times;  // of one call, by repetition
};

// nullopt: a single call. Otherwise repetitions of many calls, as many as Google Benchmark finds good.
template <class Call>
std::vector<Duration> measure(std::optional<int> repetitions, const Call& call) {
  benchmark::ClearRegisteredBenchmarks();
  auto* registered = benchmark::RegisterBenchmark("plan", [&](benchmark::State& state) {
    for ([[maybe_unused]] auto step : state) call();
  });
  registered->UseRealTime();
  if (repetitions) {
    registered->MinTime(kRepetition.in_seconds())->Repetitions(*repetitions);
  } else {
    registered->Iterations(1);
  }
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector, "all");
  benchmark::ClearRegisteredBenchmarks();
  SELMCAST_CHECK(!collector.times.empty(), "Google Benchmark ran it");
  return collector.times;
}

Duration median(std::vector<Duration> times) {
  const auto middle = times.begin() + std::ssize(times) / 2;
  std::ranges::nth_element(times, middle);
  return *middle;
}

PlanTiming time_planner(const Contestant& contestant, const PlanInstance& instance,
                        const plan::Problem& problem) {
  Answer answer;
  const auto call = [&] { answer = contestant.plan(problem); };
  std::vector<Duration> times = measure(std::nullopt, call);
  if (times.front() < kTarget) {
    const double fit = kTarget / std::max(times.front(), kRepetition);
    times = measure(std::min(static_cast<int>(fit), kMostRepetitions), call);
  }
  const std::size_t repetitions = times.size();
  return {contestant.name,
          instance,
          median(std::move(times)),
          repetitions,
          answer.finished,
          plan::completion_time(problem, answer.plan),
          answer.plan.receiver_count()};
}

// Forked off before anything large was allocated: a child's peak begins with what its parent holds.
std::optional<PeakMemory> peak_memory(const Contestant& contestant, const PlanInstance& instance) {
  const pid_t child = fork();
  if (child < 0) return std::nullopt;
  if (child == 0) {
    const plan::Problem problem = make_problem(instance);
    const Answer answer = contestant.plan(problem);
    _exit(answer.plan.receiver_count() > 0 ? 0 : 1);
  }
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child || status != 0) return std::nullopt;
  return PeakMemory{contestant.name, instance, static_cast<std::size_t>(usage.ru_maxrss) * 1024};
}

}  // namespace

PlanBench run_plan_bench(const PlanBenchOptions& options) {
  PlanBench bench{.quick = options.quick};
  const std::vector<Contestant> all = contestants(options.quick, bench.missing);
  const std::size_t n = options.quick ? kMemoryWorkersQuick : kMemoryWorkers;
  for (const Contestant& contestant : all) {
    if (contestant.most_workers < kMemoryWorkers) continue;
    for (const Variant variant : {Variant::plain, Variant::aged}) {
      for (const auto multicast : {plan::MulticastKind::network, plan::MulticastKind::unicast}) {
        const PlanInstance instance{n, multicast, variant};
        options.progress("memory of " + contestant.name + ", " + describe(instance));
        if (auto peak = peak_memory(contestant, instance)) bench.memory.push_back(*std::move(peak));
      }
    }
  }
  for (const PlanInstance& instance : plan_instances(options.quick)) {
    const plan::Problem problem = make_problem(instance);
    for (const Contestant& contestant : all) {
      if (contestant.most_workers < instance.workers) continue;
      options.progress(contestant.name + ", " + describe(instance));
      bench.timings.push_back(time_planner(contestant, instance, problem));
    }
  }
  return bench;
}

}  // namespace selmcast::bench
