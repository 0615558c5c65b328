#include "selmcast/worker/mixer.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::worker {

void AverageMixer::begin(std::size_t parameters) {
  sum_.assign(parameters, 0.0F);
  received_ = 0;
}

void AverageMixer::fold(WorkerId /*sender*/, std::span<const float> received) {
  SELMCAST_CHECK(received.size() == sum_.size(), "only whole models are mixed");
  for (std::size_t k = 0; k < sum_.size(); ++k) sum_[k] += received[k];
  ++received_;
}

void AverageMixer::finish(std::span<float> own) {
  SELMCAST_CHECK(own.size() == sum_.size(), "the model keeps its size");
  if (received_ == 0) return;
  const float weight = 1.0F / static_cast<float>(1 + received_);
  for (std::size_t k = 0; k < own.size(); ++k) own[k] = (own[k] + sum_[k]) * weight;
}

}  // namespace selmcast::worker
