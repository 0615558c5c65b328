#include "selmcast/manager/manager.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <utility>

#include "selmcast/manager/journal.h"
#include "selmcast/manager/session_stream.h"
#include "selmcast/wire/control_codec.h"

namespace selmcast::manager {
namespace {

constexpr int kMessageBytesMax = 64 << 20;
constexpr auto kFarewell = std::chrono::milliseconds(500);  // for last messages to reach the workers

using Clock = std::chrono::steady_clock;

class RunningManager final : public Manager, private wire::pb::Manager::CallbackService {
 public:
  explicit RunningManager(ManagerOptions options)
      : options_(std::move(options)),
        started_at_(zero_of(options_)),
        created_(now()),
        core_(options_.settings, created_),
        timer_(loop_) {}

  ~RunningManager() override {
    if (server_) server_->Shutdown(deadline_in(kFarewell));
    sessions_.clear();
  }

  Result<void> listen() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int bound_port = 0;
    const std::string wanted = joined(options_.host, options_.port);
    builder.AddListeningPort(wanted, grpc::InsecureServerCredentials(), &bound_port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second manager on the port is an error
    builder.SetMaxReceiveMessageSize(kMessageBytesMax);
    builder.RegisterService(static_cast<wire::pb::Manager::CallbackService*>(this));
    server_ = builder.BuildAndStart();
    if (!server_ || bound_port == 0) {
      return failure(ErrorCode::io, "the manager cannot listen on " + wanted +
                                        ": is the port in use, or the address not of this machine?");
    }
    address_ = joined(options_.host, static_cast<std::uint16_t>(bound_port));
    // Not before the port is ours: it may be the journal of the manager that has it.
    auto journal = Journal::create(options_.journal, options_.settings, created_);
    if (!journal) return std::unexpected(journal.error());
    journal_ = std::move(*journal);
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
    asio::post(loop_, [this, why] {
      carry_out([&](Instant now) {
        journal_->stopped(why, now);
        return core_.stop(why, now);
      });
    });
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
    const SessionId id(sessions_made_.fetch_add(1) + 1);
    SessionStream::Events events;
    events.on_message = [this, id](const wire::pb::FromWorker& message) {
      asio::post(loop_, [this, id, message] { received(id, message); });
    };
    events.on_closed = [this, id](const std::string& why) {
      asio::post(loop_, [this, id, why] { lost(id, why); });
    };
    const auto stream = SessionStream::open(context, std::move(events));
    asio::post(loop_, [this, id, stream] {
      sessions_[id] = stream;
      carry_out([&](Instant now) {
        journal_->opened(id, now);
        return core_.opened(id, now);
      });
    });
    return stream.get();
  }

  // ---- the loop ----

  Instant now() const {
    return Instant::at_seconds(std::chrono::duration<double>(Clock::now() - started_at_).count());
  }

  void received(SessionId id, const wire::pb::FromWorker& bytes) {
    const auto message = wire::decode(bytes);
    if (!message) return reject(id, message.error());
    carry_out([&](Instant now) {
      journal_->message(id, *message, now);
      return core_.message(id, *message, now);
    });
    if (const auto stream = sessions_.find(id); stream != sessions_.end()) stream->second->read_next();
  }

  // Not even a message: told why, and cut off.
  void reject(SessionId id, const Error& error) {
    const auto stream = sessions_.find(id);
    if (stream == sessions_.end()) return;
    stream->second->send(wire::encode(wire::ToWorker(wire::Reject{error.message})));
    stream->second->end();
    lost(id, error.message);
  }

  void lost(SessionId id, const std::string& why) {
    if (sessions_.erase(id) == 0) return;
    carry_out([&](Instant now) {
      journal_->closed(id, why, now);
      return core_.closed(id, why, now);
    });
  }

  template <class Event>
  void carry_out(Event event) {
    const Instant before = now();
    const Outputs outputs = event(before);
    const Duration deciding = now() - before;
    for (const Output& output : outputs) {
      journal_->output(output, before, deciding);
      if (options_.on_output) options_.on_output(output);
      if (const auto* send = std::get_if<Send>(&output)) {
        const auto stream = sessions_.find(send->session);
        if (stream != sessions_.end()) stream->second->send(wire::encode(send->message));
      } else if (const auto* close = std::get_if<Close>(&output)) {
        const auto stream = sessions_.find(close->session);
        if (stream != sessions_.end())
          core_.finished() ? stream->second->end_with_connection() : stream->second->end();
        sessions_.erase(close->session);
      } else if (const auto* finished = std::get_if<Finished>(&output)) {
        error_ = finished->error;
        loop_.stop();
      }
    }
    arm_timer();
  }

  void arm_timer() {
    const Instant due = core_.deadline();
    if (due == Instant::never()) return;
    timer_.expires_at(started_at_ + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(due.in_seconds())));
    timer_.async_wait([this](const asio::error_code& cancelled) {
      if (cancelled) return;
      carry_out([&](Instant now) {
        if (now >= core_.deadline()) journal_->tick(now);
        return core_.tick(now);
      });
    });
  }

  ManagerOptions options_;
  Clock::time_point started_at_;
  Instant created_;
  ManagerCore core_;
  std::unique_ptr<Journal> journal_;
  asio::io_context loop_;
  asio::steady_timer timer_;
  std::map<SessionId, std::shared_ptr<SessionStream>> sessions_;  // the loop's
  std::atomic<std::uint64_t> sessions_made_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::unique_ptr<Manager>> Manager::create(ManagerOptions options) {
  if (auto usable = check_settings(options.settings); !usable) return std::unexpected(usable.error());
  auto manager = std::make_unique<RunningManager>(std::move(options));
  if (auto listening = manager->listen(); !listening) return std::unexpected(listening.error());
  return manager;
}

}  // namespace selmcast::manager
