#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "selmcast/train/commands.h"
#include "selmcast/train/model.h"

namespace selmcast::train {

int run_describe(ModelKind kind) {
  const auto model = Model::create(kind, 0);
  if (!model) return report(model.error());
  nlohmann::json facts = {{"model", std::string(to_string(kind))},
                          {"bytes", (*model)->size().count()},
                          {"tensors", nlohmann::json::array()}};
  for (const TensorShape& tensor : (*model)->manifest()) {
    facts["tensors"].push_back({{"name", tensor.name}, {"shape", tensor.shape}});
  }
  fmt::print("{}\n", facts.dump());
  return 0;
}

}  // namespace selmcast::train
