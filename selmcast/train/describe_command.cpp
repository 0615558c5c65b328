#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "selmcast/payload/format.h"
#include "selmcast/train/commands.h"
#include "selmcast/train/model.h"

namespace selmcast::train {

int run_describe(ModelKind kind, payload::Format payload) {
  const auto model = Model::create(kind, 0);
  if (!model) return report(model.error());
  std::size_t payload_bytes = 0;
  for (const TensorShape& tensor : (*model)->manifest()) {
    std::size_t values = 1;
    for (const std::int64_t extent : tensor.shape) values *= static_cast<std::size_t>(extent);
    payload_bytes += payload::encoded_bytes(payload, values);
  }
  nlohmann::json facts = {{"model", std::string(to_string(kind))},
                          {"bytes", (*model)->size().count()},
                          {"payload", std::string(to_string(payload))},
                          {"payload_bytes", payload_bytes},
                          {"tensors", nlohmann::json::array()}};
  for (const TensorShape& tensor : (*model)->manifest()) {
    facts["tensors"].push_back({{"name", tensor.name}, {"shape", tensor.shape}});
  }
  fmt::print("{}\n", facts.dump());
  return 0;
}

}  // namespace selmcast::train
