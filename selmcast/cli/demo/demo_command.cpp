#include "selmcast/cli/demo/demo_command.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "selmcast/cli/demo/demo.h"
#include "selmcast/cli/payload_option.h"
#include "selmcast/cli/sync_mode.h"

namespace selmcast::demo {

void add_demo_command(CLI::App& app, int& exit_status) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command = app.add_subcommand(
      "demo", "Train a real model peer-to-peer on this machine, once with each planner, and compare");
  command->footer(
      "A manager, the workers and an evaluator run as processes; links are emulated in the workers, so no "
      "root is\n"
      "needed, or shaped by the kernel (--testbed), which needs it. Each run trains the same model from the "
      "same seed on Fashion-MNIST.\n"
      "Exit status: 0 done, 1 a run failed or was interrupted, 2 wrong usage or input.\n"
      "\nExamples:\n"
      "  selmcast demo                                        paper, random and broadcast, then paper "
      "unpaced\n"
      "  selmcast demo --links uneven-uplinks                 where no selection can help\n"
      "  selmcast demo --planners paper,random --seeds 1,2,3  spread over three seeds\n"
      "  selmcast demo --sync ssp --stragglers 3,1.5 --compute-seconds 0.2\n"
      "  selmcast demo --sync bsp,ssp,asp --no-unpaced --planners paper --stragglers 4\n"
      "  selmcast demo --stragglers 3,1.5 --compute-seconds 0.2\n"
      "  selmcast demo --testbed --no-unpaced --planners paper,exact\n"
      "  selmcast demo --workers 4 --rates links.json --rounds 10");
  command->add_option("--workers", options->workers, "How many")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--rounds", options->rounds, "Synchronisations of each training")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command
      ->add_option("--sync", options->syncs,
                   "bsp: rounds in common; ssp: nobody further ahead than --staleness; asp: nobody waits; "
                   "ssp-overlap, asp-overlap: workers compute while they send. Several: one after the other")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>(cli::kSyncModes.begin(), cli::kSyncModes.end())))
      ->capture_default_str();
  command
      ->add_option("--multicast", options->multicast,
                   "unicast: a copy to each; relay (bsp): receivers send it on; network: IP multicast; "
                   "auto: whichever the network is fit for, found by probing it")
      ->check(CLI::IsMember({"unicast", "relay", "network", "auto"}))
      ->capture_default_str();
  command
      ->add_option("--staleness", options->staleness,
                   "ssp: rounds that a worker may be ahead of the slowest when it starts one")
      ->check(CLI::Range(0U, 1'000'000U))
      ->capture_default_str();
  command
      ->add_option("--keep-fraction", options->keep_fraction,
                   "ssp, asp: a delivery with less than this left is not dropped")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      ->add_option(
          "--planners", options->planners,
          "Compared, in this order (default: paper, random and broadcast; for ssp and asp all there are)")
      ->delimiter(',');
  command
      ->add_option(
          "--unpaced", options->unpaced,
          "Planners run once more with TCP left alone, so that pacing does not fulfil the prediction")
      ->delimiter(',')
      ->capture_default_str();
  command->add_flag("--no-unpaced", options->no_unpaced, "Leave the unpaced runs out");
  command->add_option("--seeds", options->seeds, "Each planner trains once from each of these")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--min-receivers", options->min_receivers,
                   "Of each multicast; below 1: a fraction of the workers")
      ->capture_default_str();
  command->add_option("--max-age", options->max_age, "Every pair meets within this + 1 rounds")
      ->capture_default_str();
  command->add_flag("--ages-from-zero", options->ages_from_zero,
                    "Start all pairs at age 0 instead of staggered (selmcast manager --help)");
  command->add_option("--links", options->links, "uneven-downlinks, uneven-uplinks or even")
      ->check(CLI::IsMember({"uneven-downlinks", "uneven-uplinks", "even"}))
      ->capture_default_str();
  command->add_option("--slowest-mbps", options->slowest_mbps, "Slowest uneven link, Mbit/s")
      ->check(CLI::Range(0.5, 100'000.0))
      ->capture_default_str();
  command->add_option("--fastest-mbps", options->fastest_mbps, "Fastest uneven link, Mbit/s")
      ->check(CLI::Range(0.5, 100'000.0))
      ->capture_default_str();
  command->add_option("--rates", options->rates_file, "Links from this file instead (docs/run_folder.md)")
      ->type_name("FILE");
  command->add_flag("--testbed", options->testbed,
                    "Shaped links between network namespaces instead of emulated ones; needs root");
  command
      ->add_option("--network", options->network_file,
                   "A testbed with the links and events of this file (docs/testbed.md)")
      ->type_name("FILE");
  command->add_flag("--declare-truth", options->declare_truth,
                    "Workers declare their true rates: nothing to learn");
  command
      ->add_option("--stragglers", options->stragglers,
                   "Workers that compute so many times as long as the others, e.g. 3,1.5; dealt by the seed")
      ->delimiter(',')
      ->check(CLI::Range(1.0, 1000.0))
      ->type_name("FACTOR,...");
  command
      ->add_option(
          "--compute-seconds", options->compute_seconds,
          "Computing of a round takes at least this long, as on slower devices; stragglers a multiple")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  command->add_option("--mixing", options->mixing, "How workers mix: average, push_sum or staleness")
      ->check(CLI::IsMember({"average", "push_sum", "staleness"}))
      ->capture_default_str();
  cli::add_payload_option(*command, options->payload)->capture_default_str();
  command->add_option("--model", options->model, "mlp or cnn")
      ->check(CLI::IsMember({"mlp", "cnn"}))
      ->capture_default_str();
  command->add_option("--steps", options->steps, "Local training steps between synchronisations")
      ->check(CLI::Range(1, 100'000));
  command->add_option("--shards", options->shards, "iid, or dirichlet:ALPHA")->capture_default_str();
  command->add_option("--data", options->data, "Folder of the Fashion-MNIST files")->type_name("DIR");
  command->add_option("--target-accuracy", options->target_accuracy, "Of the time-to-accuracy row")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--out", options->out, "Run folder (default runs/demo-DATE-TIME)")->type_name("DIR");
  command->add_option("--format", options->format, "Of the summary on standard output: table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([options, &exit_status] { exit_status = run_demo(*options); });
}

}  // namespace selmcast::demo
