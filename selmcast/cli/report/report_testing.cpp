#include "selmcast/cli/report/report_testing.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/base/rng.h"

namespace selmcast::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr double kUplink = 4e8;
constexpr double kModelBytes = 1.1e6;
constexpr std::uint64_t kMaxAge = 7;

void write_lines(const fs::path& file, const std::vector<Json>& lines) {
  std::ofstream out(file, std::ios::binary);
  for (const Json& line : lines) out << line.dump() << '\n';
}

struct Sample {
  const SampleOptions& options;
  std::vector<std::string> names;
  std::vector<double> downlinks;
  std::vector<double> declared;
};

Sample make_sample(const SampleOptions& options) {
  Sample sample{options, {}, {}, {}};
  constexpr double kRates[] = {20e6, 50e6, 100e6, 200e6, 30e6, 80e6, 150e6, 200e6};
  constexpr double kMistakes[] = {2.5, 1, 0.6, 1, 1.7, 1, 0.5, 0.8};
  for (std::uint64_t i = 0; i < options.workers; ++i) {
    sample.names.push_back(fmt::format("w{}{}", i, options.name_suffix));
    sample.downlinks.push_back(kRates[i % 8]);
    sample.declared.push_back(kRates[i % 8] * kMistakes[i % 8]);
  }
  return sample;
}

class SampleRun {
 public:
  SampleRun(const Sample& sample, std::string planner, bool paced, std::uint64_t seed)
      : sample_(sample),
        planner_(std::move(planner)),
        paced_(paced),
        rng_(Rng(seed).fork(planner_.size() + (paced ? 0 : 100))),
        believed_(sample.declared),
        ages_(size(), std::vector<std::uint64_t>(size(), 0)),
        worker_lines_(size()) {}

  void write(const fs::path& folder) {
    for (std::uint64_t round = 0; round < sample_.options.rounds; ++round) step(round);
    fs::create_directories(folder);
    write_lines(folder / "journal.jsonl", journal_);
    write_lines(folder / "evaluation.jsonl", evaluations_);
    for (std::size_t i = 0; i < size(); ++i)
      write_lines(folder / fmt::format("worker-{}.jsonl", i), worker_lines_[i]);
  }

 private:
  struct Choice {
    std::size_t sender;
    std::size_t receiver;
    std::string reason;
  };
  std::size_t size() const { return sample_.names.size(); }

  // paper: due pairs, two receivers with room a sender, then whatever fits beside the busiest downlink.
  std::vector<Choice> choose() {
    std::vector<Choice> chosen;
    std::vector<double> load(size(), 0);
    const auto take = [&](std::size_t i, std::size_t j, const char* reason) {
      chosen.push_back({i, j, reason});
      load[j] += kModelBytes * 8 / believed_[j];
    };
    const auto taken = [&](std::size_t i, std::size_t j) {
      return std::ranges::any_of(chosen, [&](const Choice& c) { return c.sender == i && c.receiver == j; });
    };
    for (std::size_t i = 0; i < size(); ++i)
      for (std::size_t j = 0; j < size(); ++j) {
        if (i == j) continue;
        if (planner_ == "broadcast")
          take(i, j, "broadcast");
        else if (ages_[i][j] >= kMaxAge)
          take(i, j, "required");
      }
    if (planner_ == "broadcast") return chosen;
    for (std::size_t i = 0; i < size(); ++i)
      for (int k = 0; k < 2; ++k) {
        std::size_t best = size();
        if (planner_ == "random") {
          do best = rng_.below(size());
          while (best == i || (taken(i, best) && size() > 3));
          if (!taken(i, best)) take(i, best, "random");
          continue;
        }
        for (std::size_t j = 0; j < size(); ++j)
          if (j != i && !taken(i, j) &&
              (best == size() || load[j] + 1 / believed_[j] * kModelBytes * 8 <
                                     load[best] + 1 / believed_[best] * kModelBytes * 8))
            best = j;
        if (best < size()) take(i, best, "basic");
      }
    if (planner_ != "paper") return chosen;
    const double busiest = *std::ranges::max_element(load);
    for (std::size_t j = 0; j < size(); ++j)
      for (std::size_t k = 0; k < size(); ++k) {
        const std::size_t i = (k + evaluations_.size()) % size();
        if (i != j && !taken(i, j) && load[j] + kModelBytes * 8 / believed_[j] <= busiest)
          take(i, j, "spare");
      }
    return chosen;
  }

  double slowest(const std::vector<Choice>& chosen, const std::vector<double>& downlinks) const {
    std::vector<double> up(size(), 0), down(size(), 0);
    for (const Choice& c : chosen) {
      up[c.sender] += kModelBytes * 8 / kUplink;
      down[c.receiver] += kModelBytes * 8 / downlinks[c.receiver];
    }
    return std::max(*std::ranges::max_element(up), *std::ranges::max_element(down));
  }

