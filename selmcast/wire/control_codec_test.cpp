#include "selmcast/wire/control_codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "selmcast/wire/control.pb.h"

namespace selmcast::wire {
namespace {

Hello some_hello() {
  return {.name = "w0",
          .data_host = "127.0.0.1",
          .data_port = 4711,
          .declared_uplink = Rate::megabits_per_second(400),
          .declared_downlink = Rate::megabits_per_second(20),
          .model = {{{"fc.weight", {10, 784}}, {"fc.bias", {10}}}}};
}

Hello hello_with_roles() {
  Hello hello = some_hello();
  hello.model.mixing = MixingKind::push_sum;
  hello.model.payload = payload::Format::int8;
  hello.model.tensors.push_back({"norm.mean", {10}, TensorRole::buffer});
  hello.model.tensors.push_back({"norm.batches", {1}, TensorRole::counter});
  hello.model.tensors.push_back({"embedding", {4, 4}, TensorRole::frozen});
  return hello;
}

void set_shape(pb::Hello& hello, const std::vector<std::int64_t>& shape) {
  hello.mutable_tensors(0)->mutable_shape()->Assign(shape.begin(), shape.end());
}

std::string reason_after(const std::string& reason) {
  const std::string bytes = encode(ToWorker(Cancel{TransferId(1), reason})).SerializeAsString();
  pb::ToWorker parsed;
  if (!parsed.ParseFromString(bytes)) return "does not parse";
  return std::get<Cancel>(*decode(parsed)).reason;
}

TEST(ControlCodec, GroupsComeBackAsTheyWereOrAreRefused) {
  const MulticastGroup group{0xef4d0001, 7700, 0x1122334455667788, 1440};
  RoundPlan plan{{2, 9}, Round(4), {}, {}, Duration::seconds(0.5)};
  plan.group = group;
  plan.incoming.push_back(
      {.transfer = TransferId(5), .sender = WorkerId(1), .bytes = Bytes(100), .group = group});
  const auto back = decode(encode(ToWorker(plan)));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, ToWorker(plan));
  for (const MulticastGroup wrong :
       {MulticastGroup{0x0a000001, 7700, 1, 1440}, MulticastGroup{0xef4d0001, 0, 1, 1440},
        MulticastGroup{0xef4d0001, 7700, 1, 15}}) {
    plan.group = wrong;
    EXPECT_FALSE(decode(encode(ToWorker(plan))).has_value());
  }
}

TEST(ControlCodec, MessagesFromAWorkerComeBackAsTheyWere) {
  const FromWorker messages[] = {
      some_hello(),
      hello_with_roles(),
      Ready{Round(3)},
      Delivered{TransferId(7), Bytes(31440), Duration::seconds(0.25), Duration::seconds(1)},
      Delivered{TransferId(7), Bytes(31440), Duration::seconds(0.25), Duration::seconds(1),
                Progress(kProgressParts - 1, Duration::seconds(0.5))},
      TransferFailed{TransferId(8), "link lost"},
      Slow{TransferId(8), Rate::megabits_per_second(3), true},
      Slow{TransferId(9), Rate::megabits_per_second(4)},
      TransferFailed{TransferId(8), "link lost", WorkerId(0)},
      Heartbeat{},
      CatchUp{},
      Probed{3, {WorkerId(1), WorkerId(2)}, {WorkerId(2)}, true, "its address is not IPv4"},
      Goodbye{"done"},
      Resume{4, "w0", 77, 3}};
  for (const FromWorker& message : messages) {
    const auto back = decode(encode(message));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, message);
    const auto from_json = from_worker_json(to_json(message));
    ASSERT_TRUE(from_json.has_value()) << from_json.error().message;
    EXPECT_EQ(*from_json, message);
  }
}

