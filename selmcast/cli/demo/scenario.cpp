#include "selmcast/cli/demo/scenario.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "selmcast/base/rng.h"
#include "selmcast/cli/strict_json.h"

namespace selmcast::demo {

namespace {

// What is told of a link: the truth, or wrong by a factor between 1/2 and 2.
struct Declaration {
  bool truthful = false;
  Rng lie;
  Rate operator()(Rate truth) {
    const double factor = std::exp2(lie.uniform(-1, 1));
    return truthful ? truth : truth * factor;
  }
};

}  // namespace

std::vector<WorkerLinks> make_links(const LinkOptions& options) {
  const std::size_t n = options.workers;
  std::vector<Rate> spread;
  for (std::size_t k = 0; k < n; ++k) {
    const double position = n == 1 ? 0 : static_cast<double>(k) / static_cast<double>(n - 1);
    spread.push_back(options.slowest * std::pow(options.fastest / options.slowest, position));
  }
  Rng deal = Rng(options.seed).fork(1);
  deal.shuffle(std::span(spread));

  Declaration declared{options.declare_truth, Rng(options.seed).fork(2)};
  const Rate roomy = options.fastest * 2;
  std::vector<WorkerLinks> links;
  for (std::size_t k = 0; k < n; ++k) {
    WorkerLinks made{roomy, roomy, {}, {}};
    if (options.pattern == LinkPattern::uneven_downlinks) made.downlink = spread[k];
    if (options.pattern == LinkPattern::uneven_uplinks) made.uplink = spread[k];
    if (options.pattern == LinkPattern::even) made.uplink = made.downlink = options.fastest;
    made.declared_uplink = declared(made.uplink);
    made.declared_downlink = declared(made.downlink);
    links.push_back(made);
  }
  return links;
}

Result<std::vector<WorkerLinks>> links_of_hosts(const testbed::Description& description,
                                                const HostLinkOptions& options) {
  Declaration declared{options.declare_truth, Rng(options.seed).fork(2)};
  std::vector<WorkerLinks> links;
  for (std::size_t k = 0; k < description.hosts.size(); ++k) {
    const testbed::Host& host = description.hosts[k];
    const std::string path = "hosts[" + std::to_string(k) + "]";
    const std::string name = "w" + std::to_string(k);
    if (host.name != name)
      return failure(ErrorCode::invalid_input, path + ".name: must be " + name + ", as the worker there");
    if (host.uplink.is_unlimited() || host.downlink.is_unlimited())
      return failure(ErrorCode::invalid_input, path + ": needs uplink_line_bps and downlink_line_bps");
    WorkerLinks made{host.uplink.payload(), host.downlink.payload(), {}, {}};
    made.declared_uplink = declared(made.uplink);
    made.declared_downlink = declared(made.downlink);
    links.push_back(made);
  }
  return links;
}

testbed::Description testbed_for(const std::vector<WorkerLinks>& links, testbed::Description like) {
  like.hosts.clear();
  for (std::size_t k = 0; k < links.size(); ++k) {
    like.hosts.push_back({"w" + std::to_string(k), net::LinkRate::carrying(links[k].uplink),
                          net::LinkRate::carrying(links[k].downlink)});
  }
  like.hosts.push_back({"manager"});
  return like;
}

namespace {

Result<WorkerLinks> parse_worker(const nlohmann::json& entry, const std::string& path) {
  WorkerLinks links{};
  const std::pair<const char*, Rate*> keys[] = {{"uplink_bps", &links.uplink},
                                                {"downlink_bps", &links.downlink},
                                                {"declared_uplink_bps", &links.declared_uplink},
                                                {"declared_downlink_bps", &links.declared_downlink}};
  if (!entry.is_object()) return failure(ErrorCode::invalid_input, path + " is not an object");
  for (const auto& [key, value] : entry.items()) {
    const auto known =
        std::find_if(std::begin(keys), std::end(keys), [&](const auto& k) { return key == k.first; });
    if (known == std::end(keys)) return failure(ErrorCode::invalid_input, path + "." + key + " is not known");
    if (!value.is_number()) return failure(ErrorCode::invalid_input, path + "." + key + " is not a number");
    *known->second = Rate::bits_per_second(value.get<double>());
    // Slower links would not finish a model within the manager's patience, faster ones are not emulated truly.
    if (!(*known->second >= Rate::bits_per_second(1e5) && *known->second <= Rate::bits_per_second(1e11))) {
      return failure(ErrorCode::invalid_input, path + "." + key + " must be between 1e5 and 1e11 bit/s");
    }
  }
  if (links.uplink == Rate()) return failure(ErrorCode::invalid_input, path + ".uplink_bps is missing");
  if (links.downlink == Rate()) return failure(ErrorCode::invalid_input, path + ".downlink_bps is missing");
  if (links.declared_uplink == Rate()) links.declared_uplink = links.uplink;
  if (links.declared_downlink == Rate()) links.declared_downlink = links.downlink;
  return links;
}

}  // namespace

Result<std::vector<WorkerLinks>> read_links(const std::string& path) {
  const auto text = cli::read_text_file(path);
  if (!text) return std::unexpected(text.error());
  const auto json = cli::parse_strict_json(*text);
  if (!json) return std::unexpected(with_context(path, json.error()));
  if (!json->is_object() || json->size() != 1 || !json->contains("workers") ||
      !json->at("workers").is_array()) {
    return failure(ErrorCode::invalid_input, path + ": needs one key, \"workers\", a list of links");
  }
  std::vector<WorkerLinks> links;
  for (const auto& entry : json->at("workers")) {
    auto worker = parse_worker(entry, "workers[" + std::to_string(links.size()) + "]");
    if (!worker) return std::unexpected(with_context(path, worker.error()));
    links.push_back(*worker);
  }
  if (links.empty()) return failure(ErrorCode::invalid_input, path + ": workers is empty");
  return links;
}

Result<std::vector<double>> deal_stragglers(const StragglerOptions& options) {
  if (options.factors.size() > options.workers) {
    return failure(ErrorCode::invalid_input, std::to_string(options.factors.size()) + " stragglers among " +
                                                 std::to_string(options.workers) + " workers: give fewer");
  }
  std::vector<double> slow(options.workers, 1.0);
  for (std::size_t k = 0; k < options.factors.size(); ++k) {
    if (!(options.factors[k] >= 1 && options.factors[k] <= 1000))
      return failure(ErrorCode::invalid_input, "a straggler computes 1 to 1000 times as long as the others");
    slow[k] = options.factors[k];
  }
  Rng deal = Rng(options.seed).fork(3);
  deal.shuffle(std::span(slow));
  return slow;
}

std::vector<Run> make_runs(const RunOptions& options) {
  std::vector<Run> runs;
  for (std::uint64_t seed : options.seeds) {
    const std::string suffix = options.seeds.size() > 1 ? "-s" + std::to_string(seed) : "";
    for (const auto& [sync, planners, unpaced_planners] : options.rules) {
      const std::string prefix = sync == "bsp" ? "" : sync + "-";
      for (const std::string& planner : planners)
        runs.push_back({prefix + planner + suffix, planner, true, seed, sync});
      for (const std::string& planner : unpaced_planners)
        runs.push_back({prefix + planner + "-unpaced" + suffix, planner, false, seed, sync});
    }
  }
  return runs;
}

plan::LowerBound bound_on(const std::vector<WorkerLinks>& links, int min_receivers, Bytes volume,
                          plan::MulticastKind multicast) {
  plan::Problem problem{.multicast = multicast, .workers = {}, .required = {}, .ages = {}};
  for (std::size_t k = 0; k < links.size(); ++k) {
    problem.workers.push_back(
        {"w" + std::to_string(k), links[k].uplink, links[k].downlink, min_receivers, volume});
  }
  return plan::lower_bound(problem);
}

}  // namespace selmcast::demo
