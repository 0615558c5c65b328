// Messages from bytes: everything that came from a peer is checked here. The other way: control_encode.cpp.
#include "selmcast/wire/control_codec.h"

#include <algorithm>
#include <limits>

#include "selmcast/wire/control.pb.h"
#include "selmcast/wire/control_numbers.h"
#include "selmcast/wire/control_text.h"

namespace selmcast::wire {
namespace {

// Left as it is where no name is given; false if there is none of that name.
template <class T, class Parse>
bool take(const std::string& name, Parse parse, T& into) {
  const Result<T> parsed = name.empty() ? Result<T>(into) : parse(name);
  if (parsed) into = *parsed;
  return parsed.has_value();
}

Result<Hello> decode_hello_message(const pb::Hello& in) {
  SELMCAST_TRY(name, text("hello.name", in.name(), kNameBytesMax));
  if (name.empty()) return bad("hello.name", "is empty");
  SELMCAST_TRY(host, text("hello.data_host", in.data_host(), kNameBytesMax));
  Hello hello;
  hello.protocol_version = in.protocol_version();
  hello.name = name;
  hello.data_host = host;
  if (in.protocol_version() != kControlProtocolVersion) return hello;  // the rest may mean something else
  if (host.empty()) return bad("hello.data_host", "is empty");
  SELMCAST_TRY(port, port_number("hello.data_port", in.data_port()));
  SELMCAST_TRY(uplink, usable_rate("hello.declared_uplink_bps", in.declared_uplink_bps()));
  SELMCAST_TRY(downlink, usable_rate("hello.declared_downlink_bps", in.declared_downlink_bps()));
  hello.data_port = port;
  hello.declared_uplink = uplink;
  hello.declared_downlink = downlink;
  if (in.receive_buffers() == 0) return bad("hello.receive_buffers", "is 0");
  hello.receive_buffers = in.receive_buffers();
  if (in.tensors_size() > kTensorsMax) return bad("hello.tensors", "has too many entries");
  double elements_total = 0;
  for (const pb::TensorInfo& tensor : in.tensors()) {
    SELMCAST_TRY(tensor_name, text("hello.tensors.name", tensor.name(), kNameBytesMax));
    double elements = 1;
    for (std::int64_t extent : tensor.shape()) {
      if (extent < 0) return bad("hello.tensors.shape", "of '" + tensor_name + "' is negative");
      elements *= static_cast<double>(extent);
      // At every step: a later extent of 0 would hide that the product has no int64.
      if (elements > kElementsMax) return bad("hello.tensors", "is too large a model");
    }
    elements_total += elements;
    if (elements_total > kElementsMax) return bad("hello.tensors", "is too large a model");
    TensorInfo info{tensor_name, {tensor.shape().begin(), tensor.shape().end()}};
    if (!take(tensor.role(), parse_role, info.role))
      return bad("hello.tensors.role", "of '" + tensor_name + "' is none of ours");
    hello.model.tensors.push_back(std::move(info));
  }
  if (elements_total == 0) return bad("hello.tensors", "is a model without parameters");
  if (!take(in.mixing(), parse_mixing, hello.model.mixing)) return bad("hello.mixing", "is none of ours");
  if (!take(in.payload(), payload::parse_format, hello.model.payload))
    return bad("hello.payload", "is none of ours");
  return hello;
}

Result<Resume> decode_resume(const pb::Resume& in) {
  SELMCAST_TRY(name, text("resume.name", in.name(), kNameBytesMax));
  return Resume{in.protocol_version(), name, in.run_token(), in.epoch()};
}

Result<Delivered> decode_delivered(const pb::Delivered& in) {
  SELMCAST_TRY(bytes, size("delivered.bytes", in.bytes()));
  SELMCAST_TRY(started, duration("delivered.started_seconds", in.started_seconds()));
  SELMCAST_TRY(finished, duration("delivered.finished_seconds", in.finished_seconds()));
  if (finished < started) return bad("delivered.finished_seconds", "is before started_seconds");
  Delivered delivered{TransferId(in.transfer()), bytes, started, finished};
  if (const int marks = in.progress_seconds_size(); marks != 0 && marks != kProgressParts - 1)
    return bad("delivered.progress_seconds",
               "must be " + std::to_string(kProgressParts - 1) + " numbers or none");
  for (const double seconds : in.progress_seconds()) {
    SELMCAST_TRY(mark, duration("delivered.progress_seconds", seconds));
    const Duration before = delivered.progress.empty() ? started : delivered.progress.back();
    if (mark < before || mark > finished)
      return bad("delivered.progress_seconds", "must ascend from started_seconds to finished_seconds");
    delivered.progress.push_back(mark);
  }
  if (!(in.ack_load() >= 0 && in.ack_load() <= kAckLoadMost))
    return bad("delivered.ack_load", "must be from 0 to 0.1");
  delivered.ack_load = in.ack_load();
  return delivered;
}

Result<Welcome> decode_welcome(const pb::Welcome& in) {
  SELMCAST_TRY(heartbeat, duration("welcome.heartbeat_interval_seconds", in.heartbeat_interval_seconds()));
  SELMCAST_TRY(timeout, duration("welcome.manager_timeout_seconds", in.manager_timeout_seconds()));
  if (heartbeat < Duration::milliseconds(1) || timeout < heartbeat) {
    return bad("welcome.heartbeat_interval_seconds", "is below 1 ms or above manager_timeout_seconds");
  }
  SELMCAST_TRY(patience, duration("welcome.manager_patience_seconds", in.manager_patience_seconds()));
  return Welcome{WorkerId(in.id()), in.epoch(),  in.run_token(), in.workers(), heartbeat,
                 timeout,           in.online(), in.overlap(),   patience,     in.catch_up()};
}

Result<std::optional<MulticastGroup>> group(const std::string& field, bool present,
                                            const pb::MulticastGroup& in) {
  if (!present) return std::nullopt;
  if (in.address() >> 28 != 0xe) return bad(field + ".address", "is no group of IP multicast");
  SELMCAST_TRY(port, port_number(field + ".port", in.port()));
  if (in.segment_bytes() < 16 || in.segment_bytes() > 65'000)
    return bad(field + ".segment_bytes", "is not within 16 to 65,000");
  return MulticastGroup{in.address(), port, in.stream(), in.segment_bytes()};
}

Result<Probe> decode_probe(const pb::Probe& in) {
  SELMCAST_TRY(joined, group("probe.joined", in.has_joined(), in.joined()));
  SELMCAST_TRY(other, group("probe.other", in.has_other(), in.other()));
  if (!joined || !other) return bad("probe", "lacks a group");
  return Probe{in.number(), *joined, *other};
}

Result<std::vector<WorkerId>> workers(const std::string& field,
                                      const google::protobuf::RepeatedField<std::uint32_t>& in) {
  std::vector<WorkerId> all;
  for (const std::uint32_t worker : in) {
    if (!all.empty() && worker <= all.back().value()) return bad(field, "is not ascending");
    all.push_back(WorkerId(worker));
  }
  return all;
}

Result<Probed> decode_probed(const pb::Probed& in) {
  SELMCAST_TRY(heard, workers("probed.heard", in.heard()));
  SELMCAST_TRY(flooded, workers("probed.flooded", in.flooded()));
  return Probed{in.number(), heard, flooded, in.sees_floods(), reason_text(in.fault())};
}

Result<PaceSteps> pace_steps(const std::string& field,
                             const google::protobuf::RepeatedPtrField<pb::PaceStep>& in) {
  if (in.size() > static_cast<int>(kPaceStepsMost))
    return bad(field, "has more than " + std::to_string(kPaceStepsMost) + " steps");
  PaceSteps steps;
  for (const pb::PaceStep& step : in) {
    SELMCAST_TRY(after, duration(field + ".after_seconds", step.after_seconds()));
    SELMCAST_TRY(rate, usable_rate(field + ".rate_bps", step.rate_bps()));
    if (steps.empty() ? after != Duration() : after <= steps.back().after)
      return bad(field + ".after_seconds", "does not ascend from 0");
    steps.push_back({after, rate});
  }
  return steps;
}

// What a RoundPlan and a PlanUpdate have in common; `name` is the field's.
template <class Plan, class Message>
Result<Plan> decode_plan(const std::string& name, const Message& in) {
  Plan plan;
  plan.version = {in.epoch(), in.number()};
  plan.round = Round(in.round());
  SELMCAST_TRY(predicted, duration(name + ".predicted_seconds", in.predicted_seconds()));
  plan.predicted = predicted;
  for (const pb::Outgoing& out : in.outgoing()) {
    SELMCAST_TRY(host, text(name + ".outgoing.host", out.host(), kNameBytesMax));
    SELMCAST_TRY(port, port_number(name + ".outgoing.port", out.port()));
    SELMCAST_TRY(rate, pacing(name + ".outgoing.rate_bps", out.rate_bps()));
    SELMCAST_TRY(planned, pacing(name + ".outgoing.planned_bps", out.planned_bps()));
    SELMCAST_TRY(steps, pace_steps(name + ".outgoing.steps", out.steps()));
    plan.outgoing.push_back({TransferId(out.transfer()), {WorkerId(out.receiver()), host, port}, rate});
    Outgoing& made = plan.outgoing.back();
    made.elsewhere = out.elsewhere();
    made.apart = out.apart();
    made.steps = std::move(steps);
    if (out.has_source()) made.source = TransferId(out.source());
    if (!planned.is_unlimited()) made.planned = planned;
    SELMCAST_TRY(sounding, size(name + ".outgoing.sounding_bytes", out.sounding_bytes()));
    if (sounding > Bytes()) made.sounding = sounding;
  }
  for (const pb::Incoming& incoming : in.incoming()) {
    SELMCAST_TRY(bytes, size(name + ".incoming.bytes", incoming.bytes()));
    SELMCAST_TRY(from_group, group(name + ".incoming.group", incoming.has_group(), incoming.group()));
    plan.incoming.push_back({TransferId(incoming.transfer()),
                             WorkerId(incoming.sender()),
                             bytes,
                             {},
                             from_group,
                             incoming.sounding()});
    if (incoming.has_from()) plan.incoming.back().from = WorkerId(incoming.from());
  }
  SELMCAST_TRY(to_group, group(name + ".group", in.has_group(), in.group()));
  plan.group = to_group;
  return plan;
}

Result<RoundPlan> decode_round_plan(const pb::RoundPlan& in) {
  SELMCAST_TRY(plan, decode_plan<RoundPlan>("round_plan", in));
  plan.relay = in.relay();
  return plan;
}

Result<PlanUpdate> decode_plan_update(const pb::PlanUpdate& in) {
  SELMCAST_TRY(update, decode_plan<PlanUpdate>("plan_update", in));
  for (const pb::NewRate& change : in.rates()) {
    SELMCAST_TRY(rate, pacing("plan_update.rates.rate_bps", change.rate_bps()));
    update.rates.push_back({TransferId(change.transfer()), rate});
  }
  return update;
}

MulticastOver decode_multicast_over(const pb::MulticastOver& in) {
  MulticastOver over{Round(in.round()), {}};
  for (std::uint64_t transfer : in.committed()) over.committed.push_back(TransferId(transfer));
  return over;
}

RoundEnd decode_round_end(const pb::RoundEnd& in) {
  RoundEnd end{{in.epoch(), in.number()}, Round(in.round()), {}, in.workers()};
  for (std::uint64_t transfer : in.committed()) end.committed.push_back(TransferId(transfer));
  return end;
}

}  // namespace

Result<FromWorker> decode(const pb::FromWorker& message) {
  switch (message.kind_case()) {
    case pb::FromWorker::kHello: return decode_hello_message(message.hello());
    case pb::FromWorker::kReady: return Ready{Round(message.ready().round())};
    case pb::FromWorker::kDelivered: return decode_delivered(message.delivered());
    case pb::FromWorker::kTransferFailed: {
      const auto& failed = message.transfer_failed();
      TransferFailed decoded{TransferId(failed.transfer()), reason_text(failed.reason())};
      if (failed.has_peer()) decoded.peer = WorkerId(failed.peer());
      return decoded;
    }
    case pb::FromWorker::kHeartbeat: return Heartbeat{};
    case pb::FromWorker::kSlow: {
      SELMCAST_TRY(goodput, usable_rate("slow.goodput_bps", message.slow().goodput_bps()));
      return Slow{TransferId(message.slow().transfer()), goodput, message.slow().alone()};
    }
    case pb::FromWorker::kCatchUp: return CatchUp{};
    case pb::FromWorker::kGoodbye: return Goodbye{reason_text(message.goodbye().reason())};
    case pb::FromWorker::kProbed: return decode_probed(message.probed());
    case pb::FromWorker::kResume: return decode_resume(message.resume());
    case pb::FromWorker::KIND_NOT_SET: break;
  }
  return bad("kind", "is not set, or of a newer version");
}

Result<ToWorker> decode(const pb::ToWorker& message) {
  switch (message.kind_case()) {
    case pb::ToWorker::kWelcome: return decode_welcome(message.welcome());
    case pb::ToWorker::kRoundPlan: return decode_round_plan(message.round_plan());
    case pb::ToWorker::kCommit: return Commit{TransferId(message.commit().transfer())};
    case pb::ToWorker::kCancel:
      return Cancel{TransferId(message.cancel().transfer()), reason_text(message.cancel().reason())};
    case pb::ToWorker::kReroute:
      return Reroute{TransferId(message.reroute().transfer()), reason_text(message.reroute().reason())};
    case pb::ToWorker::kRoundEnd: return decode_round_end(message.round_end());
    case pb::ToWorker::kPlanUpdate: return decode_plan_update(message.plan_update());
    case pb::ToWorker::kMulticastOver: return decode_multicast_over(message.multicast_over());
    case pb::ToWorker::kGoOn: return GoOn{Round(message.go_on().round()), message.go_on().workers()};
    case pb::ToWorker::kCaughtUp:
      return CaughtUp{Round(message.caught_up().round()), message.caught_up().workers()};
    case pb::ToWorker::kProbe: return decode_probe(message.probe());
    case pb::ToWorker::kAlive: return Alive{};
    case pb::ToWorker::kResumed: return Resumed{message.resumed().epoch()};
    case pb::ToWorker::kReject: return Reject{reason_text(message.reject().reason())};
    case pb::ToWorker::KIND_NOT_SET: break;
  }
  return bad("kind", "is not set, or of a newer version");
}

}  // namespace selmcast::wire
