// Messages to bytes; the other way, with all checks: control_codec.cpp.
#include "selmcast/base/overloaded.h"
#include "selmcast/wire/control.pb.h"
#include "selmcast/wire/control_codec.h"
#include "selmcast/wire/control_text.h"

namespace selmcast::wire {
namespace {

void encode_into(pb::Hello& out, const Hello& hello) {
  out.set_protocol_version(hello.protocol_version);
  out.set_name(hello.name);
  out.set_data_host(hello.data_host);
  out.set_data_port(hello.data_port);
  out.set_declared_uplink_bps(hello.declared_uplink.bps());
  out.set_declared_downlink_bps(hello.declared_downlink.bps());
  out.set_receive_buffers(hello.receive_buffers);
  if (hello.model.mixing != MixingKind::average) out.set_mixing(std::string(to_string(hello.model.mixing)));
  if (hello.model.payload != payload::Format::float32)
    out.set_payload(std::string(to_string(hello.model.payload)));
  for (const TensorInfo& tensor : hello.model.tensors) {
    pb::TensorInfo& info = *out.add_tensors();
    info.set_name(tensor.name);
    info.mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
    if (tensor.role != TensorRole::parameter) info.set_role(std::string(to_string(tensor.role)));
  }
}

double pacing_bps(Rate rate) { return rate.is_unlimited() ? 0 : rate.bps(); }

void encode_into(pb::MulticastGroup& out, const MulticastGroup& group) {
  out.set_address(group.address);
  out.set_port(group.port);
  out.set_stream(group.stream);
  out.set_segment_bytes(group.segment_bytes);
}

template <class Message, class Plan>
void encode_plan(Message& out, const Plan& plan) {
  out.set_epoch(plan.version.epoch);
  out.set_number(plan.version.number);
  out.set_round(plan.round.value());
  out.set_predicted_seconds(plan.predicted.in_seconds());
  if (plan.group) encode_into(*out.mutable_group(), *plan.group);
  for (const Outgoing& outgoing : plan.outgoing) {
    pb::Outgoing& o = *out.add_outgoing();
    o.set_transfer(outgoing.transfer.value());
    o.set_receiver(outgoing.receiver.id.value());
    o.set_host(outgoing.receiver.host);
    o.set_port(outgoing.receiver.port);
    o.set_rate_bps(pacing_bps(outgoing.rate));
    if (outgoing.planned) o.set_planned_bps(pacing_bps(*outgoing.planned));
    if (outgoing.source) o.set_source(outgoing.source->value());
    o.set_elsewhere(outgoing.elsewhere);
    o.set_apart(outgoing.apart);
    if (outgoing.sounding) o.set_sounding_bytes(static_cast<std::uint64_t>(outgoing.sounding->count()));
    for (const PaceStep& step : outgoing.steps) {
      pb::PaceStep& s = *o.add_steps();
      s.set_after_seconds(step.after.in_seconds());
      s.set_rate_bps(step.rate.bps());
    }
  }
  for (const Incoming& incoming : plan.incoming) {
    pb::Incoming& i = *out.add_incoming();
    i.set_transfer(incoming.transfer.value());
    i.set_sender(incoming.sender.value());
    i.set_bytes(static_cast<std::uint64_t>(incoming.bytes.count()));
    if (incoming.from) i.set_from(incoming.from->value());
    if (incoming.group) encode_into(*i.mutable_group(), *incoming.group);
    i.set_sounding(incoming.sounding);
  }
}

void encode_into(pb::PlanUpdate& out, const PlanUpdate& update) {
  encode_plan(out, update);
  for (const NewRate& change : update.rates) {
    pb::NewRate& r = *out.add_rates();
    r.set_transfer(change.transfer.value());
    r.set_rate_bps(pacing_bps(change.rate));
  }
}

void encode_into(pb::MulticastOver& out, const MulticastOver& over) {
  out.set_round(over.round.value());
  for (TransferId transfer : over.committed) out.add_committed(transfer.value());
}

}  // namespace

pb::FromWorker encode(const FromWorker& message) {
  pb::FromWorker out;
  std::visit(
      Overloaded{
          [&](const Hello& hello) { encode_into(*out.mutable_hello(), hello); },
          [&](const Ready& ready) { out.mutable_ready()->set_round(ready.round.value()); },
          [&](const Delivered& delivered) {
            pb::Delivered& d = *out.mutable_delivered();
            d.set_transfer(delivered.transfer.value());
            d.set_bytes(static_cast<std::uint64_t>(delivered.bytes.count()));
            d.set_started_seconds(delivered.started.in_seconds());
            d.set_finished_seconds(delivered.finished.in_seconds());
            for (const Duration mark : delivered.progress) d.add_progress_seconds(mark.in_seconds());
            d.set_ack_load(delivered.ack_load);
          },
          [&](const TransferFailed& failed) {
            out.mutable_transfer_failed()->set_transfer(failed.transfer.value());
            out.mutable_transfer_failed()->set_reason(reason_text(failed.reason));
            if (failed.peer) out.mutable_transfer_failed()->set_peer(failed.peer->value());
          },
          [&](const Heartbeat&) { out.mutable_heartbeat(); },
          [&](const Slow& slow) {
            out.mutable_slow()->set_transfer(slow.transfer.value());
            out.mutable_slow()->set_goodput_bps(slow.goodput.bps());
            out.mutable_slow()->set_alone(slow.alone);
          },
          [&](const CatchUp&) { out.mutable_catch_up(); },
          [&](const Probed& probed) {
            pb::Probed& p = *out.mutable_probed();
            p.set_number(probed.number);
            for (const WorkerId worker : probed.heard) p.add_heard(worker.value());
            for (const WorkerId worker : probed.flooded) p.add_flooded(worker.value());
            p.set_sees_floods(probed.sees_floods);
            p.set_fault(reason_text(probed.fault));
          },
          [&](const Goodbye& goodbye) { out.mutable_goodbye()->set_reason(reason_text(goodbye.reason)); },
          [&](const Resume& resume) {
            pb::Resume& r = *out.mutable_resume();
            r.set_protocol_version(resume.protocol_version);
            r.set_name(resume.name);
            r.set_run_token(resume.run_token);
            r.set_epoch(resume.epoch);
          },
      },
      message);
  return out;
}

pb::ToWorker encode(const ToWorker& message) {
  pb::ToWorker out;
  std::visit(Overloaded{
                 [&](const Welcome& welcome) {
                   pb::Welcome& w = *out.mutable_welcome();
                   w.set_id(welcome.id.value());
                   w.set_epoch(welcome.epoch);
                   w.set_run_token(welcome.run_token);
                   w.set_workers(welcome.workers);
                   w.set_heartbeat_interval_seconds(welcome.heartbeat_interval.in_seconds());
                   w.set_manager_timeout_seconds(welcome.manager_timeout.in_seconds());
                   w.set_online(welcome.online);
                   w.set_overlap(welcome.overlap);
                   w.set_manager_patience_seconds(welcome.manager_patience.in_seconds());
                   w.set_catch_up(welcome.catch_up);
                 },
                 [&](const RoundPlan& plan) {
                   encode_plan(*out.mutable_round_plan(), plan);
                   out.mutable_round_plan()->set_relay(plan.relay);
                 },
                 [&](const Reroute& reroute) {
                   out.mutable_reroute()->set_transfer(reroute.transfer.value());
                   out.mutable_reroute()->set_reason(reason_text(reroute.reason));
                 },
                 [&](const Commit& commit) { out.mutable_commit()->set_transfer(commit.transfer.value()); },
                 [&](const Cancel& cancel) {
                   out.mutable_cancel()->set_transfer(cancel.transfer.value());
                   out.mutable_cancel()->set_reason(reason_text(cancel.reason));
                 },
                 [&](const RoundEnd& end) {
                   pb::RoundEnd& e = *out.mutable_round_end();
                   e.set_epoch(end.version.epoch);
                   e.set_number(end.version.number);
                   e.set_round(end.round.value());
                   for (TransferId transfer : end.committed) e.add_committed(transfer.value());
                   e.set_workers(end.workers);
                 },
                 [&](const PlanUpdate& update) { encode_into(*out.mutable_plan_update(), update); },
                 [&](const MulticastOver& over) { encode_into(*out.mutable_multicast_over(), over); },
                 [&](const GoOn& order) {
                   out.mutable_go_on()->set_round(order.round.value());
                   out.mutable_go_on()->set_workers(order.workers);
                 },
                 [&](const CaughtUp& order) {
                   out.mutable_caught_up()->set_round(order.round.value());
                   out.mutable_caught_up()->set_workers(order.workers);
                 },
                 [&](const Probe& probe) {
                   pb::Probe& p = *out.mutable_probe();
                   p.set_number(probe.number);
                   encode_into(*p.mutable_joined(), probe.joined);
                   encode_into(*p.mutable_other(), probe.other);
                 },
                 [&](const Alive&) { out.mutable_alive(); },
                 [&](const Resumed& resumed) { out.mutable_resumed()->set_epoch(resumed.epoch); },
                 [&](const Reject& reject) { out.mutable_reject()->set_reason(reason_text(reject.reason)); },
             },
             message);
  return out;
}

}  // namespace selmcast::wire
