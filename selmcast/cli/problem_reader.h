// What every part of a problem file is read with: values checked one by one, and the first fault with its path.
//
// Reading functions return false once something was wrong and keep that fault; the caller stops there.
// Thread rule: one owner.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/problem.h"

namespace selmcast::cli {

// Where a value stands. Spelled out only when something is wrong: a large file has a million values.
struct JsonPath {
  const JsonPath* parent = nullptr;
  std::string_view key;  // empty: the element `index` of an array
  std::size_t index = 0;

  JsonPath member(std::string_view name) const { return {this, name, 0}; }
  JsonPath element(std::size_t position) const { return {this, {}, position}; }
  std::string text() const;  // "workers[3].id"
};

class ProblemReader {
 public:
  using Json = nlohmann::json;
  using Path = JsonPath;
  using Keys = std::initializer_list<std::string_view>;

  explicit ProblemReader(std::string_view source) : source_(source) {}

  Error error() const { return {ErrorCode::invalid_input, fault_}; }

 protected:
  bool wrong(const Path& path, std::string_view what);
  bool wrong_value(const Path& path, const Json& value, std::string_view needed);

  // No keys but these, and all that are needed.
  bool object(const Json& value, const Path& path, Keys needed, Keys optional);
  bool array(const Json& value, const Path& path, std::string_view of);
  bool choice(const Json& value, const Path& path, Keys choices);
  bool text(const Json& value, const Path& path, std::string& result);
  bool number(const Json& value, const Path& path, std::string_view needed, double& result);
  bool rate(const Json& value, const Path& path, Rate& result);
  bool duration(const Json& value, const Path& path, Duration& result);
  // Whole numbers may be written as 2e8 or 15.0.
  bool whole(const Json& value, const Path& path, std::string_view needed, std::int64_t& result);
  // By their ids, once they are known.
  bool known_worker(const Json& value, const Path& path, WorkerIndex& result);
  bool pair(const Json& value, const Path& path, std::size_t length, plan::Pair& result);
  void know_worker(const std::string& name, WorkerIndex index) { index_of_.emplace(name, index); }

 private:
  std::string_view source_;
  std::string fault_;
  std::unordered_map<std::string, WorkerIndex> index_of_;
};

// The value as it stands in the file, cut short.
std::string shown(const nlohmann::json& value);

}  // namespace selmcast::cli
