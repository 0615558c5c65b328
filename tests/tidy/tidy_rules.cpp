#include "tests/tidy/tidy_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <map>
#include <regex>
#include <set>

namespace selmcast::tidy {
namespace {

constexpr int kLinesMax = 450;
constexpr std::size_t kColumnsMax = 120;

using Layers = std::set<std::string, std::less<>>;

// What each layer may include besides itself: all that it reaches through the arrows.
const std::map<std::string, Layers, std::less<>>& allowed() {
  static const std::map<std::string, Layers, std::less<>> table = {
      {"base", {}},
      {"plan", {"base"}},
      {"mip", {"base", "plan"}},
      {"sync", {"base", "plan", "maxmin"}},
      {"maxmin", {"base"}},
      {"sim", {"base", "plan", "sync", "maxmin"}},
      {"payload", {"base"}},
      {"wire", {"base", "payload"}},
      {"net", {"base", "wire"}},
      {"mcast", {"base", "wire"}},
      {"testbed", {"base", "wire", "net"}},
      {"manager", {"base", "plan", "sync", "maxmin", "payload", "wire"}},
      {"worker", {"base", "plan", "payload", "wire", "net", "mcast"}},
      {"arena", {"base", "plan", "sync", "maxmin", "payload", "wire", "net", "mcast", "manager", "worker"}},
      {"c", {"base", "plan", "sync", "maxmin", "payload", "wire", "net", "manager", "worker"}},
      {"train", {"base", "payload", "worker"}},
      {"cli/report", {"base", "plan", "cli"}},
      {"cli/reproduce", {"base", "plan", "sync", "mip", "maxmin", "sim", "cli", "cli/report"}},
      {"cli/testbed", {"base", "wire", "net", "testbed", "cli"}},
      {"cli/doctor", {"base", "wire", "mcast", "worker", "cli"}},
      {"cli/run", {"base", "plan", "sync", "maxmin", "payload", "wire", "manager", "cli"}},
      {"cli/demo",
       {"base", "testbed", "cli/testbed", "plan", "sync", "maxmin", "payload", "wire", "net", "manager",
        "worker", "arena", "mip", "cli", "cli/report"}},
      {"cli",
       {"base", "plan", "sync", "maxmin", "sim", "payload", "wire", "net", "manager", "worker", "arena",
        "mip", "testbed", "cli/report", "cli/reproduce", "cli/run", "cli/demo", "cli/testbed", "cli/doctor"}},
  };
  return table;
}

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return text.ends_with(end); });
}

bool is_code(const SourceFile& file) {
  return ends_with_any(file.path, {".h", ".c", ".cpp", ".proto", ".py", ".pyi"});
}

bool is_pure(std::string_view path) {
  if (path.ends_with("_test.cpp") || path.find("_testing.") != path.npos) return false;
  return path.starts_with("selmcast/plan/") || path.starts_with("selmcast/sync/") ||
         path.starts_with("selmcast/maxmin/") || path.starts_with("selmcast/payload/") ||
         (path.starts_with("selmcast/sim/") && !path.starts_with("selmcast/sim/trials.")) ||
         path.starts_with("selmcast/mcast/datagram.") || path.starts_with("selmcast/mcast/status.") ||
         path.starts_with("selmcast/mcast/segment_set.") ||
         path.starts_with("selmcast/mcast/stream_shape.") || path.starts_with("selmcast/mcast/sender.") ||
         path.starts_with("selmcast/mcast/receiver.") || path.starts_with("selmcast/testbed/description.") ||
         path.starts_with("selmcast/testbed/commands.") ||
         path.starts_with("selmcast/manager/manager_core.") ||
         path.starts_with("selmcast/manager/durable_manager.") ||
         path.starts_with("selmcast/manager/input.") || path.starts_with("selmcast/worker/manager_link.") ||
         path.starts_with("selmcast/wire/unheard.") || path.starts_with("selmcast/worker/worker_core.");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// Calls visit(line number from 1, "selmcast/base/ids.h" or "vector") for each #include.
template <class Visit>
void for_each_include(const SourceFile& file, Visit visit) {
  static const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"].*)");
  int number = 0;
  for (const std::string& line : lines_of(file.text)) {
    ++number;
    std::smatch match;
    if (std::regex_match(line, match, include)) visit(number, match[1].str());
  }
}