  Json deliveries(const std::vector<Choice>& chosen, double predicted, double measured) {
    Json list = Json::array();
    for (const Choice& c : chosen) {
      const double rate = kModelBytes * 8 / predicted;
      list.push_back({{"transfer", ++transfer_},
                      {"sender", sample_.names[c.sender]},
                      {"receiver", sample_.names[c.receiver]},
                      {"reason", c.reason},
                      {"bytes", static_cast<std::uint64_t>(kModelBytes)},
                      {"rate_bps", rate},
                      {"paced_bps", paced_ ? Json(rate * 1.4) : Json(nullptr)},
                      {"state", "committed"},
                      {"started_seconds", 0.01},
                      {"finished_seconds", measured * rng_.uniform(0.7, 1.0)}});
    }
    return list;
  }

  void step(std::uint64_t round) {
    const auto chosen = choose();
    const double predicted = slowest(chosen, believed_);
    const double jitter = paced_ ? rng_.uniform(1.0, 1.06) : rng_.uniform(1.02, 1.3);
    const double measured = std::max(slowest(chosen, sample_.downlinks), predicted * 0.98) * jitter + 0.004;
    const double bound = slowest(chosen, believed_) * (planner_ == "paper"    ? 0.9
                                                       : planner_ == "random" ? 0.35
                                                                              : 0.08);
    const double compute = rng_.uniform(0.3, 0.36);
    now_ += compute + measured + 0.02;
    std::uint64_t widest = 0;
    for (auto& row : ages_)
      for (std::uint64_t& age : row) ++age;
    for (const Choice& c : chosen) ages_[c.sender][c.receiver] = 0;
    for (std::size_t i = 0; i < size(); ++i)
      for (std::size_t j = 0; j < size(); ++j)
        if (i != j) widest = std::max(widest, std::min(ages_[i][j] + 1, kMaxAge + 1));
    journal_.push_back({{"event", "input"}, {"at_seconds", now_ - measured}, {"kind", "ready"}});
    Json line{{"event", "round"},
              {"at_seconds", now_},
              {"round", round},
              {"version", {1, round + 1}},
              {"planner", planner_},
              {"issued_seconds", now_ - measured - 0.02},
              {"sync_seconds", measured + 0.02},
              {"delivery_seconds", measured},
              {"predicted_seconds", predicted},
              {"bound_seconds", bound},
              {"plan_seconds", 0.00004},
              {"receivers_mean", static_cast<double>(chosen.size()) / static_cast<double>(size())}};
    line["deliveries"] = deliveries(chosen, predicted, measured);
    line["estimates"] = Json::array();
    for (std::size_t i = 0; i < size(); ++i) {
      believed_[i] += (sample_.downlinks[i] * rng_.uniform(0.96, 1.0) - believed_[i]) * 0.35;
      line["estimates"].push_back(
          {{"worker", sample_.names[i]}, {"uplink_bps", kUplink}, {"downlink_bps", believed_[i]}});
    }
    line["oldest_pair_age"] = widest - 1;
    line["widest_meeting_gap"] = widest;
    journal_.push_back(std::move(line));
    if (round == 20 && planner_ == "random")
      journal_.push_back({{"event", "left"},
                          {"at_seconds", now_},
                          {"worker", sample_.names[0]},
                          {"reason", "session lost" + sample_.options.name_suffix}});
    evaluate(round, compute, measured);
  }

  void evaluate(std::uint64_t round, double compute, double measured) {
    const double learnt = 1 - std::exp(-0.22 * static_cast<double>(round + 1));
    const double accuracy = 0.1 + 0.775 * learnt + rng_.uniform(-0.006, 0.006);
    Json line{{"round", round},
              {"at_seconds", now_},
              {"accuracy", accuracy},
              {"loss", 2.3 - 1.9 * learnt},
              {"consensus_distance", planner_ == "broadcast" ? 0.0 : 0.05 / static_cast<double>(round + 1)}};
    if (round + 1 == sample_.options.rounds) {
      line["worker_accuracy"] = Json::array();
      for (std::size_t i = 0; i < size(); ++i)
        line["worker_accuracy"].push_back(accuracy - rng_.uniform(0.0, 0.012));
    }
    evaluations_.push_back(std::move(line));
    for (auto& lines : worker_lines_)
      lines.push_back({{"round", round},
                       {"at_seconds", now_},
                       {"loss", 2.3 - 1.9 * learnt},
                       {"compute_seconds", compute},
                       {"sync_seconds", measured + 0.02},
                       {"mixed_with", Json::array()}});
  }

  const Sample& sample_;
  std::string planner_;
  bool paced_;
  Rng rng_;
  std::vector<double> believed_;
  std::vector<std::vector<std::uint64_t>> ages_;
  std::vector<Json> journal_;
  std::vector<Json> evaluations_;
  std::vector<std::vector<Json>> worker_lines_;
  double now_ = 1.5;
  std::uint64_t transfer_ = 0;
};

