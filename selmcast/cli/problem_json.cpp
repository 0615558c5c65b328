#include "selmcast/cli/problem_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "selmcast/cli/problem_reader.h"
#include "selmcast/cli/ssp_problem_json.h"
#include "selmcast/cli/strict_json.h"

namespace selmcast::cli {
namespace {

using nlohmann::json;
using plan::MulticastKind;
using plan::Problem;

class Reader : public ProblemReader {
 public:
  using ProblemReader::ProblemReader;

  bool problem(const json& root, Problem& result);

 private:
  bool min_receivers(const json& value, const Path& path, std::size_t workers, int& result);

  bool kind(const json& root, const Path& path, Problem& result);
  bool worker(const json& value, const Path& path, std::size_t workers, plan::WorkerSpec& result);
  bool workers(const json& list, const Path& path, Problem& result);
  bool pairs(const json& list, const Path& path, std::vector<plan::Pair>& result);
  bool ages(const json& list, const Path& path, Problem& result);
  bool consistent(const Problem& problem, const Path& root);
};

bool Reader::min_receivers(const json& value, const Path& path, std::size_t workers, int& result) {
  if (value.is_number_float() && value.get<double>() > 0 && value.get<double>() < 1) {
    const auto of_all =
        static_cast<std::size_t>(std::floor(value.get<double>() * static_cast<double>(workers) + 1e-9));
    result = static_cast<int>(std::min(std::max<std::size_t>(1, of_all), workers - 1));
    return true;
  }
  constexpr std::string_view kNeeded =
      "a whole number of receivers, or a fraction of the workers between 0 and 1";
  std::int64_t count = 0;
  if (!whole(value, path, kNeeded, count)) return false;
  if (count < 0 || count > std::numeric_limits<int>::max()) return wrong_value(path, value, kNeeded);
  result = static_cast<int>(count);
  return true;
}

bool Reader::worker(const json& value, const Path& path, std::size_t workers, plan::WorkerSpec& result) {
  std::int64_t volume = 0;
  if (!object(value, path, {"id", "uplink_bps", "downlink_bps", "min_receivers", "volume_bytes"}, {}) ||
      !text(value["id"], path.member("id"), result.name) ||
      !rate(value["uplink_bps"], path.member("uplink_bps"), result.uplink) ||
      !rate(value["downlink_bps"], path.member("downlink_bps"), result.downlink) ||
      !min_receivers(value["min_receivers"], path.member("min_receivers"), workers, result.min_receivers) ||
      !whole(value["volume_bytes"], path.member("volume_bytes"), "a whole number of bytes", volume)) {
    return false;
  }
  result.volume = Bytes(volume);
  return true;
}

bool Reader::workers(const json& list, const Path& path, Problem& result) {
  if (!array(list, path, "workers")) return false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    plan::WorkerSpec spec;
    if (!worker(list[i], path.element(i), list.size(), spec)) return false;
    know_worker(spec.name, WorkerIndex(static_cast<std::uint32_t>(i)));
    result.workers.push_back(std::move(spec));
  }
  return true;
}

bool Reader::pairs(const json& list, const Path& path, std::vector<plan::Pair>& result) {
  if (!array(list, path, "pairs")) return false;
  for (std::size_t k = 0; k < list.size(); ++k) {
    if (!pair(list[k], path.element(k), 2, result.emplace_back())) return false;
  }
  return true;
}

bool Reader::ages(const json& list, const Path& path, Problem& result) {
  if (!array(list, path, "[sender, receiver, age]")) return false;
  for (std::size_t k = 0; k < list.size(); ++k) {
    const Path entry = path.element(k);
    plan::PairAge& old = result.ages.emplace_back();
    std::int64_t age = 0;
    constexpr std::string_view kNeeded = "a whole number of multicasts, 0 to 4294967295";
    if (!pair(list[k], entry, 3, old.pair) || !whole(list[k][2], entry.element(2), kNeeded, age))
      return false;
    if (age < 0 || age > std::numeric_limits<std::uint32_t>::max())
      return wrong_value(entry.element(2), list[k][2], kNeeded);
    old.age = static_cast<std::uint32_t>(age);
  }
  return true;
}

bool Reader::kind(const json& root, const Path& path, Problem& result) {
  if (!choice(root["schema"], path.member("schema"), {kProblemSchema})) return false;
  if (!choice(root["sync"], path.member("sync"), {"bsp", "ssp"})) return false;
  const bool is_ssp = root["sync"] == "ssp";
  if (is_ssp && !root.contains("ssp"))
    return wrong(path.member("ssp"), "is missing; \"sync\": \"ssp\" needs it");
  if (!is_ssp && root.contains("ssp"))
    return wrong(path.member("ssp"), "belongs to \"sync\": \"ssp\" only; remove it");
  if (is_ssp && root.contains("unreached"))
    return wrong(path.member("unreached"), "is planned for \"sync\": \"bsp\" only; remove it");
  if (!choice(root["multicast"], path.member("multicast"), {"network", "unicast", "relay"})) return false;
  for (const auto kind : {MulticastKind::network, MulticastKind::unicast, MulticastKind::relay}) {
    if (root["multicast"] == to_string(kind)) result.multicast = kind;
  }
  if (is_ssp && result.multicast == MulticastKind::relay)
    return wrong(path.member("multicast"),
                 "is \"relay\", which is planned for \"sync\": \"bsp\" only; give network or unicast");
  return true;
}

// What is left to check is the same for problems from anywhere: plan/problem.h knows, we know where it
// stands.
bool Reader::consistent(const Problem& problem, const Path& root) {
  const auto fault = plan::first_fault(problem);
  if (!fault) return true;
  using Part = plan::Fault::Part;
  const auto at = [&](std::string_view list, std::string_view key) {
    const Path path = root.member(list);
    const Path element = path.element(fault->index);
    return wrong(key.empty() ? element : element.member(key), fault->message);
  };
  switch (fault->part) {
    case Part::workers: return wrong(root.member("workers"), fault->message);
    case Part::name: return at("workers", "id");
    case Part::uplink: return at("workers", "uplink_bps");
    case Part::downlink: return at("workers", "downlink_bps");
    case Part::min_receivers: return at("workers", "min_receivers");
    case Part::volume: return at("workers", "volume_bytes");
    case Part::required: return at("required", "");
    case Part::ages: return at("age", "");
    case Part::unreached: return at("unreached", "");
  }
  return false;
}

bool Reader::problem(const json& root, Problem& result) {
  const Path top;
  if (!object(root, top, {"schema", "sync", "multicast", "workers"}, {"required", "age", "unreached", "ssp"}))
    return false;
  if (!kind(root, top, result) || !workers(root["workers"], top.member("workers"), result)) return false;
  // Before the pairs: a wrong id would otherwise show as a pair of unknown workers.
  if (!consistent(result, top)) return false;
  if (root.contains("required") && !pairs(root["required"], top.member("required"), result.required))
    return false;
  if (root.contains("unreached") && !pairs(root["unreached"], top.member("unreached"), result.unreached))
    return false;
  if (root.contains("age") && !ages(root["age"], top.member("age"), result)) return false;
  return consistent(result, top);
}

}  // namespace

Result<AnyProblem> read_any_problem(std::string_view text, std::string_view source) {
  const auto root = parse_strict_json(text);
  if (!root) return std::unexpected(with_context(source, root.error()));
  Problem base;
  Reader reader(source);
  if (!reader.problem(*root, base)) return std::unexpected(reader.error());
  if (!root->contains("ssp")) return base;
  plan::SspProblem problem;
  problem.base = std::move(base);
  SspReader ssp_reader(reader);
  const JsonPath top;
  if (!ssp_reader.read((*root)["ssp"], top.member("ssp"), problem))
    return std::unexpected(ssp_reader.error());
  return problem;
}

Result<Problem> read_problem(std::string_view text, std::string_view source) {
  auto problem = read_any_problem(text, source);
  if (!problem) return std::unexpected(problem.error());
  if (auto* bsp = std::get_if<Problem>(&*problem)) return std::move(*bsp);
  return failure(ErrorCode::invalid_input,
                 fmt::format("{}: sync: is \"ssp\"; only \"bsp\" will do here", source));
}

}  // namespace selmcast::cli
