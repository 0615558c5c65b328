#include "selmcast/manager/manager.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "selmcast/base/descriptors.h"
#include "selmcast/base/overloaded.h"
#include "selmcast/manager/durable_manager.h"
#include "selmcast/manager/journal.h"
#include "selmcast/manager/journal_json.h"
#include "selmcast/manager/session_stream.h"
#include "selmcast/manager/state_store.h"
#include "selmcast/wire/control_codec.h"

namespace selmcast::manager {
namespace {

constexpr int kMessageBytesMax = 64 << 20;
constexpr auto kFarewell = std::chrono::milliseconds(500);  // for last messages to reach the workers

using Clock = std::chrono::steady_clock;

class RunningManager final : public Manager, private wire::pb::Manager::CallbackService {
 public:
  explicit RunningManager(ManagerOptions options)
      : options_(std::move(options)), started_at_(zero_of(options_)), created_(now()), timer_(loop_) {}

  ~RunningManager() override {
    if (server_) server_->Shutdown(deadline_in(kFarewell));
    streams_.clear();
  }

  // What is in the way of listening there, if anything is: gRPC tells it in a line of its own kind, on standard error.
  Result<void> can_listen(const std::string& wanted) {
    asio::error_code failed;
    const auto host = asio::ip::make_address(options_.host, failed);
    if (failed) return {};  // a name: gRPC resolves it
    const asio::ip::tcp::endpoint endpoint(host, options_.port);
    asio::ip::tcp::acceptor probe(loop_);
    probe.open(endpoint.protocol(), failed);
    if (!failed) probe.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) probe.bind(endpoint, failed);
    if (!failed) probe.listen(1, failed);
    if (!failed) return {};
    const bool in_use = failed == asio::error::address_in_use;
    return failure(ErrorCode::io,
                   "the manager cannot listen on " + wanted + ": " +
                       (in_use ? "the port is in use, perhaps by another manager; give another one, or 0 "
                                 "for any"
                               : failed.message() + "; is the address one of this machine?"));
  }

  Result<void> listen() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int bound_port = 0;
    const std::string wanted = joined(options_.host, options_.port);
    if (auto free = can_listen(wanted); !free) return free;
    builder.AddListeningPort(wanted, options_.credentials.server, &bound_port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second manager on the port is an error
    builder.SetMaxReceiveMessageSize(kMessageBytesMax);
    builder.RegisterService(static_cast<wire::pb::Manager::CallbackService*>(this));
    server_ = builder.BuildAndStart();
    if (!server_ || bound_port == 0) {
      return failure(ErrorCode::io, "the manager cannot listen on " + wanted +
                                        ": is the port in use, or the address not of this machine?");
    }
    options_.port = static_cast<std::uint16_t>(bound_port);
    address_ = joined(options_.host, options_.port);
    // Not before the port is ours: it may be the journal of the manager that has it.
    auto journal = Journal::create(options_.journal, options_.settings, created_);
    if (!journal) return std::unexpected(journal.error());
    journal_ = std::move(*journal);
    core_.emplace(options_.settings, created_);
    return {};
  }

  // Before listen(): what the state says of the training, if it holds one.
  Result<void> open_state() {
    if (options_.state.empty()) return {};
    auto store = open_sqlite_store(options_.state);
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    if (!store_->has_training()) return {};
    const auto training = store_->training();
    if (!training) return std::unexpected(training.error());
    if (const auto other = first_difference(training->settings, options_.settings)) {
      return failure(ErrorCode::invalid_input, "the state " + options_.state.string() +
                                                   " holds a training with another " + *other +
                                                   ": give the same settings, or another file");
    }
    options_.settings = training->settings;
    if (options_.port == 0) options_.port = training->port;
    created_ = training->created;
    return {};
  }