// The checker walks over the text once.
class XmlCheck {
 public:
  explicit XmlCheck(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size() && fault_.empty()) {
      if (text_[at_] == '<') {
        tag();
      } else {
        character();
      }
    }
    if (fault_.empty() && !open_.empty()) fail("<" + open_.back() + "> is never closed");
    if (fault_.empty() && !any_) fail("there is no element");
    return fault_;
  }

 private:
  void fail(const std::string& what) {
    const auto line = 1 + std::ranges::count(text_.substr(0, std::min(at_, text_.size())), '\n');
    if (fault_.empty()) fault_ = fmt::format("line {}: {}", line, what);
  }
  bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
  void skip_past(std::string_view end) {
    const std::size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) fail(fmt::format("\"{}\" is missing", end));
    at_ = found == std::string_view::npos ? text_.size() : found + end.size();
  }

  void character() {
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r') fail("a control character");
    if (byte == '&') {
      constexpr std::string_view kKnown[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&apos;"};
      if (std::ranges::none_of(kKnown, [&](std::string_view known) { return starts(known); }))
        fail("a stray &");
    }
    ++at_;
  }

  std::string name() {
    const std::size_t start = at_;
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n/>=<\"'").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  void space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  void tag() {
    if (starts("<?")) return skip_past("?>");
    if (starts("<!--")) return skip_past("-->");
    if (starts("<!DOCTYPE")) return skip_past(">");
    if (starts("</")) return close();
    ++at_;
    const std::string element = name();
    if (element.empty()) return fail("a stray <");
    any_ = true;
    while (fault_.empty()) {
      space();
      if (starts("/>")) {
        at_ += 2;
        return;
      }
      if (starts(">")) {
        ++at_;
        open_.push_back(element);
        return;
      }
      attribute(element);
    }
  }

  void attribute(const std::string& element) {
    const std::string key = name();
    space();
    if (key.empty() || !starts("="))
      return fail(fmt::format("<{}>: attribute \"{}\" has no value", element, key));
    ++at_;
    space();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '"' && quote != '\'')
      return fail(fmt::format("<{}>: attribute \"{}\" is not quoted", element, key));
    ++at_;
    while (at_ < text_.size() && text_[at_] != quote && fault_.empty()) {
      if (text_[at_] == '<') fail("< in an attribute");
      character();
    }
    if (at_ == text_.size()) return fail("an attribute never ends");
    ++at_;
  }

  void close() {
    at_ += 2;
    const std::string element = name();
    space();
    if (!starts(">")) return fail("</" + element + " does not end");
    ++at_;
    if (open_.empty() || open_.back() != element) return fail("</" + element + "> closes nothing");
    open_.pop_back();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool any_ = false;
  std::vector<std::string> open_;
  std::string fault_;
};

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "selmcast-report-XXXXXX").string();
  SELMCAST_CHECK(mkdtemp(pattern.data()) != nullptr, "a test needs a temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void TemporaryFolder::write(const fs::path& relative, std::string_view content) const {
  fs::create_directories((path_ / relative).parent_path());
  std::ofstream(path_ / relative, std::ios::binary) << content;
}

std::string TemporaryFolder::read(const fs::path& relative) const {
  std::ifstream in(path_ / relative, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_sample(const fs::path& folder, const SampleOptions& options) {
  const Sample sample = make_sample(options);
  Json scenario{{"schema", "selmcast.demo_scenario/1"},
                {"seed", 1},
                {"rounds", options.rounds},
                {"min_receivers", 2},
                {"max_age", kMaxAge},
                {"model", "mlp" + options.name_suffix},
                {"model_bytes", static_cast<std::uint64_t>(kModelBytes)},
                {"multicast", "unicast"},
                {"target_accuracy", 0.85}};
  scenario["workers"] = Json::array();
  for (std::size_t i = 0; i < sample.names.size(); ++i)
    scenario["workers"].push_back({{"id", sample.names[i]},
                                   {"uplink_bps", kUplink},
                                   {"downlink_bps", sample.downlinks[i]},
                                   {"declared_uplink_bps", kUplink},
                                   {"declared_downlink_bps", sample.declared[i]}});
  scenario["runs"] = Json::array();
  const auto add = [&](const std::string& planner, bool paced, std::uint64_t seed) {
    const std::string name = fmt::format("{}{}-s{}", planner, paced ? "" : "-unpaced", seed);
    scenario["runs"].push_back({{"name", name}, {"planner", planner}, {"paced", paced}, {"seed", seed}});
    SampleRun(sample, planner, paced, seed).write(folder / name);
  };
  for (std::uint64_t seed = 1; seed <= options.seeds; ++seed)
    for (const char* planner : {"paper", "random", "broadcast"}) add(planner, true, seed);
  if (options.unpaced) add("paper", false, 1);
  std::ofstream(folder / "demo.json", std::ios::binary) << scenario.dump(1) << '\n';
}

std::string xml_fault(std::string_view text) { return XmlCheck(text).run(); }

}  // namespace selmcast::report
