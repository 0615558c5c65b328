// For tests of ManagerCore: a fixture in which the test plays the workers, and readers of its outputs.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/manager/manager_core.h"

namespace selmcast::manager {

inline constexpr Bytes kModel(1'000'000);  // 250'000 parameters, 8 Mbit

template <class One>
std::vector<One> all(const Outputs& outputs) {
  std::vector<One> found;
  for (const Output& output : outputs) {
    if (const auto* one = std::get_if<One>(&output)) found.push_back(*one);
  }
  return found;
}

// The messages of one kind that are sent to a session.
template <class Message>
std::vector<Message> told(const Outputs& outputs, std::uint64_t session) {
  std::vector<Message> found;
  for (const Send& send : all<Send>(outputs)) {
    const auto* one = std::get_if<Message>(&send.message);
    if (one != nullptr && send.session == SessionId(session)) found.push_back(*one);
  }
  return found;
}

inline bool closes(const Outputs& outputs, std::uint64_t session) {
  return std::ranges::any_of(all<Close>(outputs),
                             [&](const Close& c) { return c.session == SessionId(session); });
}

inline wire::Hello hello_of(const std::string& name) {
  wire::Hello hello;
  hello.name = name;
  hello.data_host = "10.0.0.1";
  hello.data_port = 4000;
  hello.declared_uplink = Rate::megabits_per_second(800);
  hello.declared_downlink = Rate::megabits_per_second(8);
  hello.model.tensors = {{"weight", {1000, 249}}, {"bias", {1000}}};
  return hello;
}

struct ManagerCoreTest : ::testing::Test {
  ManagerSettings settings;
  std::optional<ManagerCore> core;
  Instant now = Instant::at_seconds(100);

  ManagerCoreTest() {
    settings.rounds.planner = plan::find_planner("broadcast");
    settings.rounds.min_receivers = sync::MinReceivers::count(1);
    settings.workers = 3;
    settings.epoch = 4;
    settings.run_token = 99;
  }
  void make() { core.emplace(settings, now); }

  Outputs says(std::uint64_t session, const wire::FromWorker& message) {
    return core->message(SessionId(session), message, now);
  }
  Outputs comes(std::uint64_t session, const wire::Hello& hello) {
    core->opened(SessionId(session), now);
    return says(session, hello);
  }
  // Session k is worker k.
  void start() {
    make();
    for (std::uint32_t k = 0; k < settings.workers; ++k) comes(k, hello_of("w" + std::to_string(k)));
    ASSERT_TRUE(core->started());
  }
  Outputs everybody_ready(Round round) {
    Outputs last;
    for (std::uint32_t k = 0; k < settings.workers; ++k) last = says(k, wire::Ready{round});
    return last;
  }
  // Every transfer of a plan is delivered; the outputs of the last one.
  Outputs deliver(const Planned& planned) {
    Outputs last;
    for (const sync::Transfer& t : planned.plan.transfers) {
      last = says(t.receiver.value(),
                  wire::Delivered{t.id, t.bytes, Duration::seconds(0), Duration::seconds(1)});
    }
    return last;
  }
};

}  // namespace selmcast::manager