TEST(ControlCodec, ProgressOfADeliveryAscendsFromItsStartToItsEnd) {
  Delivered delivered{TransferId(7), Bytes(100), Duration::seconds(1), Duration::seconds(2),
                      Progress(kProgressParts - 1, Duration::seconds(1.5))};
  const auto refused = [&](Progress progress) {
    delivered.progress = std::move(progress);
    const auto decoded = decode(encode(delivered));
    return !decoded && decoded.error().message.find("progress_seconds") != std::string::npos;
  };
  EXPECT_TRUE(refused({Duration::seconds(1.5)}));                              // one only
  EXPECT_TRUE(refused(Progress(kProgressParts - 1, Duration::seconds(0.5))));  // before the start
  EXPECT_TRUE(refused(Progress(kProgressParts - 1, Duration::seconds(2.5))));  // after the end
  Progress back(kProgressParts - 1, Duration::seconds(1.5));
  back.back() = Duration::seconds(1.4);
  EXPECT_TRUE(refused(back));
  EXPECT_FALSE(refused({}));
}

TEST(ControlCodec, AcknowledgementsFillNoMoreThanATenth) {
  Delivered delivered{TransferId(7), Bytes(100), Duration::seconds(1), Duration::seconds(2)};
  for (const double load : {0.0, 0.022, kAckLoadMost}) {
    delivered.ack_load = load;
    EXPECT_EQ(std::get<Delivered>(*decode(encode(delivered))), delivered);
  }
  for (const double load : {-0.01, 0.11, std::nan("")}) {
    delivered.ack_load = load;
    const auto decoded = decode(encode(delivered));
    ASSERT_FALSE(decoded.has_value());
    EXPECT_NE(decoded.error().message.find("ack_load"), std::string::npos);
  }
}

TEST(ControlCodec, StepsOfAPaceAscendFromZeroAndAreNotMany) {
  RoundPlan plan;
  plan.version = {1, 1};
  plan.outgoing.push_back({TransferId(1), {WorkerId(1), "h", 1}, Rate::megabits_per_second(1)});
  const auto is_taken = [&](PaceSteps steps) {
    plan.outgoing[0].steps = std::move(steps);
    return decode(encode(ToWorker(plan))).has_value();
  };
  const auto step = [](double after, double mbps) {
    return PaceStep{Duration::seconds(after), Rate::megabits_per_second(mbps)};
  };
  EXPECT_TRUE(is_taken({step(0, 1), step(1, 2)}));
  EXPECT_FALSE(is_taken({step(0.1, 1)}));
  EXPECT_FALSE(is_taken({step(0, 1), step(1, 2), step(1, 3)}));
  EXPECT_FALSE(is_taken({step(0, 0)}));
  PaceSteps many;
  for (std::size_t k = 0; k <= kPaceStepsMost; ++k) many.push_back(step(static_cast<double>(k), 1));
  EXPECT_FALSE(is_taken(many));
}

