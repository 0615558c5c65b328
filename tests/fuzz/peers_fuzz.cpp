#include "tests/fuzz/peers_fuzz.h"

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/manager/durable_manager.h"
#include "selmcast/manager/journal_json.h"
#include "selmcast/net/frame_parser.h"
#include "selmcast/plan/planner.h"
#include "selmcast/wire/control.pb.h"
#include "selmcast/wire/control_codec.h"
#include "selmcast/wire/little_endian.h"
#include "selmcast/worker/local_address.h"
#include "selmcast/worker/worker_core.h"

namespace selmcast::fuzz {
namespace {

constexpr std::size_t kWordHead = 4;
constexpr std::size_t kPeers = 6;  // streams, and connections

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

manager::ManagerSettings settings(unsigned online) {
  manager::ManagerSettings s;
  s.rounds.planner = plan::find_planner("paper");
  s.workers = 2;
  s.elastic = true;
  s.run_token = 7;
  s.stream_patience = Duration::seconds(0.5);
  if (online % 2 == 1) s.online = sync::OnlineChoice{};
  return s;
}

wire::Hello own_hello() {
  wire::Hello hello;
  hello.name = "w0";
  hello.data_host = "127.0.0.1";
  hello.data_port = 9;
  hello.model.tensors = {{"all", {4}}};
  return hello;
}

// One connection to the worker: a link, as the shell has it.
struct Connection {
  net::FrameParser parser;
  worker::LinkId link;
  bool open = false;
};

struct Run {
  explicit Run(unsigned online) : manager(settings(online), Instant()) {
    static_cast<void>(core.start(now));
    for (std::uint64_t k = 0; k < kPeers; ++k) open_stream(k);
  }

  Instant now = Instant::at_seconds(1);
  manager::DurableManager manager;
  std::map<std::uint64_t, manager::StreamId> streams;
  std::uint64_t streams_made = 0;
  worker::WorkerCore core{own_hello(), 2};
  std::vector<float> parameters{1, 2, 3, 4};
  bool synchronizing = false;
  std::map<std::uint64_t, Connection> connections;
  PeersEnding ending;

  // ---- manager ----

