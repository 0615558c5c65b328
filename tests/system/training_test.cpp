// Trainings in one process over real sockets: that they work, and that faults and strangers hurt nobody else.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "selmcast/base/rng.h"
#include "selmcast/manager/journal.h"
#include "selmcast/wire/control.grpc.pb.h"
#include "selmcast/wire/control_codec.h"
#include "selmcast/wire/frame.h"
#include "tests/system/training_harness.h"

namespace selmcast::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::temp_directory_path() / ("selmcast-" + std::to_string(getpid()) + "-" + name);
}

void expect_complete(const std::vector<WorkerStory>& stories, std::uint64_t rounds) {
  for (const WorkerStory& story : stories) {
    EXPECT_EQ(story.error.value_or(Error{}).message, "");
    EXPECT_EQ(story.rounds, rounds);
    EXPECT_THAT(story.wrong_mixes, IsEmpty());
    EXPECT_GE(story.models_mixed, 1u);  // max_age 2: everybody hears from everybody within three rounds
  }
}

TEST(Training, FourWorkersMixRightAveragesAndTheJournalReplays) {
  const auto journal = temporary("journal.jsonl");
  auto options = manager_options(4);
  options.journal = journal;
  RunningManager manager(std::move(options));
  expect_complete(in_threads(4, [&](auto k) { return train(worker_options(manager, k, 1000), k, 5); }), 5);
  EXPECT_TRUE(manager.wait().has_value());
  EXPECT_EQ(manager.rounds_over(), 5u);
  const auto replayed = manager::replay(journal);
  ASSERT_TRUE(replayed.has_value()) << replayed.error().message;
  EXPECT_EQ(replayed->plans, 5u);
  std::filesystem::remove(journal);
}

