#include "selmcast/cli/strict_json.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace selmcast::cli {
namespace {

using nlohmann::json;

// Builds the value from the parser's events. Returning false ends the parse; `fault` then says why.
class Builder final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return put(nullptr) != nullptr; }
  bool boolean(bool value) override { return put(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return put(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return put(value) != nullptr; }
  bool number_float(number_float_t value, const string_t&) override { return put(value) != nullptr; }
  bool string(string_t& value) override { return put(std::move(value)) != nullptr; }
  bool binary(binary_t&) override { return refuse("binary data is not JSON"); }  // never called for text
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    Level& level = open_.back();
    level.key = std::move(name);
    if (level.value->contains(level.key))
      return refuse(fmt::format("{}: the key stands twice; remove one", path()));
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const std::string_view what = error.what();
    const auto end_of_tag = what.find("] ");
    return refuse(std::string(end_of_tag == std::string_view::npos ? what : what.substr(end_of_tag + 2)));
  }

  const std::string& fault() const { return fault_; }
  json take() { return std::move(root_); }

 private:
  struct Level {
    json* value;      // a container inside root_; stable while it is open, since only the innermost one grows
    std::string key;  // of the member being read, if an object
  };

  bool refuse(std::string why) {
    fault_ = std::move(why);
    return false;
  }

  template <class Value>
  json* put(Value&& value) {
    if (open_.empty()) {
      root_ = std::forward<Value>(value);
      return &root_;
    }
    Level& level = open_.back();
    if (level.value->is_object()) return &((*level.value)[level.key] = std::forward<Value>(value));
    level.value->push_back(std::forward<Value>(value));
    return &level.value->back();
  }

  bool open(json container) {
    if (open_.size() == kMaxJsonDepth) {
      return refuse(fmt::format("{}: nested deeper than {} levels", path(), kMaxJsonDepth));
    }
    open_.push_back({put(std::move(container)), {}});
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string path() const {
    std::string text;
    for (const Level& level : open_) {
      if (level.value->is_array()) {
        text += fmt::format("[{}]", level.value->empty() ? 0 : level.value->size() - 1);
      } else {
        text += (text.empty() ? "" : ".") + level.key;
      }
    }
    return text;
  }

  json root_;
  std::vector<Level> open_;
  std::string fault_;
};

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

}  // namespace

Result<json> parse_strict_json(std::string_view text) {
  Builder builder;
  if (!json::sax_parse(text.begin(), text.end(), &builder))
    return failure(ErrorCode::invalid_input, builder.fault());
  return builder.take();
}

std::string display_name(const std::string& path) { return path == "-" ? "standard input" : path; }

Result<std::string> read_text_file(const std::string& path) {
  const std::string name = display_name(path);
  const auto unreadable = [&](const char* why) {
    return failure(
        ErrorCode::io,
        fmt::format("{}: cannot be read: {}; name an existing file, or - for standard input", name, why));
  };
  std::error_code ignored;
  if (path != "-" && std::filesystem::is_directory(path, ignored)) return unreadable("it is a directory");
  const std::unique_ptr<std::FILE, CloseFile> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (!file) return unreadable(std::strerror(errno));

  std::string text;
  std::vector<char> chunk(1 << 16);
  while (const std::size_t read = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    text.append(chunk.data(), read);
    if (text.size() > static_cast<std::size_t>(kMaxJsonFile.count())) {
      return failure(ErrorCode::invalid_input,
                     fmt::format("{}: larger than {} bytes; plan fewer workers, or leave out pairs of age 0",
                                 name, kMaxJsonFile.count()));
    }
  }
  if (std::ferror(file.get()) != 0) return unreadable(std::strerror(errno));
  return text;
}

}  // namespace selmcast::cli