// Of a CMakeLists.txt: what stands between the parentheses of each call of `function`.
std::vector<std::string> calls_of(const std::string& text, const std::string& function) {
  std::vector<std::string> calls;
  for (std::size_t at = 0; (at = text.find(function + "(", at)) != text.npos;) {
    at += function.size() + 1;
    calls.push_back(text.substr(at, text.find(')', at) - at));
  }
  return calls;
}

std::vector<std::string> words_of(const std::string& text) {
  static const std::regex word(R"([^\s]+)");
  std::vector<std::string> words;
  for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it)
    words.push_back(it->str());
  return words;
}

}  // namespace

std::string to_string(const Finding& finding) {
  const std::string line = finding.line > 0 ? ":" + std::to_string(finding.line) : "";
  return finding.path + line + ": " + finding.what;
}

std::string layer_of(std::string_view path) {
  static constexpr std::string_view kRoot = "selmcast/";
  if (!path.starts_with(kRoot)) return {};
  path.remove_prefix(kRoot.size());
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? std::string() : std::string(path.substr(0, slash));
}

Findings check_layers(const SourceFile& file) {
  const std::string layer = layer_of(file.path);
  if (layer.empty() || !is_code(file)) return {};
  const auto rule = allowed().find(layer);
  if (rule == allowed().end()) return {{file.path, 0, "folder of no known layer: add it to tidy_rules.cpp"}};
  Findings findings;
  for_each_include(file, [&](int line, const std::string& included) {
    const std::string other = layer_of(included);
    if (!other.empty() && other != layer && !rule->second.contains(other))
      findings.push_back({file.path, line, "layer " + layer + " may not include " + included});
    if (included.starts_with("torch/") && layer != "train")
      findings.push_back({file.path, line, "only train may include " + included});
  });
  return findings;
}

Findings check_purity(const SourceFile& file) {
  static const std::regex forbidden(
      "(iostream|fstream|ostream|istream|cstdio|stdio\\.h|filesystem|chrono|ctime|time\\.h|random|thread|"
      "mutex|"
      "condition_variable|future|unistd\\.h|fcntl\\.h|poll\\.h|netdb\\.h|fmt/os\\.h|"
      "(sys|arpa|net|netinet|asio|boost|grpc|grpcpp|google|spdlog)/.*|asio\\.hpp)");
  Findings findings;
  if (!is_pure(file.path)) return findings;
  for_each_include(file, [&](int line, const std::string& included) {
    if (std::regex_match(included, forbidden))
      findings.push_back({file.path, line, "pure code may not include <" + included + ">"});
  });
  return findings;
}

Findings check_header(const SourceFile& file) {
  Findings findings;
  if (!file.path.ends_with(".h")) return findings;
  if (!file.text.starts_with("// ") && !file.text.starts_with("/* "))  // the second: a header for C
    findings.push_back({file.path, 1, "no comment at the top of the header"});
  if (file.text.find("\n#pragma once\n") == file.text.npos)
    findings.push_back({file.path, 0, "no #pragma once"});
  return findings;
}

Findings check_text(const SourceFile& file) {
  Findings findings;
  const auto lines = lines_of(file.text);
  const auto complain = [&](int line, const std::string& what) {
    findings.push_back({file.path, line, what});
  };
  if (is_code(file) && std::ssize(lines) > kLinesMax)
    complain(0, std::to_string(lines.size()) + " lines, more than " + std::to_string(kLinesMax));
  if (!file.text.empty() && !file.text.ends_with('\n')) complain(0, "no newline at the end");
  int number = 0;
  for (const std::string& line : lines) {
    ++number;
    // Bytes of UTF-8 that only continue a character have no width.
    const auto columns = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
    if (is_code(file) && static_cast<std::size_t>(columns) > kColumnsMax)
      complain(number, "more than " + std::to_string(kColumnsMax) + " columns");
    if (line.find('\t') != line.npos) complain(number, "a tab");
    if (!line.empty() && (line.back() == ' ' || line.back() == '\r')) complain(number, "blanks at the end");
  }
  return findings;
}