TEST(Training, ModelsOfSeveralChunksArriveWhole) {
  RunningManager manager(manager_options(3));
  // 3 MB: two chunks of 1 MiB and a rest.
  expect_complete(in_threads(3, [&](auto k) { return train(worker_options(manager, k, 750'000), k, 4); }), 4);
  EXPECT_TRUE(manager.wait().has_value());
}

TEST(Training, WorkersListenOnIpv6OnANamedInterfaceAndWhereOthersForwardTo) {
  RunningManager manager(manager_options(3));
  const auto story = [&](std::uint32_t k) {
    auto options = worker_options(manager, k, 1000);
    if (k == 0) options.data_host = "::1";
    if (k == 1) options.interface = "lo";
    if (k == 2) {  // as in a container, which does not know its address outside
      options.data_host = "0.0.0.0";
      options.advertised = "localhost";
    }
    return train(options, k, 4);
  };
  expect_complete(in_threads(3, story), 4);
  EXPECT_TRUE(manager.wait().has_value());
}

TEST(Training, UnpacedTrainingsMixAsWell) {
  auto options = manager_options(3);
  options.settings.rounds.paced = false;
  options.settings.rounds.planner = plan::find_planner("broadcast");
  RunningManager manager(std::move(options));
  expect_complete(in_threads(3, [&](auto k) { return train(worker_options(manager, k, 100'000), k, 3); }), 3);
  EXPECT_TRUE(manager.wait().has_value());
}

TEST(Training, EmulatedLinksAndASingleReceiveBufferSlowDownButBreakNothing) {
  auto options = manager_options(4);
  options.settings.rounds.planner = plan::find_planner("broadcast");
  RunningManager manager(std::move(options));
  const auto stories = in_threads(4, [&](auto k) {
    auto made = worker_options(manager, k, 10'000);
    made.emulated_uplink = made.declared_uplink = Rate::megabits_per_second(80);
    made.emulated_downlink = made.declared_downlink = Rate::megabits_per_second(40 + 20 * k);
    made.receive_buffers = 1;
    return train(made, k, 3);
  });
  expect_complete(stories, 3);
  for (const WorkerStory& story : stories) EXPECT_EQ(story.models_mixed, 9u);  // three others, three rounds
}

TEST(Training, ALoneWorkerTrainsOn) {
  RunningManager manager(manager_options(1));
  const WorkerStory story = train(worker_options(manager, 0, 10), 0, 3);
  EXPECT_EQ(story.error.value_or(Error{}).message, "");
  EXPECT_EQ(story.rounds, 3u);
  EXPECT_EQ(story.models_mixed, 0u);
}

TEST(Training, WhoLeavesInTheMiddleDoesNotKeepTheOthers) {
  RunningManager manager(manager_options(4));
  const auto stories = in_threads(4, [&](auto k) {
    return train(worker_options(manager, k, 1000), k, 6,
                 [k](std::uint64_t round) { return k != 2 || round < 2; });
  });
  for (std::uint32_t k : {0U, 1U, 3U}) {
    EXPECT_EQ(stories[k].error.value_or(Error{}).message, "");
    EXPECT_EQ(stories[k].rounds, 6u);
    EXPECT_EQ(stories[k].workers_last, 3u);
    EXPECT_THAT(stories[k].wrong_mixes, IsEmpty());
  }
  EXPECT_EQ(stories[2].rounds, 2u);
  EXPECT_TRUE(manager.wait().has_value());
}

TEST(Training, LeavingFromAnotherThreadEndsASynchronisationUnderWay) {
  RunningManager manager(manager_options(2));
  std::atomic<bool> other_is_there = false;
  std::jthread other([&] {  // joins, and never synchronises until told to go
    auto connected = worker::Worker::connect(worker_options(manager, 1, 10));
    ASSERT_TRUE(connected.has_value());
    other_is_there = true;
    other_is_there.notify_all();
    other_is_there.wait(true);
  });
  auto connected = worker::Worker::connect(worker_options(manager, 0, 10));
  ASSERT_TRUE(connected.has_value());
  other_is_there.wait(false);
  std::jthread leaver([&] { (*connected)->leave("changed my mind"); });
  std::vector<float> parameters(10, 1.0F);
  const auto report = (*connected)->synchronize(parameters);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::cancelled);
  EXPECT_THAT(parameters, ::testing::Each(1.0F));
  EXPECT_EQ((*connected)->synchronize(parameters).error().code, ErrorCode::cancelled);
  other_is_there = false;
  other_is_there.notify_all();
}

TEST(Training, AStoppedManagerTellsEveryWorkerWhy) {
  RunningManager manager(manager_options(3));
  const auto stories = in_threads(3, [&](auto k) {
    return train(worker_options(manager, k, 1000), k, 1000, [&](std::uint64_t round) {
      if (k == 0 && round == 3) manager.stop("the test says so");
      return true;
    });
  });
  for (const WorkerStory& story : stories) {
    ASSERT_TRUE(story.error.has_value());
    EXPECT_EQ(story.error->code, ErrorCode::rejected) << story.error->message;
    EXPECT_THAT(story.error->message, HasSubstr("the test says so"));
    EXPECT_THAT(story.wrong_mixes, IsEmpty());
  }
  const auto ended = manager.wait();
  ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error().code, ErrorCode::cancelled);
}

// ---- wrong from the start ----

TEST(Training, NoManagerAtTheAddressIsUnavailable) {
  asio::io_context io;
  asio::ip::tcp::socket bound(
      io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));  // but not listening
  worker::WorkerOptions options;
  options.manager = "127.0.0.1:" + std::to_string(bound.local_endpoint().port());
  options.name = "w0";
  options.model = {{"all", {4}}};
  options.connect_timeout = Duration::milliseconds(300);
  const auto connected = worker::Worker::connect(options);
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, ErrorCode::unavailable);
  EXPECT_THAT(connected.error().message, HasSubstr(options.manager));
}

TEST(Training, OptionsThatCannotWorkAreInvalidInput) {
  worker::WorkerOptions good;
  good.manager = "127.0.0.1:7070";
  good.name = "w0";
  good.model = {{"all", {4}}};
  const std::pair<const char*, std::function<void(worker::WorkerOptions&)>> changes[] = {
      {"host:port", [](auto& o) { o.manager = "nowhere"; }},
      {"name", [](auto& o) { o.name = ""; }},
      {"name", [](auto& o) { o.name = "w\n0"; }},
      {"name", [](auto& o) { o.name = "w\xff"; }},
      {"name", [](auto& o) { o.name = std::string(300, 'w'); }},
      {"no tensors", [](auto& o) { o.model.clear(); }},
      {"'all'", [](auto& o) { o.model[0].shape = {0}; }},
      {"too large",
       [](auto& o) {
         o.model[0].shape = {std::int64_t{1} << 40, std::int64_t{1} << 40};
       }},
      {"declared", [](auto& o) { o.declared_uplink = Rate::bits_per_second(-1); }},
      {"declared", [](auto& o) { o.declared_downlink = Rate::bits_per_second(1e-9); }},
      {"emulated", [](auto& o) { o.emulated_uplink = Rate(); }},
      {"receive_buffers", [](auto& o) { o.receive_buffers = 0; }},
      {"peers can reach", [](auto& o) { o.data_host = "0.0.0.0"; }},
      {"both say where", [](auto& o) { o.data_host = "127.0.0.1", o.interface = "lo"; }},
      {"neither host nor host:port", [](auto& o) { o.advertised = "here:there"; }},
      {"with one are: ", [](auto& o) { o.interface = "eth99"; }},
  };
  for (const auto& [what, change] : changes) {
    worker::WorkerOptions bad = good;
    change(bad);
    const auto connected = worker::Worker::connect(bad);
    ASSERT_FALSE(connected.has_value()) << what;
    EXPECT_EQ(connected.error().code, ErrorCode::invalid_input) << connected.error().message;
    EXPECT_THAT(connected.error().message, HasSubstr(what));
  }
}

TEST(Training, ASecondManagerOnThePortIsRefusedAndLeavesTheJournalAlone) {
  const auto journal = temporary("busy.jsonl");
  auto options = manager_options(2);
  options.journal = journal;
  RunningManager first(options);
  options.port =
      static_cast<std::uint16_t>(std::stoi(first.address().substr(first.address().rfind(':') + 1)));
  const auto second = manager::Manager::create(options);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::io);
  EXPECT_THAT(second.error().message, HasSubstr(first.address()));
  in_threads(2, [&](auto k) { return train(worker_options(first, k, 100), k, 2); });
  EXPECT_TRUE(first.wait().has_value());
  EXPECT_TRUE(manager::replay(journal).has_value());
  std::filesystem::remove(journal);
}

TEST(Training, SettingsThatNoTrainingCanHaveAreInvalidInput) {
  auto options = manager_options(4);
  options.settings.rounds.min_receivers = sync::MinReceivers::count(4);
  const auto refused = manager::Manager::create(options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(refused.error().message, HasSubstr("min_receivers 4"));
}

// ---- strangers ----

// Writes the bytes to a port of loopback and reads until the other side has had enough.
void shout(std::uint16_t port, const std::vector<std::byte>& bytes) {
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  asio::error_code ec;
  socket.connect({asio::ip::address_v4::loopback(), port}, ec);
  if (!ec) asio::write(socket, asio::buffer(bytes.data(), bytes.size()), ec);
  std::vector<std::byte> answer(1024);
  while (!ec) socket.read_some(asio::buffer(answer.data(), answer.size()), ec);
}

std::vector<std::vector<std::byte>> rude_words() {
  Rng rng(3);
  std::vector<std::byte> noise(100'000);
  for (std::byte& byte : noise) byte = static_cast<std::byte>(rng.below(256));
  const auto wrong_token = wire::hello_frame({1, WorkerId(0)});
  auto offer_first = wire::offer_frame(TransferId(1), {{1, 1}, Bytes(4)});
  auto twice = wire::hello_frame({0x5e1ec7, WorkerId(1)});  // the right token, and then nonsense
  twice.insert(twice.end(), wrong_token.begin(), wrong_token.end());
  return {noise, wrong_token, offer_first, twice};
}

TEST(Training, StrangersOnTheDataPortsDisturbNobody) {
  RunningManager manager(manager_options(3));
  const auto stories = in_threads(3, [&](auto k) {
    return train(worker_options(manager, k, 50'000), k, 6, [&](std::uint64_t round) {
      if (k != 0 || round == 0) return true;  // the first plan tells the ports
      for (const auto& [worker, port] : manager.data_ports()) {
        for (const auto& words : rude_words()) shout(port, words);
      }
      return true;
    });
  });
  EXPECT_FALSE(manager.data_ports().empty());
  expect_complete(stories, 6);
}

using Stream = grpc::ClientReaderWriter<wire::pb::FromWorker, wire::pb::ToWorker>;

// Says the messages on a control stream of its own; what the manager says until it ends the stream.
std::vector<wire::pb::ToWorker> control_stream(const std::string& address,
                                               const std::vector<wire::pb::FromWorker>& messages,
                                               std::chrono::milliseconds patience = std::chrono::minutes(1)) {
  const auto stub =
      wire::pb::Manager::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + patience);
  const std::unique_ptr<Stream> stream = stub->Session(&context);
  for (const auto& message : messages) stream->Write(message);
  std::vector<wire::pb::ToWorker> answers(1);
  while (stream->Read(&answers.back())) answers.emplace_back();
  answers.pop_back();
  stream->Finish();
  return answers;
}

wire::pb::FromWorker stranger_hello() {
  wire::Hello made;
  made.name = "stranger";
  made.data_host = "127.0.0.1";
  made.data_port = 1;
  made.declared_uplink = made.declared_downlink = Rate::megabits_per_second(1);
  made.model.tensors = {{"all", {100}}};
  return wire::encode(wire::FromWorker(made));
}

TEST(Training, ControlStreamsThatMakeNoSenseAreCutOffWithTheReason) {
  RunningManager manager(manager_options(2));
  const wire::pb::FromWorker hello = stranger_hello();
  const auto ready = wire::encode(wire::FromWorker(wire::Ready{Round(0)}));
  wire::pb::FromWorker no_port = hello;
  no_port.mutable_hello()->set_data_port(0);
  wire::pb::FromWorker other_version = hello;
  other_version.mutable_hello()->set_protocol_version(99);
  const std::pair<const char*, std::vector<wire::pb::FromWorker>> cases[] = {
      {"did not say hello first", {ready}}, {"kind", {wire::pb::FromWorker()}},
      {"hello.data_port", {no_port}},       {"version 99", {other_version}},
      {"hello twice", {hello, hello}},      {"before its welcome", {hello, ready, ready, ready}},
  };
  for (const auto& [why, messages] : cases) {
    const auto answers = control_stream(manager.address(), messages);
    ASSERT_EQ(answers.size(), 1u) << why;
    EXPECT_THAT(answers[0].reject().reason(), HasSubstr(why));
  }
  const auto stories = in_threads(2, [&](auto k) { return train(worker_options(manager, k, 100), k, 3); });
  for (const WorkerStory& story : stories) EXPECT_EQ(story.rounds, 3u);
}

// Nothing tells a test that w0's hello has come in but the answer to the next one. Should the stranger be the first
// after all, its deadline ends it, and w0, turned away in its place, comes again.
TEST(Training, AnotherModelIsTurnedAwayByNameAndTheOthersTrain) {
  RunningManager manager(manager_options(2));
  WorkerStory first, second;
  std::jthread w0([&] {
    do {
      first = train(worker_options(manager, 0, 100), 0, 3);
    } while (first.error && first.error->code == ErrorCode::rejected);
  });
  wire::pb::FromWorker hello = stranger_hello();
  hello.mutable_hello()->mutable_tensors(0)->set_shape(0, 50);
  hello.mutable_hello()->mutable_tensors(0)->add_shape(2);
  std::vector<wire::pb::ToWorker> answers;
  // Until it comes second: it may be there before w0, and its own last session may still be open. The watchdog bounds.
  while (answers.empty() || answers[0].reject().reason().find("names must differ") != std::string::npos)
    answers = control_stream(manager.address(), {hello}, std::chrono::milliseconds(100));
  EXPECT_THAT(answers[0].reject().reason(), HasSubstr("'all' [50, 2] should be 'all' [100]"));
  second = train(worker_options(manager, 1, 100), 1, 3);
  w0.join();
  expect_complete({first, second}, 3);
}

}  // namespace
}  // namespace selmcast::testing
