#include "selmcast/worker/worker_core.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "selmcast/base/overloaded.h"
#include "selmcast/worker/limits.h"

namespace selmcast::worker {
namespace {

std::string name_of(TransferId transfer) { return "transfer " + std::to_string(transfer.value()); }

}  // namespace

WorkerCore::WorkerCore(wire::Hello hello, int receive_buffers)
    : hello_(std::move(hello)),
      codec_(hello_.model.payload, wire::payload_tensors(hello_.model)),
      model_bytes_(static_cast<std::int64_t>(codec_.bytes())),
      mixer_(make_mixer(hello_.model)),
      inbox_(receive_buffers) {}

WorkerActions WorkerCore::start(Instant now) {
  if (over_) return {Over{*over_}};  // the manager was lost meanwhile
  started_ = now;
  return {SendToManager{hello_}};
}

WorkerActions WorkerCore::from_manager(const wire::ToWorker& message, Instant now) {
  if (over_) return {};
  const auto broken = [](const Error& error) {
    return with_context("the manager broke its protocol", error);
  };
  Result<WorkerActions> actions = std::visit(
      Overloaded{
          [&](const wire::Welcome& welcome) { return welcomed(welcome); },
          [&](const wire::RoundPlan& plan) { return obey(plan, now); },
          [&](const wire::Commit& commit_order) { return commit(commit_order.transfer, now); },
          [&](const wire::Cancel& order) -> Result<WorkerActions> { return cancel(order.transfer, now); },
          [&](const wire::RoundEnd& end) { return end_round(end, now); },
          [&](const wire::PlanUpdate& update) { return obey(update, now); },
          [&](const wire::MulticastOver& over) { return multicast_over(over, now); },
          [&](const wire::GoOn& order) { return go_on(order, now); },
          [&](const wire::Reroute& order) { return reroute(order.transfer, now); },
          [&](const wire::CaughtUp& order) { return caught_up(order, now); },
          [&](const wire::Probe& probe) { return start_probe(probe); },
          [&](const wire::Alive&) -> Result<WorkerActions> { return WorkerActions{}; },
          [&](const wire::Resumed& resumed) -> Result<WorkerActions> {
            epoch_ = std::max(epoch_, resumed.epoch);
            return WorkerActions{};
          },
          [&](const wire::Reject& reject) -> Result<WorkerActions> {
            return end_session({ErrorCode::rejected, "the manager ended the session: " + reject.reason},
                               false);
          },
      },
      message);
  return actions ? std::move(*actions) : end_session(broken(actions.error()), true);
}

Result<WorkerActions> WorkerCore::welcomed(const wire::Welcome& welcome) {
  if (welcome_) return failure(ErrorCode::protocol, "a second welcome");
  welcome_ = welcome;
  epoch_ = std::max(epoch_, welcome.epoch);
  workers_ = welcome.workers;
  is_guest_ = welcome.catch_up;
  if (is_guest_) mixer_->start_empty();
  WorkerActions actions{Joined{welcome.id, welcome.workers, welcome.catch_up}};
  std::erase_if(in_links_, [&](const auto& entry) {
    const auto& [link, in] = entry;
    if (!in.unchecked_token || *in.unchecked_token == welcome.run_token) return false;
    inbox_.link_lost(link);
    actions.push_back(AbortLink{link});
    return true;
  });
  return actions;
}

WorkerActions WorkerCore::manager_lost(const Error& error) {
  if (over_) return {};
  return end_session(with_context("lost the manager", error), false);
}

WorkerActions WorkerCore::leave(const std::string& why) {
  if (over_) return {};
  return end_session({ErrorCode::cancelled, why}, true);
}

WorkerActions WorkerCore::end_session(Error error, bool say_goodbye) {
  WorkerActions actions;
  if (say_goodbye) actions.push_back(SendToManager{wire::Goodbye{error.message}});
  for (const auto& [link, out] : out_links_) actions.push_back(AbortLink{link});
  for (const auto& [link, in] : in_links_) actions.push_back(AbortLink{link});
  actions.push_back(GroupOrder(StopGroup{}));
  actions.push_back(GroupOrder(LeaveAllGroups{}));
  out_links_.clear();
  in_links_.clear();
  outgoing_.clear();
  inbox_.close();
  parameters_ = {};
  over_ = error;
  actions.push_back(Over{std::move(error)});
  return actions;
}

Result<void> WorkerCore::check_call(const char* what, std::span<float> parameters, bool guest_may) const {
  const auto bad = [&](const std::string& why) { return failure(ErrorCode::invalid_input, what + why); };
  if (!welcome_) return bad(" before the manager's welcome");
  if (is_guest_ && !guest_may)
    return bad(" in a training that ran already when this worker came: call catch_up() first");
  if (!parameters_.empty()) return bad(" while a synchronisation is under way already");
  if (parameters.size() == codec_.values()) return {};
  return bad(" got " + std::to_string(parameters.size()) +
             " parameters, the model announced at the start has " + std::to_string(codec_.values()));
}

Result<WorkerActions> WorkerCore::synchronize(std::span<float> parameters, Instant now) {
  if (over_) return WorkerActions{Over{*over_}};
  if (auto good = check_call("synchronize()", parameters); !good) return std::unexpected(good.error());
  parameters_ = parameters;
  synchronize_since_ = now;
  if (is_online() && !multicast_open_) begin_multicast();
  return WorkerActions{SendToManager{wire::Ready{round_}}};
}

// ---- the manager's orders ----------------------------------------------------------------------------------

// What a plan must not say of whom this worker sends to. Adds its transfers to `transfers`.
std::optional<std::string> WorkerCore::outgoing_fault(std::span<const wire::Outgoing> outgoing,
                                                      std::set<TransferId>& transfers) const {
  std::set<std::pair<WorkerId, std::optional<TransferId>>> receivers;  // of each multicast
  for (const wire::Outgoing& out : outgoing) {
    if (is_guest_ && !out.source) return "makes a worker send that has not caught up";
    if (out.receiver.id == welcome_->id) return "makes this worker its own receiver";
    if (!receivers.emplace(out.receiver.id, out.source).second) return "names a receiver twice";
    if (!transfers.insert(out.transfer).second) return "names a transfer twice";
    if (!(out.rate > Rate())) return "has a rate that is not positive";
    if (!out.sounding) continue;
    if (is_online() || out.source || out.elsewhere || out.apart)
      return "sounds a link where that is not done";
    if (*out.sounding <= Bytes() || *out.sounding > model_bytes_)
      return "sounds a link with more than a model";
  }
  return std::nullopt;
}

Result<void> WorkerCore::check_plan(const wire::RoundPlan& plan) const {
  const auto wrong = [&](const std::string& what) {
    return failure(ErrorCode::protocol, "plan " + std::to_string(plan.version.epoch) + "." +
                                            std::to_string(plan.version.number) + " " + what);
  };
  if (!welcome_) return wrong("came before the welcome");
  if (is_online()) return wrong("is of a training with rounds in common, which this one has not");
  if (plan.version.epoch > epoch_) return wrong("is of another epoch");
  if (plan.version <= last_version_) return wrong("is not newer than the last one");
  if (parameters_.empty() || plan_) return wrong("came while this worker was not ready");
  if (plan.round != round_ && !is_guest_) {
    return wrong("is for round " + std::to_string(plan.round.value()) + ", this worker is in round " +
                 std::to_string(round_.value()));
  }
  std::set<WorkerId> senders;
  std::set<TransferId> transfers;
  if (const auto fault = outgoing_fault(plan.outgoing, transfers)) return wrong(*fault);
  for (const wire::Incoming& in : plan.incoming) {
    if (in.sender == welcome_->id) return wrong("makes this worker its own sender");
    if (!senders.insert(in.sender).second) return wrong("names a sender twice");
    if (!transfers.insert(in.transfer).second) return wrong("names a transfer twice");
    const bool is_part =
        in.sounding && in.bytes > Bytes() && in.bytes < model_bytes_ && !in.group && !in.from;
    if (in.bytes != model_bytes_ && !is_part) return wrong("announces a model of another size");
  }
  for (const wire::Outgoing& out : plan.outgoing) {
    if (out.sounding && (plan.group || plan.relay)) return wrong("sounds a link of a multicast");
    if (out.source &&
        std::ranges::find(plan.incoming, *out.source, &wire::Incoming::transfer) == plan.incoming.end())
      return wrong("makes this worker send on what does not come to it");
  }
  return {};
}

Result<WorkerActions> WorkerCore::obey(const wire::RoundPlan& plan, Instant now) {
  if (auto good = check_plan(plan); !good) return std::unexpected(good.error());
  plan_ = plan;
  round_ = plan.round;  // a guest's
  last_version_ = plan.version;
  predicted_ = plan.predicted;
  start_multicast(plan.outgoing);
  WorkerActions actions;
  answer_offers(inbox_.open(plan, now), actions);
  start_group(plan.group, plan.outgoing, actions);
  for (const wire::Outgoing& planned : plan.outgoing) send_to(planned, plan.version, actions);
  return actions;
}

// What is sent in this round's multicast, and what goes along with it.
void WorkerCore::start_multicast(const std::vector<wire::Outgoing>& multicast) {
  std::vector<TransferId> transfers;
  bool is_read = false;  // the own model
  for (const wire::Outgoing& planned : multicast) {
    if (!planned.source && !planned.sounding) transfers.push_back(planned.transfer);
    is_read = is_read || !planned.source;
  }
  mix_ = mixer_->send(round_, transfers);
  if (codec_.is_plain() || !is_read) return;
  encoded_.resize(codec_.bytes());
  codec_.encode(sent_parameters(), encoded_);
}

void WorkerCore::send_to(const wire::Outgoing& planned, PlanVersion version, WorkerActions& actions) {
  Outgoing& outgoing = outgoing_[planned.transfer] = {planned, version};
  if (planned.elsewhere) return;
  if (const std::optional<LinkId> link = idle_link_to(planned.receiver)) {
    out_links_.at(*link).carries = planned.transfer;
    offer_if_ready(outgoing, actions);
    return;
  }
  const LinkId made(++links_made_);
  out_links_[made] = {planned.receiver, false, planned.transfer};
  actions.push_back(Dial{made, planned.receiver});
}

Result<WorkerActions> WorkerCore::commit(TransferId transfer, Instant now) {
  if (!plan_ && !is_online()) return failure(ErrorCode::protocol, "a commit without a plan");
  const auto model = inbox_.verified(transfer);
  if (!model) return std::unexpected(model.error());
  const WorkerId sender = inbox_.sender_of(transfer);
  mixer_->fold(round_, inbox_.mix_of(transfer), {codec_, *model});
  folded_.insert(transfer);
  report_.mixed_with.push_back(sender);
  WorkerActions actions;
  inbox_.keep(transfer);
  release_if_through(transfer, now, actions);
  return actions;
}

WorkerActions WorkerCore::cancel(TransferId transfer, Instant now) {
  WorkerActions actions;
  if (outgoing_.contains(transfer)) {
    mixer_->take_back(transfer);
    outgoing_.at(transfer).cancelled = true;
    stop_sending(transfer, actions);
    if (const auto source = outgoing_.at(transfer).planned.source) release_if_through(*source, now, actions);
    return actions;
  }
  // Nor can it be sent on any more.
  for (auto& [id, outgoing] : outgoing_) {
    if (outgoing.planned.source == transfer) stop_sending(id, actions);
  }
  if (inbox_.in_group(transfer)) actions.push_back(GroupOrder(LeaveGroup{transfer}));
  // A chunk that is being read goes on into the buffer it was given, which is about to be another transfer's:
  // the link ends first. Its sender ends it too (stop_sending), and dials anew.
  give_up(inbox_.links_under_way(transfer), actions);
  answer_offers(inbox_.release(transfer, now), actions);
  return actions;
}

void WorkerCore::stop_sending(TransferId transfer, WorkerActions& actions) {
  Outgoing& outgoing = outgoing_.at(transfer);
  if (outgoing.state == Sending::grouped) actions.push_back(GroupOrder(DropPeer{transfer}));
  const bool under_way = outgoing.state == Sending::offered || outgoing.state == Sending::grouped ||
                         outgoing.state == Sending::streaming || outgoing.state == Sending::sent;
  outgoing.state = Sending::stopped;
  const std::optional<LinkId> link = link_of(transfer);
  if (!under_way || !link) return;
  // Cut off in the middle of frames: the link cannot be used again.
  actions.push_back(AbortLink{*link});
  out_links_.erase(*link);
}

// A transfer that this worker knows to be neither committed nor cancelled.
std::optional<TransferId> WorkerCore::unsettled() const {
  for (const auto& [transfer, outgoing] : outgoing_) {
    if (relays()) break;  // what was rerouted may have come on its first way, which nobody tells the sender
    if (outgoing.state == Sending::waiting || outgoing.state == Sending::offered) return transfer;
  }
  return inbox_.unsettled();
}

Result<WorkerActions> WorkerCore::end_round(const wire::RoundEnd& end, Instant now) {
  if (!plan_ || end.version != plan_->version || end.round != round_) {
    return failure(ErrorCode::protocol, "it ended a round that this worker is not in");
  }
  if (!std::ranges::equal(end.committed, folded_)) {
    return failure(ErrorCode::protocol, "the deliveries it counts are not those it committed here");
  }
  if (const auto open = unsettled()) {
    return failure(ErrorCode::protocol, "it ended a round of which " + name_of(*open) + " is not settled");
  }
  WorkerActions actions;
  for (auto& [transfer, outgoing] : outgoing_) {
    if (outgoing.state == Sending::stopped) continue;
    // Not cancelled, so committed: the receiver has all of it, even if its acknowledgement is still on its
    // way.
    if (!outgoing.planned.source && !outgoing.planned.sounding)
      report_.sent_to.push_back(outgoing.planned.receiver.id);
    // A stream that still runs would read parameters while finish() writes them.
    const bool unheard = relays() && outgoing.is_open() && outgoing.state != Sending::sent;
    if (outgoing.state == Sending::streaming || unheard) stop_sending(transfer, actions);
  }
  if (relays()) drop_spare_links(actions);
  if (plan_->group) actions.push_back(GroupOrder(StopGroup{}));
  workers_ = end.workers;
  if (is_guest_) {
    end_round_of_others();
    return actions;
  }
  inbox_.close();
  outgoing_.clear();
  plan_.reset();
  mix(parameters_);
  answer_.workers = workers_;
  std::ranges::move(answer(next(round_), now), std::back_inserter(actions));
  round_ = next(round_);
  return actions;
}

// From now on what is folded is for the next time.
void WorkerCore::mix(std::span<const float> sent) {
  mixer_->finish_onto(parameters_, sent);
  answer_ = std::exchange(report_, {});
  std::ranges::sort(answer_.mixed_with);
  std::ranges::sort(answer_.sent_to);
  answer_.own_weight = mixer_->own_weight();
  folded_.clear();
}

WorkerActions WorkerCore::answer(Round next, Instant now) {
  answer_.round = round_;
  answer_.next = next;
  answer_.predicted = predicted_;
  answer_.elapsed = now - synchronize_since_;
  parameters_ = {};
  return {Synchronized{std::exchange(answer_, {})}};
}

// ---- waits -------------------------------------------------------------------------------------------------

WorkerActions WorkerCore::tick(Instant now) {
  WorkerActions actions;
  if (over_) return actions;
  if (!welcome_) {
    if (now < started_ + kWelcomePatience) return actions;
    return end_session(
        {ErrorCode::timeout, "no welcome from the manager within " +
                                 std::to_string(static_cast<int>(kWelcomePatience.in_seconds())) +
                                 " s: are all workers of the training running?"},
        true);
  }
  answer_offers(inbox_.expire(now), actions);
  give_up_who_does_not_acknowledge(now, actions);
  std::vector<LinkId> strangers;
  for (const auto& [link, in] : in_links_) {
    if (!in.sender && now >= in.since + kHelloPatience) strangers.push_back(link);
  }
  for (LinkId link : strangers) {
    in_links_.erase(link);
    actions.push_back(AbortLink{link});
  }
  return actions;
}

Instant WorkerCore::deadline() const {
  if (over_) return Instant::never();
  if (!welcome_) return started_ + kWelcomePatience;
  Instant earliest = inbox_.deadline();
  for (const auto& [transfer, outgoing] : outgoing_) {
    if (outgoing.state == Sending::sent) earliest = std::min(earliest, outgoing.ack_due);
  }
  for (const auto& [link, in] : in_links_) {
    if (!in.sender) earliest = std::min(earliest, in.since + kHelloPatience);
  }
  return earliest;
}

}  // namespace selmcast::worker
