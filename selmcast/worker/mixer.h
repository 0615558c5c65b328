// Mixing: how received models are folded into one's own. The seam for other ways (push_sum, staleness
// weights).
//
// Only committed deliveries reach a mixer, each once; own parameters change in finish() alone, so that an
// abandoned round leaves no trace.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"

namespace selmcast::worker {

class Mixer {
 public:
  virtual ~Mixer() = default;
  virtual void begin(std::size_t parameters) = 0;
  virtual void fold(WorkerId sender, std::span<const float> received) = 0;
  virtual void finish(std::span<float> own) = 0;
};

// own <- (own + sum of received) / (1 + number received). Nothing received: own is left bit for bit as it
// was.
class AverageMixer final : public Mixer {
 public:
  void begin(std::size_t parameters) override;
  void fold(WorkerId sender, std::span<const float> received) override;
  void finish(std::span<float> own) override;

 private:
  std::vector<float> sum_;
  int received_ = 0;
};

}  // namespace selmcast::worker
