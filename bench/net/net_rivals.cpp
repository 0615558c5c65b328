// The rivals on a testbed: Python programs beside this file, under Debian's own interpreter.
#include <fmt/format.h>

#include "bench/net/cell_runs.h"
#include "selmcast/testbed/shell.h"

namespace selmcast::bench {
namespace {

namespace fs = std::filesystem;
using testbed::ChildProcess;
using testbed::ChildSpec;
using testbed::Command;

constexpr const char* kPython = "/usr/bin/python3";
constexpr const char* kPort = "29511";
const fs::path kScripts = SELMCAST_NET_RIVALS;

Result<void> check_installed(const std::string& module, const char* packages) {
  if (testbed::run_command({kPython, "-c", "import " + module})) return {};
  return failure(ErrorCode::unavailable,
                 fmt::format("Python has no {}: apt-get install {}", module, packages));
}

Duration patience_of(const CellOptions& options) {
  const Duration bound = rival_bound(*options.setup, options.contender.name);
  return Duration::seconds(60) + bound * (6.0 * static_cast<double>(options.repeats));
}

Result<NetCell> cell_of(const CellOptions& options, const std::vector<std::vector<HostRepeat>>& hosts) {
  NetCell cell{.setup = options.setup->name, .contender = options.contender.name};
  cell.bounds = {rival_bound(*options.setup, options.contender.name)};
  const Bytes payload =
      static_cast<std::int64_t>(options.repeats) * rival_payload(*options.setup, options.contender.name);
  if (auto added = add_repeats(hosts, payload, cell); !added) return std::unexpected(added.error());
  return cell;
}

Result<NetCell> run_gloo(const CellOptions& options) {
  const std::size_t hosts = options.setup->workers();
  const std::string collective = options.contender.name == "gloo-allgather" ? "allgather" : "allreduce";
  std::vector<NamedChild> children;
  for (std::size_t k = 0; k < hosts; ++k) {
    const std::string& name = options.setup->network.hosts[k].name;
    ChildSpec spec{options.bed->command_in(k), options.folder / (name + ".jsonl"),
                   options.folder / (name + ".log"), false};
    const Command command = {"env",
                             fmt::format("RANK={}", k),
                             fmt::format("WORLD_SIZE={}", hosts),
                             "MASTER_ADDR=" + testbed::address_of(0),
                             fmt::format("MASTER_PORT={}", kPort),
                             kPython,
                             kScripts / "gloo_rival.py",
                             collective,
                             "--elements",
                             std::to_string(kNetVolume.count() / 4),
                             "--repeats",
                             std::to_string(options.repeats)};
    spec.command.insert(spec.command.end(), command.begin(), command.end());
    auto child = ChildProcess::start(spec);
    if (!child) return std::unexpected(child.error());
    children.push_back({name, spec.err, std::move(*child)});
  }
  if (auto done = wait_for_all(children, patience_of(options), options.interrupted); !done)
    return std::unexpected(done.error());
  std::vector<std::vector<HostRepeat>> repeats;
  for (std::size_t k = 0; k < hosts; ++k) {
    auto of_host = read_repeats(options.folder / (options.setup->network.hosts[k].name + ".jsonl"));
    if (!of_host) return std::unexpected(of_host.error());
    repeats.push_back(std::move(*of_host));
  }
  return cell_of(options, repeats);
}

// mpirun is on the manager's host, which sends no data; its agent goes into the others' namespaces.
Result<NetCell> run_openmpi(const CellOptions& options) {
  const std::size_t hosts = options.setup->workers();
  std::string addresses, spaces;
  for (std::size_t k = 0; k < hosts; ++k) {
    addresses += (k > 0 ? "," : "") + testbed::address_of(k);
    spaces += fmt::format("{}={} ", testbed::address_of(k), options.bed->namespace_of(k));
  }
  const fs::path out = options.folder / "mpirun.out", log = options.folder / "mpirun.log";
  ChildSpec spec{options.bed->command_in(hosts), out, log, false};
  const Command command = {
      "env", "SELMCAST_NAMESPACES=" + spaces, "mpirun", "--allow-run-as-root", "-np", std::to_string(hosts),
      "--host", addresses, "--bind-to", "none", "--mca", "plm_rsh_agent", kScripts / "mpi_agent.sh", "--mca",
      "btl", "tcp,self", "--mca", "btl_tcp_if_include", "eth0", "--mca", "oob_tcp_if_include", "eth0",
      // Algorithm 4 of the tuned component is the ring.
      "--mca", "coll_tuned_use_dynamic_rules", "1", "--mca", "coll_tuned_allreduce_algorithm", "4",
      // A rank that waits would spin and take the processor from those that share it here.
      "--mca", "mpi_yield_when_idle", "1", kPython, kScripts / "mpi_rival.py", "--elements",
      std::to_string(kNetVolume.count() / 4), "--repeats", std::to_string(options.repeats), "--out",
      options.folder};
  spec.command.insert(spec.command.end(), command.begin(), command.end());
  auto child = ChildProcess::start(spec);
  if (!child) return std::unexpected(child.error());
  std::vector<NamedChild> children;
  children.push_back({"mpirun", log, std::move(*child)});
  if (auto done = wait_for_all(children, patience_of(options), options.interrupted); !done)
    return std::unexpected(done.error());
  std::vector<std::vector<HostRepeat>> repeats;
  for (std::size_t k = 0; k < hosts; ++k) {
    auto of_rank = read_repeats(options.folder / fmt::format("rank-{}.jsonl", k));
    if (!of_rank) return std::unexpected(of_rank.error());
    repeats.push_back(std::move(*of_rank));
  }
  return cell_of(options, repeats);
}

}  // namespace

Result<NetCell> run_rival(const CellOptions& options) {
  const bool is_mpi = options.contender.name == "openmpi-allreduce";
  const auto installed =
      is_mpi ? check_installed("mpi4py.MPI, numpy", "python3-mpi4py python3-numpy openmpi-bin")
             : check_installed("torch", "python3-torch");
  if (!installed) return std::unexpected(installed.error());
  return is_mpi ? run_openmpi(options) : run_gloo(options);
}

}  // namespace selmcast::bench
