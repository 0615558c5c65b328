// selmcast-train: trains a small model on Fashion-MNIST, one worker a process, and evaluates such a training.
// Only the command line is here; what the commands do is in commands.h.
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <functional>
#include <limits>
#include <string>

#include "selmcast/train/commands.h"

namespace {

using selmcast::Error;
using selmcast::Instant;
using selmcast::Rate;
using selmcast::train::EvaluateCommand;
using selmcast::train::WorkerCommand;

constexpr int kDone = 0;
constexpr int kWrongUsage = 2;

// Text that a parse function of ours turns into a value; its error becomes one of the command line.
template <class Value, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& flag, Value& value, Parse parse,
                        const std::string& help) {
  const auto assign = [&value, parse, flag](const std::string& text) {
    auto parsed = parse(text);
    if (!parsed) throw CLI::ValidationError(flag, parsed.error().message);
    value = *parsed;
  };
  return app.add_option_function<std::string>(flag, assign, help);
}

CLI::Option* add_rate(CLI::App& app, const std::string& flag, std::optional<Rate>& rate,
                      const std::string& help) {
  const auto assign = [&rate, flag](double bps) {
    rate = Rate::bits_per_second(bps);
    if (!rate->is_positive_finite())
      throw CLI::ValidationError(flag, "a bandwidth is a positive number of bit/s");
  };
  return app.add_option_function<double>(flag, assign, help)->type_name("BPS");
}