Findings check_words(const SourceFile& file) {
  // Written in two pieces, or this file would not pass.
  static const std::regex note(
      "\\b(TO"
      "DO|FIX"
      "ME|XX"
      "X|HA"
      "CK)\\b");
  static const std::regex place(
      "(^|[^A-Za-z0-9_.~$}/-])/(ho"
      "me|ro"
      "ot|wo"
      "rk|Us"
      "ers)/");
  Findings findings;
  int number = 0;
  for (const std::string& line : lines_of(file.text)) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, note))
      findings.push_back({file.path, number, "a note to self: " + match.str()});
    if (std::regex_search(line, place))
      findings.push_back({file.path, number, "a path of somebody's machine"});
  }
  return findings;
}

Findings check_declared_layers(const SourceFile& cmake) {
  static const Layers other_keywords = {"SOURCES", "LIBS", "LABELS", "TIMEOUT"};
  const std::string layer = layer_of(cmake.path);
  const auto rule = allowed().find(layer);
  Findings findings;
  if (rule == allowed().end()) return findings;
  for (const std::string& call : calls_of(cmake.text, "selmcast_layer")) {
    bool in_uses = false;
    for (const std::string& word : words_of(call)) {
      if (word == "USES") in_uses = true;
      if (other_keywords.contains(word)) in_uses = false;
      const bool is_layer = allowed().contains(word) && word != layer;
      if (in_uses && is_layer && !rule->second.contains(word))
        findings.push_back({cmake.path, 0, "layer " + layer + " may not use " + word});
    }
  }
  return findings;
}

Findings check_all_built(const std::vector<SourceFile>& files) {
  std::map<std::string, std::set<std::string>>
      named;  // by folder: the last parts of all words of its CMakeLists.txt
  for (const SourceFile& file : files) {
    if (!file.path.ends_with("CMakeLists.txt")) continue;
    std::string text = file.text;
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '(' || c == ')' || c == '/'; }, ' ');
    const auto words = words_of(text);
    named[file.path.substr(0, file.path.rfind('/') + 1)] = {words.begin(), words.end()};
  }
  Findings findings;
  for (const SourceFile& file : files) {
    if (!file.path.ends_with(".cpp")) continue;
    const std::string name = file.path.substr(file.path.rfind('/') + 1);
    bool found = false;
    for (std::string folder = file.path; !found && !folder.empty();) {
      folder.pop_back();
      folder.resize(folder.rfind('/') == folder.npos ? 0 : folder.rfind('/') + 1);
      found = named[folder].contains(name);
    }
    // The commands' tests stand in tests/ and are declared where the command is.
    if (!found && file.path.starts_with("tests/")) found = named["selmcast/cli/"].contains(name);
    if (!found) findings.push_back({file.path, 0, "not built: no CMakeLists.txt names it"});
  }
  return findings;
}

Findings check_asio(const std::vector<SourceFile>& files) {
  std::set<std::string> declared;  // folders
  for (const SourceFile& file : files) {
    if (file.path.ends_with("CMakeLists.txt") && file.text.find("selmcast_uses_asio()") != std::string::npos)
      declared.insert(file.path.substr(0, file.path.rfind('/') + 1));
  }
  Findings findings;
  for (const SourceFile& file : files) {
    const bool includes = is_code(file) && file.text.find("\n#include <asio") != std::string::npos;
    const auto holds = [&](const std::string& folder) { return file.path.starts_with(folder); };
    if (includes && std::ranges::none_of(declared, holds))
      findings.push_back({file.path, 0, "includes Asio: its CMakeLists.txt has to say selmcast_uses_asio()"});
  }
  return findings;
}

Findings check_tree(const std::vector<SourceFile>& files) {
  using Rule = Findings (*)(const SourceFile&);
  static constexpr std::array<Rule, 5> kRules = {check_layers, check_purity, check_header, check_text,
                                                 check_words};
  Findings findings = check_all_built(files);
  const auto add = [&](Findings more) { std::move(more.begin(), more.end(), std::back_inserter(findings)); };
  add(check_asio(files));
  for (const SourceFile& file : files) {
    for (const Rule rule : kRules) add(rule(file));
    if (file.path.ends_with("CMakeLists.txt")) add(check_declared_layers(file));
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.path < b.path; });
  return findings;
}

}  // namespace selmcast::tidy
