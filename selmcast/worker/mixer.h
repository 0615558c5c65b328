// Mixing: how received models are folded into one's own, in trainings with and without rounds in common.
//
// Use. One mixer a session. Each round of its worker: send() when the own multicast's transfers are known, fold() for
// each committed delivery at any moment between two finish() calls, also while the owner computes, take_back() for
// each own transfer that came to nothing, finish() when the worker goes on. Own parameters are written in finish()
// alone, so that an abandoned round leaves no trace in them.
//
// Notation. x own parameters at finish(); y own parameters as they were sent in this round (`state_before`); r_k the
// received ones with weights w_k > 0; w the own weight. Then
//     mixed = (w y + sum of w_k r_k) / (w + sum of w_k),        x <- x + (mixed - y).
// Nothing received: x is left bit for bit as it was.
//
// Why y is what was *sent*, and not what the worker had when it last went on. Local progress g since then is in the
// model that was sent: the receivers count it with their weights, so the sender may keep only its own share of it.
// Were it kept whole (state_before = the state at the last finish()), all that was learnt would be counted about twice
// a round, once at home and once abroad: with p receivers each mixing p models, 1 + p / (p + 1) times. With y = sent,
// average-preserving weights preserve the average of all models exactly, and only progress made *after* sending
// (x - y) is kept whole, because nobody else has it yet. In blocking trainings (BSP, SSP, ASP) nobody writes to the
// parameters between the two, x = y, and finish() is plain averaging: no copy is needed. Models that arrive while the
// worker computes wait in the sum for the coming finish(). With overlap x != y, and the snapshot that the multicast
// reads from is y.
//
// Memory: one copy of the model (the weighted sum), whatever the number of workers and arrivals; overlap adds its
// snapshot. Received models are decoded a piece at a time and not kept: the caller may reuse their buffers when fold()
// returns.
//
// Tensors by role (wire/control.h): parameters and float buffers as above; counters become the greatest of the own and
// all received values; frozen tensors are neither read nor written.
//
// Kinds: average (average_mixer.h), push_sum (push_sum_mixer.h), staleness (staleness_mixer.h). All workers of a
// training use one kind: the manager turns others away. Pure, no clock. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/payload/model_codec.h"
#include "selmcast/wire/control.h"
#include "selmcast/wire/frame.h"

namespace selmcast::worker {

using payload::ModelValues;
using wire::MixHeader;
using wire::MixingKind;

class Mixer {
 public:
  virtual ~Mixer() = default;
  // The own multicast of `round` starts with these transfers: what each of them carries along. At most once between
  // two finish() calls.
  virtual MixHeader send(Round round, std::span<const TransferId> transfers) = 0;
  // A transfer of the own multicast was dropped or failed. Others than that are ignored.
  virtual void take_back(TransferId transfer) = 0;
  // A committed delivery, whole and verified; `own` is the round that this worker computes or sends.
  virtual void fold(Round own, const MixHeader& from, const ModelValues& received) = 0;
  // x += mixed - y. Requires that every transfer of the own multicast is settled: what was not taken back is given.
  virtual void finish_onto(std::span<float> x, std::span<const float> y) = 0;
  // A worker that comes to a running training: the own parameters are worth nothing until others' have come. The next
  // finish that follows a fold writes just the mixture of what was received, frozen tensors too, whatever x was; then
  // as ever. push_sum: it holds no mass but what comes with the models.
  virtual void start_empty() = 0;
  // x = y: parameters that nobody wrote to since send().
  void finish(std::span<float> own) { finish_onto(own, own); }
  // Of the own model in the coming mixture, as a share of what each worker starts with. 1 but for push_sum.
  virtual double own_weight() const { return 1; }
};

// Which parameter of the flat model plays which role: runs of equal roles, in order.
struct MixLayout {
  struct Run {
    wire::TensorRole role = wire::TensorRole::parameter;
    std::size_t count = 0;
  };
  std::vector<Run> runs;
  std::size_t size() const;
};
MixLayout layout_of(const wire::ModelManifest& manifest);

std::unique_ptr<Mixer> make_mixer(MixingKind kind, MixLayout layout);
// As the manifest says.
std::unique_ptr<Mixer> make_mixer(const wire::ModelManifest& manifest);

}  // namespace selmcast::worker
