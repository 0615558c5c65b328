// The part of WorkerCore (worker_core.h) that sends on what comes from others.
#include <algorithm>
#include <string>
#include <utility>

#include "selmcast/plan/relay_trees.h"
#include "selmcast/worker/worker_core.h"

namespace selmcast::worker {

// From now on the sender itself delivers it.
Result<WorkerActions> WorkerCore::reroute(TransferId transfer, Instant now) {
  WorkerActions actions;
  if (!relays()) return failure(ErrorCode::protocol, "a new way without a plan of relays");
  if (const auto found = outgoing_.find(transfer); found != outgoing_.end()) {
    const std::optional<TransferId> source = found->second.planned.source;
    if (source) {  // this worker sent it on
      stop_sending(transfer, actions);
      release_if_through(*source, now, actions);
    } else if (std::exchange(found->second.planned.elsewhere, false)) {
      const wire::Outgoing planned = found->second.planned;
      send_to(planned, plan_->version, actions);
    }
    return actions;
  }
  // A chunk that is being read would go on into its place: the link ends first.
  give_up(inbox_.reroute(transfer), actions);
  answer_offers(inbox_.consider_early(), actions);
  return actions;
}

bool WorkerCore::is_sent_on(TransferId source) const {
  return std::ranges::any_of(outgoing_, [&](const auto& entry) {
    const Outgoing& outgoing = entry.second;
    return outgoing.planned.source == source && outgoing.is_open() && outgoing.state != Sending::sent;
  });
}

// Its buffer is needed no more: it is mixed, and sent to all.
void WorkerCore::release_if_through(TransferId source, Instant now, WorkerActions& actions) {
  if (inbox_.is_kept(source) && !is_sent_on(source)) answer_offers(inbox_.release(source, now), actions);
}

void WorkerCore::extend_streams(TransferId source, WorkerActions& actions) const {
  const auto arriving = inbox_.arriving(source);
  for (const auto& [transfer, outgoing] : outgoing_) {
    if (!arriving || outgoing.planned.source != source || outgoing.state != Sending::streaming) continue;
    if (const auto link = link_of(transfer))
      actions.push_back(ExtendStream{*link, transfer, arriving->received});
  }
}

StartStream WorkerCore::start_stream(LinkId link, const Outgoing& outgoing, std::uint32_t first) const {
  const wire::Outgoing& planned = outgoing.planned;
  StartStream stream{link, planned.transfer, payload(), planned.rate};
  stream.steps = planned.steps;
  if (planned.sounding)
    stream.payload = stream.payload.first(static_cast<std::size_t>(planned.sounding->count()));
  if (!relays()) return stream;
  stream.cut = {plan::relay_chunk(model_bytes_), first, model_bytes_};
  if (const auto arriving = planned.source ? inbox_.arriving(*planned.source) : std::nullopt) {
    stream.payload = arriving->place;
    stream.cut->available = arriving->received;
  }
  return stream;
}

// What a grant may begin with is less than this.
std::uint32_t WorkerCore::chunk_count() const {
  if (!relays()) return 1;
  const std::int64_t chunk = plan::relay_chunk(model_bytes_).count();
  return static_cast<std::uint32_t>(std::max<std::int64_t>(1, (model_bytes_.count() + chunk - 1) / chunk));
}

// One to each receiver is enough to begin the next round with.
void WorkerCore::drop_spare_links(WorkerActions& actions) {
  std::set<WorkerId> reached;
  std::erase_if(out_links_, [&](const auto& entry) {
    if (reached.insert(entry.second.peer.id).second) return false;
    actions.push_back(AbortLink{entry.first});
    return true;
  });
}

}  // namespace selmcast::worker