  // After listen(): a new training, or all that happened to the one that is there.
  Result<void> begin_or_go_on() {
    if (!store_) return {};
    if (!store_->has_training())
      return store_->begin({options_.settings, created_, options_.host, options_.port});
    const auto began = Clock::now();
    std::uint64_t inputs = 0;
    Instant last = created_;
    auto replayed = store_->for_each_input([&](const Input& input) -> Result<void> {
      journal_->input(input);
      for (const Output& output : core_->replay(input)) journal_->output(output, input.at, Duration());
      last = input.at;
      ++inputs;
      return {};
    });
    if (!replayed) return replayed;
    if (core_->finished()) {
      return failure(ErrorCode::invalid_input, "the training in the state " + options_.state.string() +
                                                   " is over: remove the file, or give another");
    }
    // By the clock of the day, which may have been set meanwhile: for longer than workers wait it was not away.
    const double longest = options_.settings.manager_patience.in_seconds();
    const Duration away = Duration::seconds(
        store_->last_wall() == 0 ? 0 : std::clamp(wall() - store_->last_wall(), 0.0, longest));
    if (!options_.clock_zero || now() < last)
      started_at_ = Clock::now() - std::chrono::duration_cast<Clock::duration>(
                                       std::chrono::duration<double>((last + away).in_seconds()));
    const std::uint64_t epoch = core_->epoch() + 1;
    carry_out([&](Instant now) { return core_->restarted(epoch, away, now); });
    notice("manager " + std::to_string(epoch) + " goes on with the training after " + std::to_string(inputs) +
           " inputs, decided again in " +
           std::to_string(std::chrono::duration<double>(Clock::now() - began).count()) + " s; away for " +
           to_string(away));
    return {};
  }

  std::string address() const override { return address_; }

  Result<void> run() override {
    arm_timer();
    const auto work = asio::make_work_guard(loop_);
    loop_.run();
    server_->Shutdown(deadline_in(kFarewell));
    auto recorded = journal_->finish();
    if (error_) return std::unexpected(*error_);
    return recorded;
  }

  void stop(const std::string& why) override {
    asio::post(loop_, [this, why] { carry_out([&](Instant now) { return core_->stop(why, now); }); });
  }

 private:
  // std::chrono::steady_clock is CLOCK_MONOTONIC here.
  static Clock::time_point zero_of(const ManagerOptions& options) {
    if (!options.clock_zero) return Clock::now();
    return Clock::time_point(std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(options.clock_zero->in_seconds())));
  }
  static std::string joined(const std::string& host, std::uint16_t port) {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
  }
  static std::chrono::system_clock::time_point deadline_in(std::chrono::milliseconds patience) {
    return std::chrono::system_clock::now() + patience;
  }

  // gRPC thread.
  grpc::ServerBidiReactor<wire::pb::FromWorker, wire::pb::ToWorker>* Session(
      grpc::CallbackServerContext* context) override {
    const StreamId id(streams_made_.fetch_add(1) + 1);
    SessionStream::Events events;
    events.on_message = [this, id](const wire::pb::FromWorker& message) {
      asio::post(loop_, [this, id, message] { received(id, message); });
    };
    events.on_closed = [this, id](const std::string& why) {
      asio::post(loop_, [this, id, why] { lost(id, why); });
    };
    const auto stream = SessionStream::open(context, std::move(events));
    asio::post(loop_, [this, id, stream] {
      streams_[id] = stream;
      core_->opened(id, now());
      arm_timer();
    });
    return stream.get();
  }

  // ---- the loop ----

  Instant now() const {
    return Instant::at_seconds(std::chrono::duration<double>(Clock::now() - started_at_).count());
  }

  static double wall() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  void notice(const std::string& what) const {
    if (options_.on_notice) options_.on_notice(what);
  }
  // What users call it that the journal calls `key`: the flag, and Python's argument but for its dashes.
  static std::string user_word(const std::string& key) {
    static const std::map<std::string, std::string> words = {
        {"manager_patience_seconds", "patience"},
        {"stream_patience_seconds", "reconnect-timeout"},
        {"join_patience_seconds", "join-timeout"},
        {"compute_patience_seconds", "compute-timeout"},
        {"min_receivers", "min-receivers"},
        {"max_age", "max-age"},
        {"min_workers", "min-workers"},
        {"keep_fraction", "keep-fraction"},
        {"ages_from_zero", "ages-from-zero"},
    };
    const auto found = words.find(key);
    return found == words.end() ? key : found->second;
  }
  static std::optional<std::string> first_difference(const ManagerSettings& one,
                                                     const ManagerSettings& other) {
    const auto a = settings_json(one), b = settings_json(other);
    for (const auto& [key, value] : a.items()) {
      if (!b.contains(key)) return "sync";
      if (b.at(key) != value)
        return user_word(key) + " (" + value.dump() + ", and now " + b.at(key).dump() + ")";
    }
    return a.size() == b.size() ? std::nullopt : std::optional<std::string>("sync");
  }

