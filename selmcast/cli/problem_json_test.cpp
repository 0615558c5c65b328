#include "selmcast/cli/problem_json.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace selmcast::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Two workers, with one part of the text replaced.
std::string problem_with(std::string_view part = "", std::string_view replacement = "") {
  std::string text = R"({"schema": "selmcast.problem/1", "sync": "bsp", "multicast": "unicast",
    "workers": [{"id": "a", "uplink_bps": 1e9, "downlink_bps": 2e9, "min_receivers": 1, "volume_bytes": 1000},
                {"id": "b", "uplink_bps": 3e9, "downlink_bps": 4e9, "min_receivers": 0, "volume_bytes": 2e3}],
    "required": [["a", "b"]], "age": [["a", "b", 4], ["b", "a", 0]]})";
  const auto found = text.find(part);
  EXPECT_NE(found, std::string::npos) << part;
  return text.replace(found, part.size(), replacement);
}

std::string fault_of(const std::string& text) {
  const auto problem = read_problem(text, "p.json");
  if (problem) return "no fault";
  EXPECT_EQ(problem.error().code, ErrorCode::invalid_input);
  return problem.error().message;
}

TEST(ReadProblem, ReadsEveryKey) {
  const auto problem = read_problem(problem_with(), "p.json");
  ASSERT_TRUE(problem.has_value()) << problem.error().message;
  EXPECT_EQ(problem->multicast, plan::MulticastKind::unicast);
  ASSERT_EQ(problem->size(), 2U);
  EXPECT_EQ(problem->workers[0].name, "a");
  EXPECT_EQ(problem->workers[0].uplink, Rate::bits_per_second(1e9));
  EXPECT_EQ(problem->workers[1].downlink, Rate::bits_per_second(4e9));
  EXPECT_EQ(problem->workers[0].min_receivers, 1);
  EXPECT_EQ(problem->workers[1].volume, Bytes(2000));
  ASSERT_EQ(problem->required.size(), 1U);
  EXPECT_EQ(problem->required[0], (plan::Pair{WorkerIndex(0), WorkerIndex(1)}));
  ASSERT_EQ(problem->ages.size(), 2U);
  EXPECT_EQ(problem->ages[0].age, 4U);
}

TEST(ReadProblem, TakesPairsAndAgesAsOptional) {
  const auto problem = read_problem(problem_with(R"(,
    "required": [["a", "b"]], "age": [["a", "b", 4], ["b", "a", 0]])"),
                                    "p.json");
  ASSERT_TRUE(problem.has_value()) << problem.error().message;
  EXPECT_TRUE(problem->required.empty());
  EXPECT_TRUE(problem->ages.empty());
}

// min_receivers of ten workers that all say `value`.
int receivers_of_ten(std::string_view value, int workers = 10) {
  std::string list;
  for (int i = 0; i < workers; ++i) {
    list += fmt::format(
        R"({}{{"id": "w{}", "uplink_bps": 1, "downlink_bps": 1, "min_receivers": {}, "volume_bytes": 1}})",
        i == 0 ? "" : ",", i, value);
  }
  const auto problem = read_problem(
      fmt::format(
          R"({{"schema": "selmcast.problem/1", "sync": "bsp", "multicast": "network", "workers": [{}]}})",
          list),
      "p.json");
  return problem ? problem->workers[0].min_receivers : -1;
}

TEST(ReadProblem, TakesAFractionOfTheWorkers) {
  EXPECT_EQ(receivers_of_ten("0.35"), 3);  // floor(3.5)
  EXPECT_EQ(receivers_of_ten("0.3"), 3);
  EXPECT_EQ(receivers_of_ten("0.29999999999"), 3);  // 2.9999999999 + 1e-9
  EXPECT_EQ(receivers_of_ten("0.2999"), 2);
  EXPECT_EQ(receivers_of_ten("0.01"), 1);  // at least 1
  EXPECT_EQ(receivers_of_ten("0.9999999999999"),
            9);                              // 9.999999999999 + 1e-9 would be all ten: there are nine others
  EXPECT_EQ(receivers_of_ten("0.5", 1), 0);  // alone: nobody to send to
  EXPECT_EQ(receivers_of_ten("1"), 1);
  EXPECT_EQ(receivers_of_ten("1.0"), 1);  // whole numbers are counts, however they are written
  EXPECT_EQ(receivers_of_ten("0"), 0);
}

struct BadCase {
  std::string_view part;
  std::string_view replacement;
  std::string_view message;
};

