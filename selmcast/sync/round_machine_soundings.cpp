// The part of RoundMachine (round_machine.h) that is about soundings: links that no delivery has crossed of late.
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/sync/round_machine.h"

namespace selmcast::sync {

void RoundMachine::note_crossings(const std::vector<Transfer>& transfers) {
  for (const Transfer& transfer : transfers) {
    crossings_.crossed({transfer.via.value_or(transfer.sender), Direction::up}, round_);
    crossings_.crossed({transfer.receiver, Direction::down}, round_);
  }
}

std::vector<Transfer> RoundMachine::sound(const plan::Problem& problem, const std::vector<PairRate>& rates,
                                          const std::vector<WorkerId>& ids, Instant now) {
  if (!settings_.soundings || !settings_.bursts || problem.multicast != plan::MulticastKind::unicast)
    return {};
  const std::size_t n = ids.size();
  std::vector<bool> silent(2 * n);
  std::vector<plan::Pair> out = out_of_plans(ids, now);
  for (std::size_t k = 0; k < n; ++k) {
    const bool is_guest = guests_.contains(ids[k]);
    const bool up = crossings_.is_silent({ids[k], Direction::up}, round_);
    const bool down = crossings_.is_silent({ids[k], Direction::down}, round_);
    silent[k] = up && !is_guest;
    silent[n + k] = down && !is_guest;
    for (std::size_t other = 0; is_guest && other < n; ++other) {
      const auto guest = WorkerIndex(static_cast<std::uint32_t>(k)),
                 it = WorkerIndex(static_cast<std::uint32_t>(other));
      out.push_back({guest, it});
      out.push_back({it, guest});
    }
  }
  std::vector<Transfer> transfers;
  for (const Sounding& sounding : plan_soundings(problem, rates, estimator_, {ids, round_}, silent, out)) {
    transfers.push_back({TransferId(++transfers_issued_), ids[position(sounding.pair.sender)],
                         ids[position(sounding.pair.receiver)], sounding.bytes, sounding.rate,
                         settings_.paced ? sounding.rate : Rate::unlimited()});
  }
  return transfers;
}

std::optional<std::size_t> RoundMachine::find_sounding(TransferId transfer) const {
  if (!in_flight_ || transfer < in_flight_->first_id) return std::nullopt;
  const std::size_t k = transfer.value() - in_flight_->first_id.value();
  const std::size_t before = in_flight_->transfers.size();
  if (k < before || k - before >= in_flight_->soundings.size() || in_flight_->sounded[k - before])
    return std::nullopt;
  return k - before;
}

Result<Actions> RoundMachine::sounding_delivered(std::size_t index, WorkerId receiver,
                                                 const Delivery& delivery, Instant now) {
  Settled& settled = in_flight_->soundings[index];
  if (settled.transfer.receiver != receiver)
    return failure(ErrorCode::protocol, "reported another worker's delivery");
  if (settled.transfer.bytes != delivery.bytes)
    return failure(ErrorCode::protocol, "reported a delivery of another size");
  settled.committed = true;
  fill_in_times(settled, delivery, now);
  in_flight_->sounded[index] = true;
  return Actions{};
}

Result<Actions> RoundMachine::sounding_failed(std::size_t index, WorkerId worker, const std::string& why) {
  Settled& settled = in_flight_->soundings[index];
  if (settled.transfer.sender != worker && settled.transfer.receiver != worker)
    return failure(ErrorCode::protocol, "reported the failure of a transfer between others");
  settled.why = why;
  in_flight_->sounded[index] = true;
  return Actions{TransferCancelled{settled.transfer, why}};
}

// Those of one worker, or all that are open.
void RoundMachine::cancel_soundings(std::optional<WorkerId> of, const std::string& why, Actions& actions) {
  for (std::size_t k = 0; k < in_flight_->soundings.size(); ++k) {
    Settled& settled = in_flight_->soundings[k];
    const Transfer& transfer = settled.transfer;
    if (in_flight_->sounded[k] || (of && transfer.sender != of && transfer.receiver != of)) continue;
    settled.why = why;
    in_flight_->sounded[k] = true;
    actions.push_back(TransferCancelled{transfer, why});
  }
}

}  // namespace selmcast::sync