  void received(StreamId id, const wire::pb::FromWorker& bytes) {
    const auto message = wire::decode(bytes);
    if (!message) return reject(id, message.error());
    carry_out([&](Instant now) { return core_->message(id, *message, bytes.heard(), now); });
    if (const auto stream = streams_.find(id); stream != streams_.end()) stream->second->read_next();
  }

  // Not even a message: told why, and cut off.
  void reject(StreamId id, const Error& error) {
    const auto stream = streams_.find(id);
    if (stream == streams_.end()) return;
    stream->second->send(wire::encode(wire::ToWorker(wire::Reject{error.message})));
    stream->second->end();
    lost(id, error.message);
  }

  void lost(StreamId id, const std::string& why) {
    if (streams_.erase(id) == 0) return;
    carry_out([&](Instant now) { return core_->closed(id, why, now); });
  }

  template <class Event>
  void carry_out(Event event) {
    const Instant before = now();
    const Effects effects = event(before);
    const Duration deciding = now() - before;
    for (const Effect& effect : effects) {
      std::visit(Overloaded{
                     [&](const Store& it) { store(it.input); },
                     [&](const Write& it) { write(it); },
                     [&](const EndStream& it) { end(it.stream); },
                     [&](const Observed& it) { observe(it.output, before, deciding); },
                 },
                 effect);
    }
    arm_timer();
  }

  // A state that cannot be written ends no training; but nobody can go on with it later.
  void store(const Input& input) {
    journal_->input(input);
    if (!store_) return;
    const auto stored = store_->append(input, wall());
    if (stored) return;
    notice(stored.error().message + "; the training goes on, but would not survive this manager");
    store_.reset();
  }
  void write(const Write& order) {
    const auto stream = streams_.find(order.stream);
    if (stream == streams_.end()) return;
    auto bytes = wire::encode(order.message);
    bytes.set_heard(order.heard);
    stream->second->send(std::move(bytes));
  }
  void end(StreamId id) {
    const auto stream = streams_.find(id);
    if (stream == streams_.end()) return;
    core_->finished() ? stream->second->end_with_connection() : stream->second->end();
    streams_.erase(stream);
  }
  void observe(const Output& output, Instant at, Duration deciding) {
    journal_->output(output, at, deciding);
    if (options_.on_output) options_.on_output(output);
    if (const auto* finished = std::get_if<Finished>(&output)) {
      error_ = finished->error;
      loop_.stop();
    }
  }

  void arm_timer() {
    const Instant due = core_->deadline();
    if (due == Instant::never()) return;
    timer_.expires_at(started_at_ + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(due.in_seconds())));
    timer_.async_wait([this](const asio::error_code& cancelled) {
      if (cancelled) return;
      carry_out([&](Instant now) { return core_->tick(now); });
    });
  }

  ManagerOptions options_;
  Clock::time_point started_at_;
  Instant created_;
  std::optional<DurableManager> core_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<Journal> journal_;
  asio::io_context loop_;
  asio::steady_timer timer_;
  std::map<StreamId, std::shared_ptr<SessionStream>> streams_;  // the loop's
  std::atomic<std::uint64_t> streams_made_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::unique_ptr<Manager>> Manager::create(ManagerOptions options) {
  if (auto usable = check_settings(options.settings); !usable) return std::unexpected(usable.error());
  if (auto allowed = allow_descriptors(kOwnDescriptors + options.settings.workers); !allowed)
    return std::unexpected(allowed.error());
  auto manager = std::make_unique<RunningManager>(std::move(options));
  if (auto opened = manager->open_state(); !opened) return std::unexpected(opened.error());
  if (auto listening = manager->listen(); !listening) return std::unexpected(listening.error());
  if (auto begun = manager->begin_or_go_on(); !begun) return std::unexpected(begun.error());
  return manager;
}

}  // namespace selmcast::manager
