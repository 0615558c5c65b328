#include "selmcast/worker/mixer.h"

#include <utility>

#include "selmcast/worker/average_mixer.h"
#include "selmcast/worker/push_sum_mixer.h"
#include "selmcast/worker/staleness_mixer.h"

namespace selmcast::worker {

std::size_t MixLayout::size() const {
  std::size_t sum = 0;
  for (const Run& run : runs) sum += run.count;
  return sum;
}

MixLayout layout_of(const wire::ModelManifest& manifest) {
  MixLayout layout;
  for (const wire::TensorInfo& tensor : manifest.tensors) {
    std::size_t count = 1;
    for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
    if (layout.runs.empty() || layout.runs.back().role != tensor.role)
      layout.runs.push_back({tensor.role, 0});
    layout.runs.back().count += count;
  }
  return layout;
}

std::unique_ptr<Mixer> make_mixer(MixingKind kind, MixLayout layout) {
  switch (kind) {
    case MixingKind::push_sum: return std::make_unique<PushSumMixer>(std::move(layout));
    case MixingKind::staleness: return std::make_unique<StalenessMixer>(std::move(layout));
    case MixingKind::average: break;
  }
  return std::make_unique<AverageMixer>(std::move(layout));
}

std::unique_ptr<Mixer> make_mixer(const wire::ModelManifest& manifest) {
  return make_mixer(manifest.mixing, layout_of(manifest));
}

}  // namespace selmcast::worker
