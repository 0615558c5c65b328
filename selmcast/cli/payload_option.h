// The option --payload of several commands: a format by any of its names, kept by its full one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "selmcast/payload/format.h"

namespace selmcast::cli {

inline CLI::Validator full_payload_name() {
  return {[](std::string& name) {
            const auto format = payload::parse_format(name);
            if (!format) return format.error().message;
            name = to_string(*format);
            return std::string();
          },
          "FORMAT"};
}

// Keeps what `value` is, unless it is given.
inline CLI::Option* add_payload_option(CLI::App& command, std::string& value, const std::string& more = "") {
  return command
      .add_option("--payload", value,
                  "How parameters travel: float32, float16, bfloat16 (bf16) or int8" + more)
      ->transform(full_payload_name());
}

}  // namespace selmcast::cli
