#include "selmcast/testbed/testbed.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "selmcast/base/overloaded.h"
#include "selmcast/testbed/long_cables.h"
#include "selmcast/testbed/namespaces.h"
#include "selmcast/testbed/shell.h"

namespace selmcast::testbed {
namespace {

// What the switch needs to become the querier: its start-up queries and one response interval.
constexpr int kQuerierTwentieths = 60;  // 3 s

bool is_of(const std::string& name, const std::string& id) { return id_in(name) == id; }

std::vector<std::string> namespaces_of(const std::string& id) {
  std::vector<std::string> names = namespaces();
  std::erase_if(names, [&](const std::string& name) { return !is_of(name, id); });
  return names;
}

// Cables and shapers go with their namespaces.
Result<void> remove_namespaces(const std::string& id) {
  const std::vector<std::string> names = namespaces_of(id);
  if (auto ended = end_processes_in(names); !ended) return ended;
  for (const std::string& name : names) {
    if (auto gone = run_command({"ip", "netns", "del", name}); !gone) return std::unexpected(gone.error());
  }
  return {};
}

// Under the lock.
Result<std::vector<std::string>> sweep_locked(Registry& registry) {
  std::vector<std::string> removed;
  std::set<std::string> known_ids;
  for (const Registration& known : registry.all()) {
    if (!is_dead(known)) {
      known_ids.insert(known.id);
      continue;
    }
    if (auto gone = remove_namespaces(known.id); !gone)
      return std::unexpected(with_context(known.name, gone.error()));
    registry.remove(known.name);
    removed.push_back(known.name);
  }
  for (const std::string& name : namespaces()) {
    const auto id = id_in(name);
    if (!id || known_ids.contains(*id)) continue;
    if (auto gone = remove_namespaces(*id); !gone) return std::unexpected(with_context(name, gone.error()));
    removed.push_back("namespaces smtb-" + *id);
    known_ids.insert(*id);
  }
  return removed;
}

void choose_free_id(Registration& mine, const Registry& registry) {
  const std::vector<Registration> others = registry.all();
  const auto taken = [&](const std::string& id) {
    return !namespaces_of(id).empty() || std::ranges::find(others, id, &Registration::id) != others.end();
  };
  const std::string first = mine.id;
  for (int more = 0; taken(mine.id); ++more) mine.id = first + std::to_string(more);
}

}  // namespace

Result<void> check_privileges() {
  if (geteuid() == 0) return {};
  return failure(ErrorCode::io,
                 "a testbed is made of network namespaces, which needs root: run it with sudo, or as "
                 "root in a virtual machine");
}

Result<std::vector<std::string>> sweep() {
  if (auto may = check_privileges(); !may) return std::unexpected(may.error());
  auto registry = Registry::lock();
  if (!registry) return std::unexpected(registry.error());
  return sweep_locked(*registry);
}

Result<Testbed> Testbed::make(const Description& description, const MakeOptions& options) {
  if (auto good = validate(description); !good) return std::unexpected(good.error());
  if (auto may = check_privileges(); !may) return std::unexpected(may.error());
  Registration mine = owned_by_us(options.name);
  mine.description = description;
  {
    auto registry = Registry::lock();
    if (!registry) return std::unexpected(registry.error());
    if (auto swept = sweep_locked(*registry); !swept) return std::unexpected(swept.error());
    if (registry->find(options.name)) {
      return failure(ErrorCode::rejected,
                     fmt::format("there is a testbed named {}: remove it (selmcast testbed down "
                                 "--name {}), or give this one another --name",
                                 options.name, options.name));
    }
    choose_free_id(mine, *registry);
    if (auto written = registry->put(mine); !written) return std::unexpected(written.error());
  }
  Testbed bed(std::move(mine));
  bed.owned_ = true;
  if (auto built = bed.build(options); !built) return std::unexpected(built.error());
  if (!options.standing) return bed;
  auto registry = Registry::lock();
  if (!registry) return std::unexpected(registry.error());
  bed.mine_.standing = true;
  if (auto written = registry->put(bed.mine_); !written) return std::unexpected(written.error());
  bed.owned_ = false;
  return bed;
}

Result<void> Testbed::build(const MakeOptions& options) {
  const Description& wanted = mine_.description;
  const auto run = [&](const Commands& commands) -> Result<void> {
    for (const Command& command : commands) {
      if (options.interrupted()) return failure(ErrorCode::cancelled, "interrupted");
      if (auto done = run_command(command); !done) return std::unexpected(done.error());
    }
    return {};
  };
  LongCables cables(switch_namespace(mine_.id));
  if (auto done = run(switch_commands(wanted, mine_.id)); !done) return done;
  for (std::size_t k = 0; k < wanted.hosts.size(); ++k) {
    if (auto done = run(namespace_commands(wanted, mine_.id, k)); !done) return done;
    auto laid = wanted.round_trip > Duration() ? cables.lay(namespace_of(k), port_of(k))
                                               : run(cable_commands(wanted, mine_.id, k));
    if (!laid) return laid;
    if (auto done = run(host_commands(wanted, mine_.id, k)); !done) return done;
  }
  if (wanted.round_trip > Duration()) {
    if (auto carried = cables.carry(wanted.round_trip * 0.25); !carried) return carried;
  }
  constexpr timespec kPause{0, 50'000'000};
  for (int waited = 0; mine_.description.multicast && waited < kQuerierTwentieths; ++waited) {
    if (options.interrupted()) return failure(ErrorCode::cancelled, "interrupted");
    nanosleep(&kPause, nullptr);
  }
  return {};
}

Result<Testbed> Testbed::attach(const std::string& name) {
  if (auto may = check_privileges(); !may) return std::unexpected(may.error());
  auto registry = Registry::lock();
  if (!registry) return std::unexpected(registry.error());
  auto found = registry->find(name);
  if (!found || is_dead(*found)) {
    return failure(
        ErrorCode::unavailable,
        fmt::format("there is no testbed named {}: make it with selmcast testbed up --name {}", name, name));
  }
  return Testbed(std::move(*found));
}

Testbed::Testbed(Testbed&& other) noexcept
    : mine_(std::move(other.mine_)), owned_(std::exchange(other.owned_, false)) {}

Testbed::~Testbed() {
  if (!owned_) return;
  if (const auto removed = remove(); !removed) {
    fmt::print(stderr,
               "selmcast testbed: {} is not removed: {}; selmcast testbed down removes what is left\n",
               mine_.name, removed.error().message);
  }
}

Result<void> Testbed::remove() {
  auto registry = Registry::lock();
  if (!registry) return std::unexpected(registry.error());
  owned_ = false;
  if (auto gone = remove_namespaces(mine_.id); !gone) return gone;
  registry->remove(mine_.name);
  return {};
}

std::string Testbed::namespace_of(std::size_t host) const {
  return host_namespace(mine_.id, mine_.description.hosts[host].name);
}

Command Testbed::command_in(std::size_t host) const { return {"ip", "netns", "exec", namespace_of(host)}; }

Result<void> Testbed::change_rates(std::size_t host, const ChangeRates& rates) {
  Host& links = mine_.description.hosts[host];
  if (rates.uplink) {
    auto done = run_commands(uplink_commands(mine_.description, mine_.id, host, *rates.uplink));
    if (!done) return done;
    links.uplink = *rates.uplink;
  }
  if (rates.downlink) {
    auto done = run_commands(downlink_commands(mine_.description, mine_.id, host, *rates.downlink));
    if (!done) return done;
    links.downlink = *rates.downlink;
  }
  if (!mine_.standing) return {};
  auto registry = Registry::lock();  // so that later commands know
  return registry ? registry->put(mine_) : std::unexpected(registry.error());
}

Result<void> Testbed::apply(const Happening& what) {
  const auto host_of = [&](const std::string& name) -> Result<std::size_t> {
    if (const auto host = find_host(mine_.description, name)) return *host;
    return failure(ErrorCode::invalid_input, "there is no host " + name);
  };
  return std::visit(
      Overloaded{[&](const ChangeRates& rates) -> Result<void> {
                   const auto host = host_of(rates.host);
                   return host ? change_rates(*host, rates) : std::unexpected(host.error());
                 },
                 [&](const Cut& cut) -> Result<void> {
                   const auto host = host_of(cut.host);
                   return host ? run_commands(cut_commands(mine_.id, *host)) : std::unexpected(host.error());
                 },
                 [&](const Heal& heal) -> Result<void> {
                   const auto host = host_of(heal.host);
                   return host ? run_commands(heal_commands(mine_.id, *host)) : std::unexpected(host.error());
                 },
                 [](const Traffic&) -> Result<void> {
                   return failure(ErrorCode::invalid_input, "traffic is sent, not applied");
                 }},
      what);
}

}  // namespace selmcast::testbed
