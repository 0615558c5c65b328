#include "selmcast/cli/scenario.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "selmcast/cli/strict_json.h"

namespace selmcast::cli {
namespace {

using nlohmann::json;
using Assignments = std::vector<std::pair<std::string, std::string>>;  // key, value

struct SweptKey {
  std::string key;
  std::vector<std::string> values;
};
struct Scenario {
  Assignments fixed;
  std::vector<SweptKey> swept;
};

std::string flag_of(std::string key) {
  for (char& c : key) c = c == '_' ? '-' : c;
  return "--" + key;
}

std::unexpected<Error> complaint(const std::string& file, const std::string& key, const std::string& what) {
  return failure(ErrorCode::invalid_input, fmt::format("{}: {}: {}", file, key, what));
}

bool is_value(const json& value) { return value.is_number() || value.is_string() || value.is_boolean(); }
std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

class Reader {
 public:
  Reader(const std::string& file, const CLI::App& command) : file_(file), command_(command) {
    add_simulate_flags(known_, ignored_);
  }

  Result<Scenario> read(const json& document) {
    if (!document.is_object()) return complaint(file_, "/", "a scenario is an object");
    if (!document.contains("schema") || document["schema"] != "selmcast.scenario/1")
      return complaint(file_, "schema", "must be \"selmcast.scenario/1\"");
    for (const auto& [key, value] : document.items()) {
      if (key == "schema") continue;
      const Result<void> taken = key == "sweep" ? take_sweep(value) : take(key, value);
      if (!taken) return std::unexpected(taken.error());
    }
    return scenario_;
  }

 private:
  Result<void> check_key(const std::string& path, const std::string& key) const {
    if (key == "help" || known_.get_option_no_throw(flag_of(key)) == nullptr)
      return complaint(file_, path, "no such key; keys are the flags of selmcast simulate, with _ for -");
    return {};
  }
  bool is_overridden(const std::string& key) const { return command_.get_option(flag_of(key))->count() > 0; }

  Result<void> take(const std::string& key, const json& value) {
    if (const Result<void> known = check_key(key, key); !known) return known;
    if (!is_value(value)) return complaint(file_, key, "give a number, a string, true or false");
    if (!is_overridden(key)) scenario_.fixed.emplace_back(key, text_of(value));
    return {};
  }

  Result<void> take_sweep(const json& sweep) {
    if (!sweep.is_object()) return complaint(file_, "sweep", "give an object of lists");
    for (const auto& [key, values] : sweep.items()) {
      const std::string path = "sweep." + key;
      if (const Result<void> known = check_key(path, key); !known) return known;
      if (key == "trials" || key == "seed")
        return complaint(file_, path, "cannot be swept: all points meet the same clusters");
      if (!values.is_array() || values.empty())
        return complaint(file_, path, "give a list of at least one value");
      SweptKey swept{key, {}};
      for (std::size_t k = 0; k < values.size(); ++k) {
        if (!is_value(values[k]))
          return complaint(file_, fmt::format("{}[{}]", path, k), "give a number, a string, true or false");
        swept.values.push_back(text_of(values[k]));
      }
      if (!is_overridden(key)) scenario_.swept.push_back(std::move(swept));
    }
    return {};
  }

  std::string file_;
  const CLI::App& command_;
  SimulateFlags ignored_;
  CLI::App known_;
  Scenario scenario_;
};

// What the file says on top of the command line.
Result<SimulateFlags> apply(const std::string& file, SimulateFlags flags, const Assignments& assignments) {
  CLI::App parser;
  add_simulate_flags(parser, flags);
  for (const auto& [key, value] : assignments) {
    try {
      std::vector<std::string> arguments{flag_of(key) + "=" + value};
      parser.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      return complaint(file, key, error.what());
    }
  }
  return flags;
}

Result<std::vector<ScenarioPoint>> combine(const std::string& file, const Scenario& scenario,
                                           const SimulateFlags& given) {
  std::size_t count = 1;
  for (const SweptKey& swept : scenario.swept) {
    count *= swept.values.size();
    if (count > kMaxScenarioPoints)
      return complaint(file, "sweep", fmt::format("more than {} points; split it", kMaxScenarioPoints));
  }
  std::vector<ScenarioPoint> points;
  for (std::size_t number = 0; number < count; ++number) {
    Assignments swept;
    std::size_t rest = number;
    std::size_t of_each = count;
    for (const SweptKey& key : scenario.swept) {
      of_each /= key.values.size();
      swept.emplace_back(key.key, key.values[rest / of_each]);
      rest %= of_each;
    }
    Assignments all = scenario.fixed;
    all.insert(all.end(), swept.begin(), swept.end());
    Result<SimulateFlags> flags = apply(file, given, all);
    if (!flags) return std::unexpected(flags.error());
    points.push_back({std::move(swept), *std::move(flags)});
  }
  return points;
}

}  // namespace

Result<std::vector<ScenarioPoint>> scenario_points(const std::string& path, const CLI::App& command,
                                                   const SimulateFlags& given) {
  if (path.empty()) return std::vector{ScenarioPoint{{}, given}};
  const Result<std::string> text = read_text_file(path);
  if (!text) return std::unexpected(text.error());
  const std::string file = display_name(path);
  const Result<json> document = parse_strict_json(*text);
  if (!document) return failure(ErrorCode::invalid_input, file + ": " + document.error().message);
  const Result<Scenario> scenario = Reader(file, command).read(*document);
  if (!scenario) return std::unexpected(scenario.error());
  return combine(file, *scenario, given);
}

}  // namespace selmcast::cli
