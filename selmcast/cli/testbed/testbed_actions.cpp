#include "selmcast/cli/testbed/testbed_actions.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/stop_flag.h"
#include "selmcast/cli/strict_json.h"
#include "selmcast/cli/testbed/host_runs.h"
#include "selmcast/testbed/conductor.h"
#include "selmcast/testbed/testbed.h"

namespace selmcast::testbed {
namespace {

int complain(const Error& error) {
  fmt::print(stderr, "selmcast testbed: {}\n", error.message);
  return error.code == ErrorCode::invalid_input ? cli::kExitUsage : cli::kExitFailed;
}

void complain_of_event(const std::string& what) { fmt::print(stderr, "selmcast testbed: event: {}\n", what); }

std::string name_or_default(const TestbedFlags& flags) { return flags.name.empty() ? "default" : flags.name; }

Result<Description> description_from(const TestbedFlags& flags) {
  const bool has_lists =
      flags.links.hosts > 0 || !flags.links.uplinks_mbps.empty() || !flags.links.downlinks_mbps.empty();
  if (flags.file.empty() != has_lists) {
    return failure(ErrorCode::invalid_input,
                   "describe the hosts with a file, or with --hosts, --uplinks-mbps and --downlinks-mbps");
  }
  Result<Description> description = Description{};
  if (has_lists) {
    description = description_of(flags.links);
  } else {
    const auto text = cli::read_text_file(flags.file);
    description =
        text ? parse_description(*text, cli::display_name(flags.file)) : std::unexpected(text.error());
  }
  if (description && flags.no_multicast) description->multicast = false;
  if (description && flags.rtt_ms) description->round_trip = Duration::milliseconds(*flags.rtt_ms);
  return description;
}

Result<std::vector<std::size_t>> hosts_of(const Description& description,
                                          const std::vector<std::string>& names) {
  std::vector<std::size_t> hosts(description.hosts.size());
  std::iota(hosts.begin(), hosts.end(), std::size_t{0});
  if (names.empty()) return hosts;
  hosts.clear();
  for (const std::string& name : names) {
    const auto host = find_host(description, name);
    if (!host) return failure(ErrorCode::invalid_input, "there is no host " + name);
    hosts.push_back(*host);
  }
  return hosts;
}

// Sleeps until `due` or a signal.
void sleep_until(Instant due) {
  constexpr timespec kPause{0, 20'000'000};
  while (!cli::StopFlag::is_set() && monotonic_now() < due) nanosleep(&kPause, nullptr);
}

// The one that stands, if it was named, else one that is made for this run.
Result<Testbed> bed_for_run(const TestbedFlags& flags, std::vector<Event>& events) {
  const bool described = !flags.file.empty() || flags.links.hosts > 0 || !flags.links.uplinks_mbps.empty() ||
                         !flags.links.downlinks_mbps.empty();
  if (!described) return Testbed::attach(name_or_default(flags));
  auto description = description_from(flags);
  if (!description) return std::unexpected(description.error());
  events = description->events;
  const std::string name = flags.name.empty() ? fmt::format("run-{}", getpid()) : flags.name;
  return Testbed::make(*description, {.name = name, .interrupted = cli::StopFlag::is_set});
}

}  // namespace

int up(const TestbedFlags& flags) {
  cli::StopFlag::arm();
  const auto description = description_from(flags);
  if (!description) return complain(description.error());
  auto bed = Testbed::make(
      *description, {.name = name_or_default(flags), .standing = true, .interrupted = cli::StopFlag::is_set});
  if (!bed) return complain(bed.error());
  if (!description->events.empty()) {
    fmt::print(stderr, "selmcast testbed: its {} events are for `selmcast testbed run`; `up` plays none\n",
               description->events.size());
  }
  return status(flags);
}

int run(const TestbedFlags& flags) {
  cli::StopFlag::arm();
  std::vector<Event> events;
  auto bed = bed_for_run(flags, events);
  if (!bed) return complain(bed.error());
  const auto hosts = hosts_of(bed->description(), flags.on);
  if (!hosts) return complain(hosts.error());
  auto conductor = Conductor::start(*bed, {.events = std::move(events),
                                           .record = flags.record,
                                           .sample_every = Duration::seconds(flags.sample_seconds),
                                           .clock_zero = monotonic_now(),
                                           .complain = complain_of_event});
  if (!conductor) return complain(conductor.error());
  const auto statuses = run_on_hosts(
      *bed,
      {.command = flags.command,
       .hosts = *hosts,
       .patience = flags.timeout_seconds ? Duration::seconds(*flags.timeout_seconds) : Duration::infinite(),
       .interrupted = cli::StopFlag::is_set});
  conductor->reset();
  if (!statuses) return complain(statuses.error());
  int worst = cli::kExitDone;
  for (std::size_t k = 0; k < hosts->size(); ++k) {
    if ((*statuses)[k] == 0) continue;
    fmt::print(stderr, "selmcast testbed: on {} the command ended with status {}\n",
               bed->description().hosts[(*hosts)[k]].name, (*statuses)[k]);
    worst = cli::kExitFailed;
  }
  return worst;
}

int down(const TestbedFlags& flags) {
  const auto swept = sweep();
  if (!swept) return complain(swept.error());
  for (const std::string& name : *swept) fmt::print("removed what was left of {}\n", name);
  const std::string name = name_or_default(flags);
  std::optional<Registration> known;
  if (auto registry = Registry::lock()) known = registry->find(name);
  if (!known) {
    // Without a name, that nothing is left is all that was asked for.
    if (flags.name.empty() || std::ranges::find(*swept, name) != swept->end()) {
      if (swept->empty()) fmt::print("there is no testbed named {}\n", name);
      return cli::kExitDone;
    }
    return complain({ErrorCode::unavailable, "there is no testbed named " + name});
  }
  if (!known->standing) {
    return complain(
        {ErrorCode::rejected, fmt::format("{} belongs to process {}, which still runs and removes it when it "
                                          "ends: end that",
                                          name, known->owner)});
  }
  auto bed = Testbed::attach(name);
  if (!bed) return complain(bed.error());
  if (const auto removed = bed->remove(); !removed) return complain(removed.error());
  fmt::print("removed {}\n", name);
  return cli::kExitDone;
}

int change(const TestbedFlags& flags, const std::string& what) {
  auto bed = Testbed::attach(name_or_default(flags));
  if (!bed) return complain(bed.error());
  Happening happening = Cut{flags.host};
  if (what == "heal") happening = Heal{flags.host};
  if (what == "rate") {
    ChangeRates rates{flags.host, {}, {}};
    if (flags.uplink_mbps) rates.uplink = net::LinkRate::megabits_per_second(*flags.uplink_mbps);
    if (flags.downlink_mbps) rates.downlink = net::LinkRate::megabits_per_second(*flags.downlink_mbps);
    happening = rates;
  }
  Description changed = bed->description();
  changed.events = {{Duration(), happening}};
  if (const auto good = validate(changed); !good) return complain(good.error());
  if (const auto done = bed->apply(happening); !done) return complain(done.error());
  return cli::kExitDone;
}

int send_traffic(const TestbedFlags& flags) {
  cli::StopFlag::arm();
  auto bed = Testbed::attach(name_or_default(flags));
  if (!bed) return complain(bed.error());
  const Traffic traffic{flags.from, flags.to, net::LinkRate::megabits_per_second(flags.mbps),
                        Duration::seconds(flags.seconds)};
  Description with = bed->description();
  with.events = {{Duration(), traffic}};
  if (const auto good = validate(with); !good) return complain(good.error());
  const std::size_t from = *find_host(with, flags.from), to = *find_host(with, flags.to);
  const auto running = RunningTraffic::start(
      {bed->namespace_of(from), bed->namespace_of(to), address_of(to), traffic.rate, traffic.lasts});
  if (!running) return complain(running.error());
  sleep_until(monotonic_now() + traffic.lasts);
  return cli::kExitDone;
}

int sample(const TestbedFlags& flags) {
  cli::StopFlag::arm();
  auto bed = Testbed::attach(name_or_default(flags));
  if (!bed) return complain(bed.error());
  const auto conductor = Conductor::start(*bed, {.events = {},
                                                 .record = flags.record.empty() ? "-" : flags.record,
                                                 .sample_every = Duration::seconds(flags.sample_seconds),
                                                 .clock_zero = monotonic_now(),
                                                 .complain = complain_of_event});
  if (!conductor) return complain(conductor.error());
  sleep_until(monotonic_now() + Duration::seconds(flags.seconds));
  return cli::kExitDone;
}

int exec(const TestbedFlags& flags) {
  auto bed = Testbed::attach(name_or_default(flags));
  if (!bed) return complain(bed.error());
  const auto host = find_host(bed->description(), flags.host);
  if (!host) return complain({ErrorCode::invalid_input, "there is no host " + flags.host});
  Command command = bed->command_in(*host);
  const Command asked = command_for(bed->description(), *host, flags.command);
  command.insert(command.end(), asked.begin(), asked.end());
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  return complain({ErrorCode::io, "cannot start " + command[0] + ": " + std::strerror(errno)});
}

}  // namespace selmcast::testbed
