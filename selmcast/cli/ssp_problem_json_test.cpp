#include "selmcast/cli/ssp_problem_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/cli/problem_json.h"

namespace selmcast::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// a is ready; b sends to c and has delivered to d. One part of the text replaced.
std::string problem_with(std::string_view part = "", std::string_view replacement = "") {
  std::string text = R"({"schema": "selmcast.problem/1", "sync": "ssp", "multicast": "unicast",
    "workers": [{"id": "a", "uplink_bps": 1e9, "downlink_bps": 2e9, "min_receivers": 1, "volume_bytes": 1000},
                {"id": "b", "uplink_bps": 1e9, "downlink_bps": 2e9, "min_receivers": 2, "volume_bytes": 1000},
                {"id": "c", "uplink_bps": 1e9, "downlink_bps": 2e9, "min_receivers": 1, "volume_bytes": 1000},
                {"id": "d", "uplink_bps": 3e9, "downlink_bps": 4e9, "min_receivers": 0, "volume_bytes": 2e3}],
    "required": [["b", "d"], ["b", "c"]],
    "ssp": {"ready": "a", "ready_wait_seconds": 0.5, "keep_fraction": 0.25, "active": [
      {"sender": "b", "wait_seconds": 2, "delivered": ["d"], "receivers": [{"id": "c", "remaining_bytes": 1e2}]}]}})";
  const auto found = text.find(part);
  EXPECT_NE(found, std::string::npos) << part;
  return text.replace(found, part.size(), replacement);
}

TEST(ReadSspProblem, ReadsEveryKey) {
  const auto read = read_any_problem(problem_with(), "p.json");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  const auto& problem = std::get<plan::SspProblem>(*read);
  EXPECT_EQ(problem.size(), 4U);
  EXPECT_EQ(problem.base.required.size(), 2U);
  EXPECT_EQ(problem.ready, WorkerIndex(0));
  EXPECT_EQ(problem.ready_wait, Duration::seconds(0.5));
  EXPECT_EQ(problem.keep_fraction, 0.25);
  ASSERT_EQ(problem.active.size(), 1U);
  EXPECT_EQ(problem.active[0].sender, WorkerIndex(1));
  EXPECT_EQ(problem.active[0].wait, Duration::seconds(2));
  EXPECT_EQ(problem.active[0].delivered, std::vector{WorkerIndex(3)});
  ASSERT_EQ(problem.active[0].receivers.size(), 1U);
  EXPECT_EQ(problem.active[0].receivers[0].receiver, WorkerIndex(2));
  EXPECT_EQ(problem.active[0].receivers[0].remaining, Bytes(100));
}

TEST(ReadSspProblem, TellsTheKindsApart) {
  EXPECT_THAT(read_problem(problem_with(), "p.json").error().message,
              HasSubstr("p.json: sync: is \"ssp\"; only \"bsp\" will do here"));
}

TEST(ReadSspProblem, NamesTheKeyThatIsWrong) {
  struct Case {
    const char* part;
    const char* replacement;
    const char* message;
  };
  const Case cases[] = {
      {"\"ssp\": {\"ready\"", "\"ssp\": {\"readi\"", "ssp.readi: unknown key; known here: ready, ready_wait"},
      {"\"sender\": \"b\", ", "", "ssp.active[0].sender: is missing"},
      {"\"ready\": \"a\"", "\"ready\": \"x\"", "ssp.ready: there is no worker \"x\""},
      {"\"ready\": \"a\"", "\"ready\": \"b\"", "ssp.active[0].sender: b is the ready worker"},
      {"0.5", "-1", "ssp.ready_wait_seconds: the wait of a is -1 s"},
      {"0.5", "\"0\"", "ssp.ready_wait_seconds: is \"0\"; give a number of seconds"},
      {"0.25", "1.25", "ssp.keep_fraction: the keep fraction is 1.25; give 0 to 1"},
      {"0.25", "[]", "ssp.keep_fraction: is []; give a number from 0 to 1"},
      {"\"wait_seconds\": 2", "\"wait_seconds\": -2", "ssp.active[0].wait_seconds: the wait of b is -2 s"},
      {"[\"d\"]", "[\"d\", \"d\"]", "ssp.active[0].delivered[1]: b names d twice"},
      {"[\"d\"]", "[7]", "ssp.active[0].delivered[0]: is 7; give the id of a worker"},
      {"[\"d\"]", "\"d\"", "ssp.active[0].delivered: is \"d\"; give an array of ids of workers"},
      {"{\"id\": \"c\", \"rem", "{\"id\": \"b\", \"rem", "ssp.active[0].receivers[0].id: b sends to itself"},
      {"1e2", "1001", "ssp.active[0].receivers[0].remaining_bytes: b -> c: 1001 bytes remain of 1000"},
      {"1e2", "0.5", "ssp.active[0].receivers[0].remaining_bytes: is 0.5; give a whole number of bytes"},
      {"[\"b\", \"c\"]", "[\"b\", \"a\"]",
       "required[1]: required pair b -> a: the running multicast of b has"},
      {"\"sync\": \"ssp\"", "\"sync\": \"bsp\"", "ssp: belongs to \"sync\": \"ssp\" only"},
      {"\"ssp\": {\"ready\": \"a\"", "\"age\": [], \"x\": {\"ready\": \"a\"", "x: unknown key"},
  };
  for (const auto& [part, replacement, message] : cases) {
    const auto read = read_any_problem(problem_with(part, replacement), "p.json");
    ASSERT_FALSE(read.has_value()) << message;
    EXPECT_EQ(read.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(read.error().message, StartsWith(std::string("p.json: ") + message));
  }
}

TEST(ReadSspProblem, NeedsItsPart) {
  std::string text = problem_with();
  text.resize(text.find(",\n    \"ssp\""));
  EXPECT_THAT(read_any_problem(text + "}", "p.json").error().message, HasSubstr("p.json: ssp: is missing"));
}

}  // namespace
}  // namespace selmcast::cli
