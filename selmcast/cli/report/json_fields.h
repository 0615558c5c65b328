// Reads typed fields of one JSON object, strictly, and remembers the first thing that was wrong.
//
// A reader of twenty fields would otherwise be twenty checks long. Getters return a neutral value once
// anything has failed, so the caller reads everything and asks FirstFault once. A fault names file and line,
// the path inside the line, what is needed and what stands there: `paper/journal.jsonl:12:
// deliveries[3].rate_bps: ...`. Keys nobody asks for are ignored: a run folder of a newer version still
// reports. Thread rule: values of one thread. A JsonFields must not outlive its JSON and its FirstFault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::report {

class FirstFault {
 public:
  // `where` starts every message: a file, or file:line.
  explicit FirstFault(std::string where) : where_(std::move(where)) {}
  void note(std::string_view path, std::string_view what);
  bool any() const { return error_.has_value(); }
  // Requires any().
  Error take() const { return *error_; }

 private:
  std::string where_;
  std::optional<Error> error_;
};

class JsonFields {
 public:
  // `path` is this object's place in its line: empty, or "deliveries[3].".
  JsonFields(const nlohmann::json& object, std::string path, FirstFault& fault);

  bool has(std::string_view key) const;
  std::string text(std::string_view key) const;
  bool flag(std::string_view key) const;
  std::uint64_t count(std::string_view key) const;  // a whole number, 0 or more
  double number(std::string_view key) const;        // finite
  double fraction(std::string_view key) const;      // 0 .. 1
  Rate rate(std::string_view key) const;            // positive
  Duration seconds(std::string_view key) const;     // 0 or more
  Bytes bytes(std::string_view key) const;          // 0 or more

  // Absent or null: nothing.
  std::optional<double> maybe_number(std::string_view key) const;
  std::optional<Rate> maybe_rate(std::string_view key) const;
  std::optional<Duration> maybe_seconds(std::string_view key) const;

  // Calls `read` for each object of the array `key`, in order.
  void each(std::string_view key, const std::function<void(const JsonFields&)>& read) const;
  // Calls `read` for each string / number of the array `key`.
  void each_text(std::string_view key, const std::function<void(const std::string&)>& read) const;
  void each_fraction(std::string_view key, const std::function<void(double)>& read) const;

  // For checks of the caller: "sender: no worker of that name".
  void fault(std::string_view key, std::string_view what) const;

 private:
  const nlohmann::json* find(std::string_view key, std::string_view needed) const;
  const nlohmann::json* find_array(std::string_view key) const;
  bool absent(std::string_view key) const;
  double number_where(std::string_view key, bool (*holds)(double), std::string_view needed) const;

  const nlohmann::json& object_;
  std::string path_;
  FirstFault& fault_;
};

}  // namespace selmcast::report