TEST(ControlCodec, MessagesToAWorkerComeBackAsTheyWere) {
  RoundPlan plan{{2, 9}, Round(4), {}, {{TransferId(5), WorkerId(1), Bytes(100)}}, Duration::seconds(0.5)};
  plan.outgoing.push_back({TransferId(6), {WorkerId(2), "127.0.0.1", 99}, Rate::megabits_per_second(3)});
  plan.outgoing.push_back({TransferId(7), {WorkerId(3), "::1", 98}, Rate::unlimited()});
  plan.outgoing[1].sounding = Bytes(40);
  plan.incoming[0].sounding = true;
  const PlanUpdate update{plan.version,
                          plan.round,
                          plan.outgoing,
                          plan.incoming,
                          {{TransferId(8), Rate::megabits_per_second(2)}, {TransferId(9), Rate::unlimited()}},
                          plan.predicted};
  RoundPlan relays = plan;
  relays.relay = true;
  relays.outgoing[0].source = TransferId(5);
  relays.outgoing[1].elsewhere = true;
  relays.outgoing[0].steps = {{Duration(), Rate::megabits_per_second(1)},
                              {Duration::seconds(0.5), Rate::megabits_per_second(3)}};
  relays.outgoing[1].apart = true;
  relays.incoming[0].from = WorkerId(0);
  const ToWorker messages[] = {
      relays,
      Reroute{TransferId(5), "w0 left"},
      Welcome{WorkerId(3), 2, 0xfeedULL, 8, Duration::seconds(0.5), Duration::seconds(10)},
      Welcome{WorkerId(3), 2, 0xfeedULL, 8, Duration::seconds(0.5), Duration::seconds(10), true, true,
              Duration::seconds(60), true},
      plan,
      update,
      MulticastOver{Round(4), {TransferId(5), TransferId(6)}},
      GoOn{Round(4), 8},
      Commit{TransferId(5)},
      Cancel{TransferId(6), "w2 left"},
      RoundEnd{{2, 9}, Round(4), {TransferId(5)}, 8},
      Alive{},
      Resumed{3},
      CaughtUp{Round(4), 9},
      Probe{3, {0xef4d01fb, 7699, 77, 1440}, {0xef4d01fc, 7699, 77, 1440}},
      Reject{"wrong model"}};
  for (const ToWorker& message : messages) {
    const auto back = decode(encode(message));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, message);
  }
}

TEST(ControlCodec, PayloadIsFourBytesAParameter) {
  EXPECT_EQ(payload_bytes(some_hello().model), Bytes(4 * (10 * 784 + 10)));
}

TEST(ControlCodec, APayloadThatRoundsLeavesBuffersAndCountersWhole) {
  Hello hello = hello_with_roles();  // int8: (7840, 10, 16 frozen) in blocks of 64; 10 and 1 in float32
  EXPECT_EQ(payload_bytes(hello.model), Bytes(4 * 123 + 7840 + (4 + 10) + 4 * 10 + 4 * 1 + (4 + 16)));
  hello.model.payload = payload::Format::bfloat16;
  EXPECT_EQ(payload_bytes(hello.model), Bytes(2 * (7840 + 10 + 16) + 4 * (10 + 1)));
}

// Each change alone makes a good hello bad.
TEST(ControlCodec, HostileHellosAreRefusedByField) {
  const std::pair<std::string, std::function<void(pb::Hello&)>> changes[] = {
      {"hello.name", [](pb::Hello& h) { h.clear_name(); }},
      {"hello.name", [](pb::Hello& h) { h.set_name("a\nb"); }},
      {"hello.mixing", [](pb::Hello& h) { h.set_mixing("shaken"); }},
      {"hello.payload", [](pb::Hello& h) { h.set_payload("int4"); }},
      {"hello.tensors.role", [](pb::Hello& h) { h.mutable_tensors(0)->set_role("extra"); }},
      {"hello.name", [](pb::Hello& h) { h.set_name(std::string(300, 'x')); }},
      {"hello.name", [](pb::Hello& h) { h.set_name("w\xff"); }},
      {"hello.data_host", [](pb::Hello& h) { h.clear_data_host(); }},
      {"hello.data_port", [](pb::Hello& h) { h.set_data_port(70000); }},
      {"hello.declared_uplink_bps",
       [](pb::Hello& h) { h.set_declared_uplink_bps(1e-4); }},  // no plan takes these:
      {"hello.declared_downlink_bps",
       [](pb::Hello& h) { h.set_declared_downlink_bps(1e19); }},  // plan/problem.h
      {"hello.declared_uplink_bps", [](pb::Hello& h) { h.set_declared_uplink_bps(-1); }},
      {"hello.declared_downlink_bps",
       [](pb::Hello& h) { h.set_declared_downlink_bps(std::numeric_limits<double>::quiet_NaN()); }},
      {"hello.receive_buffers", [](pb::Hello& h) { h.set_receive_buffers(0); }},
      {"hello.tensors", [](pb::Hello& h) { h.clear_tensors(); }},
      {"hello.tensors.shape", [](pb::Hello& h) { h.mutable_tensors(0)->set_shape(0, -5); }},
      {"hello.tensors", [](pb::Hello& h) { h.mutable_tensors(0)->set_shape(0, std::int64_t{1} << 60); }},
      // 2^40 * 2^40 has no int64, and 0 times infinity is not a number: neither may be hidden by a later 0.
      {"hello.tensors",
       [](pb::Hello& h) {
         set_shape(h, {std::int64_t{1} << 40, std::int64_t{1} << 40, 0});
       }},
      {"hello.tensors",
       [](pb::Hello& h) { set_shape(h, std::vector<std::int64_t>(18, std::int64_t{1} << 62)); }},
      {"hello.tensors",
       [](pb::Hello& h) {
         std::vector<std::int64_t> shape(18, std::int64_t{1} << 62);
         shape.push_back(0);
         set_shape(h, shape);
       }},
  };
  for (const auto& [field, change] : changes) {
    pb::FromWorker message = encode(FromWorker(some_hello()));
    change(*message.mutable_hello());
    const auto result = decode(message);
    ASSERT_FALSE(result.has_value()) << field;
    EXPECT_EQ(result.error().code, ErrorCode::protocol);
    EXPECT_NE(result.error().message.find(field), std::string::npos) << result.error().message;
  }
}

