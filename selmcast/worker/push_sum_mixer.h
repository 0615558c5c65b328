// Mixing of kind `push_sum`: averaging that uneven, directed communication does not bias.
//
// Each worker holds a mass, at first one unit. A multicast to d receivers gives each of them 1 / (d + 1) of it and
// sends the parameters as they are, the same payload for all; the mass stands in the offer (MixHeader). A receiver
// weighs each model by the mass that came with it, its own by the mass that it kept. A share that is not delivered is
// the sender's again. So sum over workers of mass * parameters changes by nothing but training (Kempe, Dobra, Gehrke,
// "Gossip-based computation of aggregate information", FOCS 2003; Assran et al., "Stochastic gradient push", ICML
// 2019; where they scale what is sent, we send it unscaled with its weight, which is the same and needs no second
// payload). The account is exact: mass_book.h.
//
// Where the parameters change between send() and finish_onto() (overlap), a share that returns before finish counts
// with y, as it was sent. Thread rule: one owner.
#pragma once

#include "selmcast/worker/mass_book.h"
#include "selmcast/worker/mix_sum.h"
#include "selmcast/worker/mixer.h"

namespace selmcast::worker {

class PushSumMixer final : public Mixer {
 public:
  explicit PushSumMixer(MixLayout layout) : sum_(std::move(layout)) {}

  MixHeader send(Round round, std::span<const TransferId> transfers) override {
    return {round, book_.split(transfers)};
  }
  void take_back(TransferId transfer) override { book_.take_back(transfer); }
  void start_empty() override {
    book_.start_empty();
    sum_.start_alone();
  }
  void fold(Round, const MixHeader& from, const ModelValues& received) override {
    book_.receive(from.weight);
    sum_.add(in_units(from.weight), received);
  }
  void finish_onto(std::span<float> x, std::span<const float> y) override {
    const float own = in_units(book_.held());
    book_.finish();
    sum_.finish({own, in_units(book_.held())}, x, y);
  }
  double own_weight() const override {
    return static_cast<double>(book_.held()) / static_cast<double>(kMassUnit);
  }
  const MassBook& book() const { return book_; }

 private:
  static float in_units(std::uint64_t mass) {
    return static_cast<float>(static_cast<double>(mass) / static_cast<double>(kMassUnit));
  }

  MixSum sum_;
  MassBook book_;
};

}  // namespace selmcast::worker
