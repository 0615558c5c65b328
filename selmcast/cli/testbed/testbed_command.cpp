#include "selmcast/cli/testbed/testbed_command.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "selmcast/cli/testbed/testbed_actions.h"

namespace selmcast::testbed {
namespace {

using Flags = std::shared_ptr<TestbedFlags>;

constexpr const char* kExamples =
    "Rates are link rates as tc takes them: 95.6 % of them is payload. Root is needed.\n"
    "\nExamples:\n"
    "  selmcast testbed run --downlinks-mbps 400,100,50 -- ./my_program --rank {rank}\n"
    "  selmcast testbed run --file network.json --record links.jsonl -- ./my_program\n"
    "  selmcast testbed up --hosts 4 --uplinks-mbps 100 --downlinks-mbps 100,50,20,10\n"
    "  selmcast testbed up --hosts 2 --uplinks-mbps 400 --rtt-ms 80    long links\n"
    "  selmcast testbed status\n"
    "  selmcast testbed exec w0 -- ip addr\n"
    "  selmcast testbed rate w1 --downlink-mbps 25\n"
    "  selmcast testbed cut w2                        then: selmcast testbed heal w2\n"
    "  selmcast testbed traffic --from w0 --to w1 --mbps 20 --seconds 10\n"
    "  selmcast testbed down                          also sweeps up what a killed one left behind\n"
    "The file's format: docs/testbed.md. A whole training: selmcast demo --testbed.";

void add_name(CLI::App& command, const Flags& flags, const char* what) {
  command.add_option("--name", flags->name, what)->check([](const std::string& name) {
    const bool good =
        !name.empty() && name.size() <= 40 &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
            std::string::npos;
    return good ? std::string() : std::string("1 to 40 letters, digits, '-' and '_'");
  });
}

void add_description(CLI::App& command, const Flags& flags) {
  command.add_option("--file", flags->file, "File that describes hosts and events, - for standard input")
      ->type_name("FILE");
  command.add_option("--hosts", flags->links.hosts, "Instead of a file: so many hosts, w0, w1, ...");
  command
      .add_option("--uplinks-mbps", flags->links.uplinks_mbps,
                  "Link rates, one or one a host (default unlimited)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
  command
      .add_option("--downlinks-mbps", flags->links.downlinks_mbps,
                  "Link rates, one or one a host (default unlimited)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
  command
      .add_option("--rtt-ms", flags->rtt_ms,
                  "Round trip between any two hosts, besides what waits in queues (default none); costs "
                  "processor time a frame")
      ->check(CLI::Range(0.0, 2000.0));
  command.add_flag("--no-multicast", flags->no_multicast,
                   "No querier on the switch: 3 s quicker, IP multicast floods");
}

void add_record(CLI::App& command, const Flags& flags) {
  command
      .add_option("--record", flags->record,
                  "Write what every link carries, and all events, to this file (JSON lines)")
      ->type_name("FILE");
  command.add_option("--sample-seconds", flags->sample_seconds, "How often")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
}

void add_run(CLI::App& testbed, const Flags& flags, const std::function<void(int)>& done) {
  CLI::App* run = testbed.add_subcommand(
      "run", "Run a command on every host: of a testbed made for it, or of a standing one");
  add_description(*run, flags);
  add_name(*run, flags, "Without a description: the standing testbed of this name (default: default)");
  add_record(*run, flags);
  run->add_option("--on", flags->on, "Only on these hosts")->delimiter(',')->allow_extra_args(false);
  run->add_option("--timeout", flags->timeout_seconds, "End them after so many seconds, with exit status 1")
      ->check(CLI::PositiveNumber);
  run->add_option("command", flags->command,
                  "After -- : the command; {host}, {address}, {rank}, {hosts} are "
                  "replaced, RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT are set")
      ->required();
  run->footer(
      "Exit status: 0 all ended with 0, 1 one did not or none could run, 2 wrong usage or input.\n"
      "Example: selmcast testbed run --downlinks-mbps 100,50 -- sh -c 'echo I am {host}'");
  run->callback([=] { done(testbed::run(*flags)); });
}

void add_by_hand(CLI::App& testbed, const Flags& flags, const std::function<void(int)>& done) {
  for (const std::string what : {"rate", "cut", "heal"}) {
    CLI::App* command = testbed.add_subcommand(
        what, what == "rate"  ? "Change a link's rate"
              : what == "cut" ? "Let nothing pass between a host and the switch any more; nobody is told"
                              : "Undo a cut");
    command->add_option("host", flags->host, "Which")->required();
    add_name(*command, flags, "Of the testbed (default: default)");
    if (what == "rate") {
      command->add_option("--uplink-mbps", flags->uplink_mbps, "Link rate")->check(CLI::PositiveNumber);
      command->add_option("--downlink-mbps", flags->downlink_mbps, "Link rate")->check(CLI::PositiveNumber);
    }
    command->callback([=] { done(change(*flags, what)); });
  }
  CLI::App* traffic =
      testbed.add_subcommand("traffic", "Send datagrams at a constant rate that gives way to nobody");
  add_name(*traffic, flags, "Of the testbed (default: default)");
  traffic->add_option("--from", flags->from, "Host")->required();
  traffic->add_option("--to", flags->to, "Host")->required();
  traffic->add_option("--mbps", flags->mbps, "Link rate")->required()->check(CLI::PositiveNumber);
  traffic->add_option("--seconds", flags->seconds, "For so long")->required()->check(CLI::PositiveNumber);
  traffic->callback([=] { done(send_traffic(*flags)); });
  CLI::App* sampler = testbed.add_subcommand("sample", "Print what every link carries, as JSON lines");
  add_name(*sampler, flags, "Of the testbed (default: default)");
  add_record(*sampler, flags);
  sampler->add_option("--seconds", flags->seconds, "For so long")->required()->check(CLI::PositiveNumber);
  sampler->callback([=] { done(sample(*flags)); });
  CLI::App* exec_command = testbed.add_subcommand("exec", "Run a command on one host, in place of this one");
  exec_command->add_option("host", flags->host, "Which")->required();
  exec_command->add_option("command", flags->command, "After -- : the command")->required();
  add_name(*exec_command, flags, "Of the testbed (default: default)");
  exec_command->callback([=] { done(exec(*flags)); });
}

}  // namespace

void add_testbed_command(CLI::App& app, int& exit_status) {
  auto flags = std::make_shared<TestbedFlags>();
  const std::function<void(int)> done = [&exit_status](int status) { exit_status = status; };
  CLI::App* testbed = app.add_subcommand(
      "testbed", "Hosts with uneven, shaped links on this machine: network namespaces behind a switch");
  testbed->footer(kExamples);
  testbed->require_subcommand(1);
  CLI::App* up_command = testbed->add_subcommand("up", "Make a testbed that stands until it is taken down");
  add_description(*up_command, flags);
  add_name(*up_command, flags, "Of the testbed (default: default)");
  up_command->callback([=] { done(up(*flags)); });
  add_run(*testbed, flags, done);
  CLI::App* down_command = testbed->add_subcommand(
      "down", "Remove a testbed with all processes in it, and what dead ones left behind");
  add_name(*down_command, flags, "Of the testbed (default: default)");
  down_command->callback([=] { done(down(*flags)); });
  CLI::App* status_command =
      testbed->add_subcommand("status", "All testbeds: hosts, rates, what they carried");
  add_name(*status_command, flags, "Only this one");
  status_command->add_option("--format", flags->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  status_command->callback([=] { done(status(*flags)); });
  add_by_hand(*testbed, flags, done);
}

}  // namespace selmcast::testbed