TEST(ControlCodec, AHelloOfAnotherVersionIsReadOnlyAsFarAsItsVersion) {
  pb::FromWorker message;
  message.mutable_hello()->set_protocol_version(99);
  message.mutable_hello()->set_name("new");
  const auto result = decode(message);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(std::get<Hello>(*result).protocol_version, 99u);
}

TEST(ControlCodec, ReasonsArriveWhateverTheyAre) {
  EXPECT_EQ(reason_after("w\u00fcrzburg is gone"), "w\u00fcrzburg is gone");
  EXPECT_EQ(reason_after("two\nlines\x7f"), "two lines ");
  EXPECT_EQ(reason_after("bad \xff\xc3 bytes, overlong \xc0\xaf, surrogate \xed\xa0\x80"),
            "bad ?? bytes, overlong ??, surrogate ???");
  // 999 letters and a character of two bytes: cut before it, not in its middle.
  EXPECT_EQ(reason_after(std::string(999, 'x') + "\u00fc"), std::string(999, 'x'));
  EXPECT_EQ(reason_after(std::string(998, 'x') + "\u00fc!"), std::string(998, 'x') + "\u00fc");
}

TEST(ControlCodec, TimesAndKindsAreChecked) {
  pb::FromWorker message;
  EXPECT_FALSE(decode(message).has_value());
  message.mutable_delivered()->set_started_seconds(2);
  message.mutable_delivered()->set_finished_seconds(1);
  EXPECT_FALSE(decode(message).has_value());
  pb::ToWorker plan;
  plan.mutable_round_plan()->add_outgoing()->set_port(5);
  plan.mutable_round_plan()->mutable_outgoing(0)->set_rate_bps(-3);
  EXPECT_FALSE(decode(plan).has_value());
  pb::FromWorker probed;
  for (const std::uint32_t worker : {2, 1}) probed.mutable_probed()->add_heard(worker);
  EXPECT_NE(decode(probed).error().message.find("probed.heard is not ascending"), std::string::npos);
  pb::ToWorker probe;
  probe.mutable_probe()->set_number(1);
  EXPECT_NE(decode(probe).error().message.find("lacks a group"), std::string::npos);
  pb::ToWorker update;
  update.mutable_plan_update()->add_rates()->set_rate_bps(-3);
  EXPECT_NE(decode(update).error().message.find("plan_update.rates.rate_bps"), std::string::npos);
}

}  // namespace
}  // namespace selmcast::wire