TEST(ReadProblem, NamesFileKeyAndRemedy) {
  const BadCase cases[] = {
      {R"("schema": "selmcast.problem/1", )", "", "p.json: schema: is missing; add it"},
      {"problem/1", "problem/2", "p.json: schema: is \"selmcast.problem/2\"; give \"selmcast.problem/1\""},
      {"\"bsp\"", "\"ssp\"", "p.json: ssp: is missing; \"sync\": \"ssp\" needs it"},
      {"\"bsp\"", "\"asp\"", "p.json: sync: is \"asp\"; give \"bsp\" or \"ssp\""},
      {"\"bsp\"", "\"bsp\", \"ssp\": {}", "p.json: ssp: belongs to \"sync\": \"ssp\" only; remove it"},
      {"\"unicast\"", "\"radio\"",
       "p.json: multicast: is \"radio\"; give \"network\" or \"unicast\" or \"relay\""},
      {"\"sync\"", "\"synk\"",
       "p.json: synk: unknown key; known here: schema, sync, multicast, workers, required, age, unreached, "
       "ssp"},
      {"\"id\": \"b\"", "\"id\": \"b\", \"rate\": 1",
       "p.json: workers[1].rate: unknown key; known here: id, uplink_bps"},
      {"\"id\": \"b\", ", "", "p.json: workers[1].id: is missing; add it"},
      {"\"id\": \"b\"", "\"id\": \"\"", "p.json: workers[1].id: worker number 1 has an empty name; name it"},
      {"\"id\": \"b\"", "\"id\": \"a\"", "p.json: workers[1].id: workers number 0 and 1 are both named a"},
      {"\"id\": \"b\"", "\"id\": 7", "p.json: workers[1].id: is 7; give a string"},
      {"\"id\": \"b\"", R"("id": "b\n")",
       "p.json: workers[1].id: is \"b\\n\"; give a name without control characters"},
      {"3e9", "-3", "p.json: workers[1].uplink_bps: worker b: the uplink is -3 bit/s; give a rate between"},
      {"4e9", "1e300", "p.json: workers[1].downlink_bps: worker b: the downlink is 1e+300 bit/s"},
      {"4e9", "1e999", "p.json: number overflow"},
      {"4e9", "NaN", "p.json: parse error at line 3"},
      {"4e9", "\"4e9\"", "p.json: workers[1].downlink_bps: is \"4e9\"; give a number of bits per second"},
      {"\"min_receivers\": 0", "\"min_receivers\": 1.5",
       "p.json: workers[1].min_receivers: is 1.5; give a whole number of receivers, or a fraction"},
      {"\"min_receivers\": 0", "\"min_receivers\": -1", "p.json: workers[1].min_receivers: is -1; give"},
      {"\"min_receivers\": 0", "\"min_receivers\": -0.5", "p.json: workers[1].min_receivers: is -0.5; give"},
      {"\"min_receivers\": 0", "\"min_receivers\": 1e15", "p.json: workers[1].min_receivers: is 1e+15; give"},
      {"\"min_receivers\": 0", "\"min_receivers\": null", "p.json: workers[1].min_receivers: is null; give"},
      {"2e3", "2.5", "p.json: workers[1].volume_bytes: is 2.5; give a whole number of bytes"},
      {"2e3", "0", "p.json: workers[1].volume_bytes: worker b: the volume is 0 bytes; give between 1 and"},
      {"2e3", "1e300", "p.json: workers[1].volume_bytes: is 1e+300; give a whole number of bytes"},
      {"2e3", "18446744073709551615", "p.json: workers[1].volume_bytes: is 18446744073709551615; give"},
      {R"([["a", "b"]])", R"([["a", "c"]])",
       "p.json: required[0][1]: there is no worker \"c\"; name one of `workers`"},
      {R"([["a", "b"]])", R"([["b", "b"]])",
       "p.json: required[0]: required pair number 0 joins b with itself; remove it"},
      {R"([["a", "b"]])", R"([["a", "b"], ["b", "a"], ["a", "b"]])",
       "p.json: required[2]: required pair a -> b stands twice"},
      {R"("age")", R"("unreached": [["b", "a"], ["b", "a"]], "age")",
       "p.json: unreached[1]: unreached pair b -> a stands twice"},
      {R"("age")", R"("unreached": [["b", "c"]], "age")",
       "p.json: unreached[0][1]: there is no worker \"c\"; name one of `workers`"},
      {R"([["a", "b"]])", R"([["a", "b", 1]])",
       "p.json: required[0]: is [\"a\",\"b\",1]; give [sender, receiver]"},
      {R"([["a", "b"]])", R"({"a": "b"})", "p.json: required: is {\"a\":\"b\"}; give an array of pairs"},
      {R"(["b", "a", 0])", R"(["b", "a"])", "p.json: age[1]: is [\"b\",\"a\"]; give [sender, receiver, age]"},
      {R"(["b", "a", 0])", R"(["b", "a", -1])",
       "p.json: age[1][2]: is -1; give a whole number of multicasts"},
      {R"(["b", "a", 0])", R"(["b", "a", 4294967296])",
       "p.json: age[1][2]: is 4294967296; give a whole number"},
      {R"(["b", "a", 0])", R"(["a", "b", 0])", "p.json: age[1]: aged pair a -> b stands twice"},
  };
  for (const BadCase& bad : cases) {
    EXPECT_THAT(fault_of(problem_with(bad.part, bad.replacement)), StartsWith(std::string(bad.message)));
  }
}

TEST(ReadProblem, RefusesOtherTopLevels) {
  EXPECT_EQ(fault_of("[]"), "p.json: is []; give an object");
  EXPECT_EQ(
      fault_of(R"({"schema": "selmcast.problem/1", "sync": "bsp", "multicast": "network", "workers": []})"),
      "p.json: workers: there are no workers; name at least one");
  EXPECT_THAT(fault_of(R"({"sync": "bsp", "sync": "bsp"})"), HasSubstr("p.json: sync: the key stands twice"));
}

TEST(ReadProblem, SurvivesEveryTruncationAndEveryChangedByte) {
  // Whatever stands in the file, the answer is a problem or an error, never a crash; a truncated file is an
  // error.
  const std::string text = problem_with();
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_NE(fault_of(text.substr(0, length)), "no fault") << length;
  }
  for (std::size_t k = 0; k < text.size(); ++k) {
    for (const char c : {'"', '[', '}', '0', '-', '.', '\xff', '\0', ','}) {
      std::string changed = text;
      changed[k] = c;
      if (const auto problem = read_problem(changed, "p.json")) {
        EXPECT_TRUE(plan::validate(*problem).has_value()) << changed;
      }
    }
  }
}

}  // namespace
}  // namespace selmcast::cli