const CLI::Range kAtLeastOne(std::uint64_t{1}, std::uint64_t{1'000'000'000});

void add_common(CLI::App& app, std::filesystem::path& data, selmcast::train::ModelKind& model,
                bool& die_with_parent) {
  app.add_option("--data", data, "Folder of the Fashion-MNIST files")
      ->type_name("DIR")
      ->capture_default_str();
  add_parsed(app, "--model", model, selmcast::train::parse_model, "mlp or cnn (default mlp)")
      ->type_name("NAME");
  app.add_flag("--die-with-parent", die_with_parent,
               "End when the process (thread) that started this one ends");
}

void add_training_options(CLI::App& app, WorkerCommand& worker) {
  auto& trainer = worker.trainer;
  app.add_option("--rounds", worker.rounds, "Rounds to train")->check(kAtLeastOne)->capture_default_str();
  app.add_option("--steps", worker.steps, "Local steps a round")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--batch", trainer.batch, "Examples a step")->check(kAtLeastOne)->capture_default_str();
  app.add_option("--learning-rate", trainer.sgd.learning_rate, "Of SGD")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--momentum", trainer.sgd.momentum, "Of SGD, below 1")
      ->check(CLI::Range(0.0, 0.999999))
      ->capture_default_str();
  app.add_option("--seed", trainer.seed, "Of the whole training, the same on every worker")
      ->capture_default_str();
  add_parsed(app, "--shards", worker.sharding, selmcast::train::parse_sharding,
             "iid, or dirichlet:ALPHA for shards skewed by label (default iid)")
      ->type_name("KIND");
}

void add_peer_options(CLI::App& app, WorkerCommand& worker) {
  app.add_option("--rank", worker.trainer.rank, "This worker, from 0: its shard and its files")
      ->envname("RANK")
      ->capture_default_str();
  app.add_option("--workers", worker.workers, "How many shards there are")
      ->envname("WORLD_SIZE")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--name", worker.name, "For people (default wRANK)");
  auto* manager = app.add_option("--manager", worker.manager, "Where the manager listens")
                      ->type_name("HOST:PORT")
                      ->envname("SELMCAST_MANAGER");
  app.add_flag("--solo", worker.solo, "Train on the own shard, without any peers")->excludes(manager);
  add_parsed(app, "--mixing", worker.mixing, selmcast::wire::parse_mixing,
             "How received models are mixed in: average, push_sum or staleness (default average)")
      ->type_name("KIND");
  add_parsed(app, "--payload", worker.payload, selmcast::payload::parse_format,
             "How parameters travel: float32, float16, bfloat16 or int8 (default float32)")
      ->envname("SELMCAST_PAYLOAD")
      ->type_name("FORMAT");
  app.add_option("--streams", worker.streams,
                 "Connections that one delivery goes over at once, where one does not fill a long path")
      ->envname("SELMCAST_STREAMS")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  add_rate(app, "--uplink-bps", worker.uplink, "Emulate an uplink of this payload goodput");
  add_rate(app, "--downlink-bps", worker.downlink, "Emulate a downlink of this payload goodput");
  add_rate(app, "--declared-uplink-bps", worker.declared_uplink, "Tell the manager that the uplink has this");
  add_rate(app, "--declared-downlink-bps", worker.declared_downlink,
           "Tell the manager that the downlink has this");
}

// Stragglers, on a machine whose processors are all alike.
void add_speed_options(CLI::App& app, WorkerCommand& worker) {
  app.add_option("--slow-factor", worker.slow_factor,
                 "Computing of a round takes so many times as long; the rest is slept")
      ->check(CLI::Range(1.0, 1000.0))
      ->capture_default_str();
  app.add_option_function<double>(
         "--compute-seconds",
         [&worker](double seconds) { worker.compute_floor = selmcast::Duration::seconds(seconds); },
         "Computing of a round takes at least this long, before --slow-factor")
      ->check(CLI::Range(0.0, 3600.0))
      ->type_name("SECONDS");
}

CLI::App* add_worker(CLI::App& app, WorkerCommand& worker, bool& die_with_parent) {
  auto* command = app.add_subcommand("worker", "Train as one worker");
  command->footer(
      "Example: a lone worker on an eighth of the data\n"
      "  selmcast-train worker --solo --rank 0 --workers 8 --out run --snapshots run/snapshots\n"
      "A worker that computes three times as long as the others\n"
      "  selmcast-train worker --manager localhost:7070 --rank 3 --workers 8 --slow-factor 3");
  add_common(*command, worker.data, worker.trainer.model, die_with_parent);
  add_training_options(*command, worker);
  add_peer_options(*command, worker);
  add_speed_options(*command, worker);
  command->add_option("--out", worker.out, "Folder of worker-RANK.jsonl")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--snapshots", worker.snapshots, "Folder that the evaluator watches")->type_name("DIR");
  command
      ->add_option_function<double>(
          "--clock-zero", [&worker](double seconds) { worker.clock_zero = Instant::at_seconds(seconds); },
          "Start of the run on CLOCK_MONOTONIC (default: the start of this worker)")
      ->type_name("SECONDS");
  return command;
}

CLI::App* add_evaluate(CLI::App& app, EvaluateCommand& evaluate, int& nice, bool& die_with_parent) {
  auto* command =
      app.add_subcommand("evaluate", "Evaluate the average of all workers' models, round by round");
  command->footer(
      "Example: all 30 rounds of 8 workers\n"
      "  selmcast-train evaluate --snapshots run/snapshots --workers 8 --rounds 30 --out "
      "run/evaluation.jsonl");
  auto& board = evaluate.watch.board;
  add_common(*command, evaluate.data, evaluate.model, die_with_parent);
  command->add_option("--snapshots", evaluate.watch.snapshots, "Folder that the workers write to")
      ->type_name("DIR")
      ->required();
  command->add_option("--workers", board.workers, "Workers at the start")
      ->check(CLI::Range(1, 100'000))
      ->required();
  command->add_option("--rounds", board.rounds, "Rounds of the training")->check(kAtLeastOne)->required();
  command
      ->add_option("--max-lead", board.max_lead,
                   "Rounds that a worker may be ahead of another: 1 for bsp, staleness + 1 for ssp; one that "
                   "is further behind "
                   "is taken for gone")
      ->check(kAtLeastOne)
      ->capture_default_str();
  command->add_option("--out", evaluate.out, "One JSON line a round, also on standard output")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_flag("--finish-with-stdin", evaluate.finish_with_stdin,
                    "When standard input ends, evaluate what is there and end");
  command->add_option("--nice", nice, "Leave the processor to the workers")
      ->check(CLI::Range(0, 19))
      ->capture_default_str();
  return command;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains a small model on Fashion-MNIST, one worker a process, and evaluates the training.",
               "selmcast-train");
  app.set_version_flag("--version", SELMCAST_VERSION);
  app.require_subcommand(1);
  WorkerCommand worker;
  EvaluateCommand evaluate;
  int nice = 10;
  bool die_with_parent = false;
  const auto* worker_command = add_worker(app, worker, die_with_parent);
  add_evaluate(app, evaluate, nice, die_with_parent);
  auto described = selmcast::train::ModelKind::mlp;
  auto* describe_command = app.add_subcommand("describe", "Print a model's size and tensors as JSON");
  add_parsed(*describe_command, "--model", described, selmcast::train::parse_model,
             "mlp or cnn (default mlp)")
      ->type_name("NAME");
  auto payload = selmcast::payload::Format::float32;
  add_parsed(*describe_command, "--payload", payload, selmcast::payload::parse_format,
             "How it would travel: float32, float16, bfloat16 or int8 (default float32)")
      ->type_name("FORMAT");
  try {
    app.parse(argc, argv);
    if (worker_command->parsed() && worker.trainer.rank >= worker.workers) {
      throw CLI::ValidationError(
          "--rank",
          fmt::format("{} of {}: ranks go from 0 to --workers - 1. A worker that comes later than the others "
                      "needs a shard, too: give all workers the same --workers, as many as will ever "
                      "train",
                      worker.trainer.rank, worker.workers));
    }
    if (worker_command->parsed() && !worker.solo && !worker.manager) {
      throw CLI::RequiredError("--manager HOST:PORT or --solo");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == kDone ? kDone : kWrongUsage;
  }
  // Not caught by any handler, so it ends the process whatever that is doing.
  if (die_with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (worker_command->parsed()) {
    if (worker.name.empty()) worker.name = "w" + std::to_string(worker.trainer.rank);
    return selmcast::train::run_worker(worker);
  }
  if (describe_command->parsed()) return selmcast::train::run_describe(described, payload);
  setpriority(PRIO_PROCESS, 0, nice);
  return selmcast::train::run_evaluate(evaluate);
}
