#include "selmcast/cli/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace selmcast::cli {
namespace {

using ::testing::HasSubstr;

std::string fault_of(std::string_view text) {
  const auto parsed = parse_strict_json(text);
  return parsed ? "" : parsed.error().message;
}

TEST(StrictJson, ReadsWhatNlohmannReads) {
  const std::string text =
      R"({"a": [1, -2, 3.5, 18446744073709551615, true, null, {}, []], "b": {"a": "\u00e9x"}})";
  const auto parsed = parse_strict_json(text);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(*parsed, nlohmann::json::parse(text));
  EXPECT_EQ(*parse_strict_json("7"), nlohmann::json(7));
}

TEST(StrictJson, RefusesAKeyThatStandsTwice) {
  EXPECT_EQ(fault_of(R"({"a": 1, "b": [{}, {"c": 1, "d": 2, "c": 3}]})"),
            "b[1].c: the key stands twice; remove one");
  EXPECT_EQ(fault_of(R"({"a": 1, "\u0061": 2})"), "a: the key stands twice; remove one");
  EXPECT_EQ(fault_of(R"([{"a": 1}, {"a": 1}])"), "");
}

TEST(StrictJson, RefusesWhatIsNotJson) {
  for (const auto* text :
       {"", " ", "{", "[1,]", "{'a': 1}", "{\"a\": 1} x", "// no\n1", "[NaN]", "[Infinity]", "[01]",
        "[1e999]", "\"\x01\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "tru"}) {
    EXPECT_NE(fault_of(text), "") << text;
  }
  EXPECT_THAT(fault_of("[1,\n 2,,]"), HasSubstr("line 2, column 4"));
  EXPECT_THAT(fault_of("\"\xff\""), HasSubstr("UTF-8"));
}

TEST(StrictJson, RefusesDeepNesting) {
  EXPECT_EQ(fault_of(std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']')), "");
  EXPECT_THAT(fault_of(std::string(kMaxJsonDepth + 1, '[')), HasSubstr("nested deeper than 16 levels"));
  EXPECT_THAT(fault_of(std::string(1'000'000, '[')), HasSubstr("nested deeper"));
}

TEST(ReadTextFile, NamesTheFileThatCannotBeRead) {
  const auto missing = read_text_file(::testing::TempDir() + "no_such_file.json");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::io);
  EXPECT_THAT(missing.error().message, HasSubstr("no_such_file.json: cannot be read"));
  EXPECT_THAT(read_text_file(::testing::TempDir()).error().message, HasSubstr("is a directory"));
}

TEST(ReadTextFile, StopsAtTheLimit) {
  EXPECT_THAT(read_text_file("/dev/zero").error().message,
              HasSubstr("/dev/zero: larger than 33554432 bytes"));
}

}  // namespace
}  // namespace selmcast::cli