  void open_stream(std::uint64_t who) {
    streams[who] = manager::StreamId(++streams_made);
    manager.opened(streams[who], now);
  }
  void look_at(const manager::Effects& effects) {
    for (const manager::Effect& effect : effects) {
      if (const auto* write = std::get_if<manager::Write>(&effect)) {
        const auto again = wire::decode(wire::encode(write->message));
        SELMCAST_CHECK(again.has_value(), "what a manager says is understood");
      }
      if (const auto* end = std::get_if<manager::EndStream>(&effect)) {
        for (auto& [who, stream] : streams) {
          if (stream == end->stream) return open_stream(who);
        }
      }
      if (const auto* seen = std::get_if<manager::Observed>(&effect)) {
        ending.plans += std::holds_alternative<manager::Planned>(seen->output) ? 1 : 0;
        ending.plans += std::holds_alternative<manager::Replanned>(seen->output) ? 1 : 0;
      }
    }
    SELMCAST_CHECK(manager.sessions() <= streams_made, "a session has had a stream");
  }
  void to_manager(std::uint64_t who, std::span<const std::byte> bytes) {
    wire::pb::FromWorker pb;
    if (!pb.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return void(++ending.refused);
    const auto message = wire::decode(pb);
    if (!message) return void(++ending.refused);
    ++ending.to_manager;
    const auto again = wire::decode(wire::encode(*message));
    SELMCAST_CHECK(again.has_value() && *again == *message, "a message encodes to what it was");
    const auto line = wire::from_worker_json(wire::to_json(*message));
    SELMCAST_CHECK(line.has_value() && *line == *message, "and so does its line in a journal");
    look_at(manager.message(streams.at(who), *message, pb.heard(), now));
  }

  // ---- worker ----

  void look_at(const worker::WorkerActions& actions) {
    for (const worker::WorkerAction& action : actions) {
      if (std::holds_alternative<worker::Synchronized>(action)) synchronizing = false;
      if (const auto* abort = std::get_if<worker::AbortLink>(&action)) {
        for (auto& [who, connection] : connections)
          if (connection.link == abort->link) connection.open = false;
      }
      if (const auto* dial = std::get_if<worker::Dial>(&action)) dialled.push_back(dial->link);
      if (const auto* said = std::get_if<worker::SendToManager>(&action))
        ending.models += std::holds_alternative<wire::Delivered>(said->message) ? 1 : 0;
    }
    for (const worker::LinkId link : std::exchange(dialled, {})) look_at(core.connected(link));
    if (!core.is_over() && core.welcome() && !synchronizing) {
      auto begun = core.is_guest() ? core.catch_up(parameters, now) : core.synchronize(parameters, now);
      if (!begun) return;
      synchronizing = true;
      look_at(*begun);
    }
  }
  std::vector<worker::LinkId> dialled;

  void to_worker(std::span<const std::byte> bytes) {
    wire::pb::ToWorker pb;
    if (!pb.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return void(++ending.refused);
    const auto message = wire::decode(pb);
    if (!message) return void(++ending.refused);
    ++ending.to_worker;
    const auto again = wire::decode(wire::encode(*message));
    SELMCAST_CHECK(again.has_value() && *again == *message, "a message encodes to what it was");
    if (!core.is_over()) look_at(core.from_manager(*message, now));
  }

  // As net/connection_io.cpp: what cannot be read closes the connection.
  void bytes(std::uint64_t who, std::span<const std::byte> bytes) {
    if (core.is_over()) return;
    Connection& connection = connections[who];
    if (!connection.open) connection = {{}, core.accepted(now), true};
    while (!bytes.empty() && connection.open) {
      const auto target = connection.parser.target();
      const std::size_t count = std::min(target.size(), bytes.size());
      std::ranges::copy(bytes.first(count), target.begin());
      bytes = bytes.subspan(count);
      const bool of_chunk = connection.parser.in_chunk();
      const auto step = connection.parser.advance(count);
      if (!step) return close(connection, step.error());
      if (of_chunk) core.chunk_bytes(connection.link, Bytes(static_cast<std::int64_t>(count)), now);
      auto at = *step;
      if (at == net::FrameParser::Step::header) {
        const wire::FrameHeader& header = connection.parser.header();
        if (wire::carries_payload(header.kind)) {
          const auto place = core.chunk_place(connection.link, header);
          if (!place) return close(connection, place.error());
          SELMCAST_CHECK(place->size() == header.length, "a place is as large as the chunk");
          at = connection.parser.expect_chunk(*place);
        } else {
          at = connection.parser.expect_body();
        }
      }
      if (at != net::FrameParser::Step::frame) continue;
      ++ending.frames;
      const wire::FrameHeader header = connection.parser.header();
      const auto payload = connection.parser.payload();
      if (auto good = wire::verify_payload(header, payload); !good && !wire::carries_payload(header.kind))
        return close(connection, good.error());
      const auto actions = core.frame(connection.link, header, payload, now);
      if (!actions) return close(connection, actions.error());
      if (connection.open) connection.parser.next_frame();
      look_at(*actions);
    }
    SELMCAST_CHECK(core.buffers_in_use() <= 2, "two buffers are all that there are");
  }
  void close(Connection& connection, const Error& error) {
    ++ending.refused;
    connection.open = false;
    look_at(core.closed(connection.link, error, now));
  }

  // A frame with a good header: kind, transfer and sequence as the bytes say.
  void frame(std::uint64_t who, std::span<const std::byte> word) {
    if (word.size() < 4) return;
    const auto payload = word.subspan(4);
    const wire::FrameHeader header{static_cast<wire::FrameKind>(1 + std::to_integer<unsigned>(word[0]) % 10),
                                   TransferId(std::to_integer<std::uint64_t>(word[1])),
                                   std::to_integer<std::uint32_t>(word[2]),
                                   static_cast<std::uint32_t>(payload.size()), wire::crc32c(payload)};
    const auto head = wire::encode(header);
    std::vector<std::byte> whole(head.begin(), head.end());
    whole.insert(whole.end(), payload.begin(), payload.end());
    bytes(who, whole);
  }

  void journal(std::span<const std::byte> bytes) {
    const std::string text = text_of(bytes);
    const auto message = wire::from_worker_json(text);
    const auto json = nlohmann::json::parse(text, nullptr, false);
    bool read = false;
    try {
      read = !json.is_discarded() && manager::settings_from(json).has_value();
    } catch (const nlohmann::json::exception&) {  // no such line: its callers catch it, too
    }
    ++(message.has_value() || read ? ending.lines : ending.refused);
  }

  void pass_time(unsigned who) {
    now = now + Duration::milliseconds(who * 4);
    look_at(manager.tick(now));
    look_at(core.tick(now));
  }
};

}  // namespace

void add_word(std::vector<std::byte>& input, Word kind, unsigned who, std::span<const std::byte> bytes) {
  input.push_back(static_cast<std::byte>(kind));
  input.push_back(static_cast<std::byte>(who));
  input.push_back(static_cast<std::byte>(bytes.size()));
  input.push_back(static_cast<std::byte>(bytes.size() >> 8));
  input.insert(input.end(), bytes.begin(), bytes.end());
}

PeersEnding fuzz_peers(std::span<const std::byte> input) {
  if (input.empty()) return {};
  Run run(std::to_integer<unsigned>(input[0]));
  input = input.subspan(1);
  while (input.size() >= kWordHead) {
    const auto kind = static_cast<Word>(std::to_integer<unsigned>(input[0]) % kWords);
    const auto who = std::to_integer<unsigned>(input[1]);
    const std::size_t length =
        std::min<std::size_t>(wire::get<std::uint16_t>(input, 2) % 2048, input.size() - kWordHead);
    const auto word = input.subspan(kWordHead, length);
    input = input.subspan(kWordHead + length);
    switch (kind) {
      case Word::to_manager: run.to_manager(who % kPeers, word); break;
      case Word::to_worker: run.to_worker(word); break;
      case Word::bytes: run.bytes(who % kPeers, word); break;
      case Word::frame: run.frame(who % kPeers, word); break;
      case Word::journal: run.journal(word); break;
      case Word::address: static_cast<void>(worker::split_address(text_of(word))); break;
      case Word::time: run.pass_time(who); break;
    }
  }
  return run.ending;
}

}  // namespace selmcast::fuzz

// What libFuzzer calls; nobody else does.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  selmcast::fuzz::fuzz_peers(std::as_bytes(std::span(data, size)));
  return 0;
}
