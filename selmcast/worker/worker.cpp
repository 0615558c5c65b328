#include "selmcast/worker/worker.h"

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <exception>
#include <future>
#include <map>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "selmcast/base/descriptors.h"
#include "selmcast/net/link.h"
#include "selmcast/wire/control_codec.h"
#include "selmcast/wire/credentials.h"
#include "selmcast/worker/control_stream.h"
#include "selmcast/worker/group_shell.h"
#include "selmcast/worker/limits.h"
#include "selmcast/worker/local_address.h"
#include "selmcast/worker/manager_link.h"
#include "selmcast/worker/worker_core.h"

namespace selmcast::worker {
namespace {

using Clock = std::chrono::steady_clock;

wire::Hello hello_of(const WorkerOptions& options) {
  wire::Hello hello;
  hello.name = options.name;
  hello.data_host = options.data_host;
  hello.declared_uplink = options.declared_uplink;
  hello.declared_downlink = options.declared_downlink;
  hello.receive_buffers = static_cast<std::uint32_t>(options.receive_buffers);
  for (const Tensor& tensor : options.model) {
    hello.model.tensors.push_back({tensor.name, tensor.shape, tensor.role});
  }
  hello.model.mixing = options.mixing;
  hello.model.payload = options.payload;
  return hello;
}

// Where peers find the worker, if not where it listens; the port is empty if it is the same. Requires that the text is
// empty or checked.
std::optional<HostPort> advertised(const WorkerOptions& options) {
  if (options.advertised.empty()) return std::nullopt;
  if (auto parts = split_address(options.advertised)) return *std::move(parts);
  return HostPort{options.advertised, ""};
}

// Carries out WorkerCore's actions. Everything is the loop thread's except what says otherwise.
class RunningWorker final : public Worker, private net::LinkHandler {
 public:
  explicit RunningWorker(WorkerOptions options)
      : options_(std::move(options)),
        started_at_(Clock::now()),
        timer_(loop_),
        work_(loop_.get_executor()),
        manager_(options_.connect_timeout) {
    if (options_.emulated_uplink.is_positive_finite()) {
      link_options_.uplink = net::make_budget(loop_, options_.emulated_uplink);
    }
    link_options_.streams = options_.streams;
    if (options_.emulated_downlink.is_positive_finite()) {
      link_options_.downlink = net::make_budget(loop_, options_.emulated_downlink);
    }
  }

  ~RunningWorker() override {
    leave(std::uncaught_exceptions() > 0 ? "the worker was closed by an exception" : "the worker was closed");
    if (control_) control_->close(kFarewell);
    work_.reset();
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    control_.reset();
    acceptor_.reset();
    groups_.reset();
    links_.clear();
  }

  // Caller's thread, before the loop runs.
  Result<void> open() {
    const auto manager = split_address(options_.manager);
    if (!manager) return std::unexpected(manager.error());
    if (options_.data_host.empty()) {
      auto local = options_.interface.empty() ? local_address_towards(*manager)
                                              : address_of_interface(options_.interface);
      if (!local) return std::unexpected(local.error());
      options_.data_host = *local;
    }
    auto acceptor = net::listen(loop_, options_.data_host, options_.data_port, link_options_, *this,
                                [this](std::unique_ptr<net::Link> link) { accept(std::move(link)); });
    if (!acceptor) return std::unexpected(acceptor.error());
    acceptor_ = std::move(*acceptor);

    wire::Hello hello = hello_of(options_);
    hello.data_port = acceptor_->port();
    if (const auto elsewhere = advertised(options_)) {
      hello.data_host = elsewhere->host;
      if (!elsewhere->port.empty()) hello.data_port = static_cast<std::uint16_t>(std::stoi(elsewhere->port));
    }
    core_ = std::make_unique<WorkerCore>(std::move(hello), options_.receive_buffers);
    groups_ = std::make_unique<GroupShell>(
        loop_, *core_, options_.data_host, options_.emulated_uplink,
        GroupShell::Events{[this](WorkerActions actions) { carry_out(std::move(actions)); },
                           [this](Instant steady) {
                             const auto zero = started_at_.time_since_epoch();
                             return steady - Duration::seconds(std::chrono::duration<double>(zero).count());
                           }});

    auto control =
        ControlStream::open(options_.manager, credentials_, options_.connect_timeout, stream_events());
    if (!control) return std::unexpected(control.error());
    control_ = std::move(*control);
    thread_ = std::thread([this] { loop_.run(); });
    return {};
  }

  // Caller's thread.
  Result<void> join() {
    std::promise<Result<Joined>> promise;
    auto joined = promise.get_future();
    asio::post(loop_, [this, &promise] {
      on_joined_ = [&promise](Result<Joined> result) { promise.set_value(std::move(result)); };
      carry_out(core_->start(now()));
    });
    const std::stop_callback cancelled(options_.cancel, [this] { leave("connecting was cancelled"); });
    const Result<Joined> result = joined.get();  // bounded by WorkerCore's patience
    if (!result) return std::unexpected(result.error());
    joined_ = *result;
    return {};
  }

  WorkerId id() const override { return joined_.id; }
  std::uint32_t workers_at_start() const override { return joined_.workers; }
  Bytes payload_bytes() const override { return wire::payload_bytes(hello_of(options_).model); }

  bool came_late() const override { return joined_.late; }
  // Caller's thread.
  Result<SyncReport> catch_up(std::span<float> parameters) override {
    return call(&WorkerCore::catch_up, parameters);
  }
  Result<SyncReport> synchronize(std::span<float> parameters) override {
    return call(&WorkerCore::synchronize, parameters);
  }
  Result<SyncReport> drain(std::span<float> parameters) override {
    return call(&WorkerCore::drain, parameters);
  }

  // Caller's thread.
  Result<SyncReport> call(Result<WorkerActions> (WorkerCore::*function)(std::span<float>, Instant),
                          std::span<float> parameters) {
    std::promise<Result<SyncReport>> promise;
    auto report = promise.get_future();
    asio::post(loop_, [this, function, parameters, &promise] {
      on_synchronized_ = [&promise](Result<SyncReport> result) { promise.set_value(std::move(result)); };
      auto actions = (core_.get()->*function)(parameters, now());
      if (!actions) return answer(on_synchronized_, Result<SyncReport>(std::unexpected(actions.error())));
      carry_out(std::move(*actions));
    });
    return report.get();  // bounded by WorkerCore's and the manager's patience
  }

  // Any thread.
  void leave(const std::string& why) override {
    if (!thread_.joinable()) return;
    asio::post(loop_, [this, why] { carry_out(core_->leave(why)); });
    std::promise<void> carried_out;
    asio::post(loop_, [&carried_out] { carried_out.set_value(); });
    if (std::this_thread::get_id() != thread_.get_id()) carried_out.get_future().wait();
  }

 private:
  static constexpr Duration kFarewell = Duration::seconds(1);  // for the goodbye to reach the manager

  template <class Callback, class Answer>
  static void answer(Callback& callback, Answer result) {
    if (auto once = std::exchange(callback, nullptr)) once(std::move(result));
  }

  Instant now() const {
    return Instant::at_seconds(std::chrono::duration<double>(Clock::now() - started_at_).count());
  }

  // ---- the manager ----

  // Of the stream that is opened next: what a stream says that was hung up is not heard.
  ControlStream::Events stream_events() {
    const std::uint64_t number = ++streams_made_;
    ControlStream::Events events;
    events.on_message = [this, number](const wire::pb::ToWorker& message) {
      asio::post(loop_, [this, number, message] {
        if (number == streams_made_) from_manager(message);
      });
    };
    events.on_closed = [this, number](const Error& error) {
      asio::post(loop_, [this, number, error] {
        if (number == streams_made_) carry_out(manager_.broken(error, now()));
      });
    };
    return events;
  }

  void from_manager(const wire::pb::ToWorker& bytes) {
    const auto message = wire::decode(bytes);
    if (!message) return carry_out(core_->manager_lost(message.error()));
    carry_out(manager_.came(*message, bytes.heard(), now()));
  }

  void carry_out(const ManagerLink::Actions& actions) {
    for (const ManagerLink::Action& action : actions) {
      std::visit([this](const auto& order) { obey(order); }, action);
    }
    arm_timer();
  }
  void obey(const ManagerLink::Dial&) {
    control_ = ControlStream::open_later(options_.manager, credentials_, stream_events());
  }
  void obey(const ManagerLink::Write& order) {
    auto bytes = wire::encode(order.message);
    bytes.set_heard(order.heard);
    control_->send(std::move(bytes));
  }
  void obey(const ManagerLink::Hand& order) { carry_out(core_->from_manager(order.message, now())); }
  void obey(const ManagerLink::HangUp&) {
    ++streams_made_;
    control_.reset();
  }
  void obey(const ManagerLink::Lost& lost) { carry_out(core_->manager_lost(lost.error)); }

  // ---- what the core orders ----

  void carry_out(WorkerActions actions) {
    for (WorkerAction& action : actions) {
      std::visit([this](auto& order) { obey(order); }, action);
    }
    arm_timer();
  }

  void obey(SendToManager& order) {
    auto* const delivered = std::get_if<wire::Delivered>(&order.message);
    const net::Link* const link = order.came_over ? find(*order.came_over) : nullptr;
    if (delivered != nullptr && link != nullptr) delivered->ack_load = link->ack_load();
    carry_out(manager_.say(order.message, now()));
  }
  void obey(Dial& order) {
    keep(order.link, net::dial(loop_, order.peer.host, order.peer.port, link_options_, *this));
  }
  void obey(SendFrame& order) {
    if (net::Link* link = find(order.link)) link->send(std::move(order.frame));
  }
  void obey(StartStream& order) {
    net::Link* link = find(order.link);
    if (link == nullptr) return;
    if (!order.cut) {
      link->stream(order.transfer, order.payload, order.rate);
      link->follow(order.steps);
      return;
    }
    link->stream_cut(order.transfer, order.payload,
                     {static_cast<std::size_t>(order.cut->chunk.count()), order.cut->first,
                      static_cast<std::size_t>(order.cut->available.count())},
                     order.rate);
  }
  void obey(ExtendStream& order) {
    if (net::Link* link = find(order.link)) link->extend(static_cast<std::size_t>(order.available.count()));
  }
  void obey(StreamParts& order) {
    std::vector<net::PayloadPart> parts;
    for (const mcast::StreamPart& part : order.parts) parts.push_back({part.first, part.offset, part.length});
    if (net::Link* link = find(order.link))
      link->stream_parts(order.transfer, order.payload, std::move(parts), order.rate);
  }
  void obey(GroupOrder& order) { groups_->obey(order); }
  void obey(SetRate& order) {
    if (net::Link* link = find(order.link)) link->set_rate(order.rate);
  }
  void obey(AbortLink& order) {
    if (net::Link* link = find(order.link)) {
      link->abort();
      forget(order.link);
    }
  }
  void obey(Joined& joined) { answer(on_joined_, Result<Joined>(joined)); }
  void obey(Synchronized& done) { answer(on_synchronized_, Result<SyncReport>(std::move(done.report))); }
  void obey(Over& over) {
    acceptor_.reset();
    if (control_) control_->close(Duration());  // says its last word, and does not wait for the manager's
    answer(on_joined_, Result<Joined>(std::unexpected(over.error)));
    answer(on_synchronized_, Result<SyncReport>(std::unexpected(over.error)));
  }

  // ---- links ----

  void keep(LinkId id, std::unique_ptr<net::Link> link) {
    ids_[link.get()] = id;
    links_[id] = std::move(link);
  }
  net::Link* find(LinkId id) const {
    const auto found = links_.find(id);
    return found == links_.end() ? nullptr : found->second.get();
  }
  void forget(LinkId id) {
    const auto found = links_.find(id);
    if (found == links_.end()) return;
    ids_.erase(found->second.get());
    links_.erase(found);
  }
  std::optional<LinkId> id_of(const net::Link& link) const {
    const auto found = ids_.find(&link);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }

  void accept(std::unique_ptr<net::Link> link) {
    const std::size_t most = static_cast<std::size_t>(joined_workers()) * kLinksPerWorker + kStrangersMax;
    if (core_->is_over() || links_.size() >= most) return link->abort();
    keep(core_->accepted(now()), std::move(link));
    arm_timer();
  }
  std::uint32_t joined_workers() const {
    const auto& welcome = core_->welcome();
    return welcome ? std::max(welcome->workers, core_->workers()) : 0;
  }

  void on_connected(net::Link& link) override {
    if (const auto id = id_of(link)) carry_out(core_->connected(*id));
  }
  Result<std::span<std::byte>> on_chunk_header(net::Link& link, const wire::FrameHeader& header) override {
    const auto id = id_of(link);
    if (!id) return failure(ErrorCode::cancelled, "the link was given up");
    return core_->chunk_place(*id, header);
  }
  void on_chunk_bytes(net::Link& link, const wire::FrameHeader&, Bytes bytes) override {
    if (const auto id = id_of(link)) core_->chunk_bytes(*id, bytes, now());
  }
  Result<void> on_frame(net::Link& link, const wire::FrameHeader& header,
                        std::span<const std::byte> payload) override {
    const auto id = id_of(link);
    if (!id) return {};
    auto actions = core_->frame(*id, header, payload, now());
    if (!actions) return std::unexpected(actions.error());
    carry_out(std::move(*actions));
    return {};
  }
  void on_stream_sent(net::Link& link, TransferId transfer) override {
    if (const auto id = id_of(link)) carry_out(core_->stream_sent(*id, transfer, now()));
  }
  void on_closed(net::Link& link, const Error& error) override {
    const auto id = id_of(link);
    if (!id) return;
    forget(*id);
    carry_out(core_->closed(*id, error, now()));
  }

  void arm_timer() {
    const Instant due = std::min(core_->deadline(), manager_.deadline());
    if (due == Instant::never()) return;
    timer_.expires_at(started_at_ + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(due.in_seconds())));
    timer_.async_wait([this](const asio::error_code& cancelled) {
      if (cancelled) return;
      carry_out(manager_.tick(now()));
      carry_out(core_->tick(now()));
    });
  }

  WorkerOptions options_;
  const wire::Credentials credentials_ = wire::Credentials::insecure();
  Clock::time_point started_at_;
  asio::io_context loop_;
  asio::steady_timer timer_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  net::LinkOptions link_options_;
  std::unique_ptr<WorkerCore> core_;
  std::unique_ptr<GroupShell> groups_;
  std::unique_ptr<net::Acceptor> acceptor_;
  std::map<LinkId, std::unique_ptr<net::Link>> links_;
  std::map<const net::Link*, LinkId> ids_;
  ManagerLink manager_;
  std::uint64_t streams_made_ = 0;  // to the manager; the last one is heard
  std::unique_ptr<ControlStream> control_;
  std::function<void(Result<Joined>)> on_joined_;
  std::function<void(Result<SyncReport>)> on_synchronized_;
  std::thread thread_;
  Joined joined_;  // the caller's, after join()
};

Result<void> check(const WorkerOptions& options) {
  const auto bad = [](const std::string& what) {
    return failure(ErrorCode::invalid_input, "worker options: " + what);
  };
  if (options.name.empty()) return bad("name is empty");
  if (options.model.empty()) return bad("model has no tensors");
  for (const Tensor& tensor : options.model) {
    for (std::int64_t extent : tensor.shape) {
      if (extent <= 0) return bad("tensor '" + tensor.name + "' has an extent that is not positive");
    }
  }
  if (!options.declared_uplink.is_positive_finite() || !options.declared_downlink.is_positive_finite()) {
    return bad("declared rates must be positive and finite");
  }
  if (!(options.emulated_uplink > Rate()) || !(options.emulated_downlink > Rate())) {
    return bad("emulated rates must be positive");
  }
  if (options.receive_buffers < 1) return bad("receive_buffers must be at least 1");
  if (options.streams < 1 || options.streams > net::kStreamsMax)
    return bad("streams must be 1 to " + std::to_string(net::kStreamsMax));
  if (!options.interface.empty() && !options.data_host.empty()) {
    return bad("data_host and interface both say where to listen: give one of them");
  }
  if (options.advertised.contains(':') && !split_address(options.advertised)) {
    return bad("advertised '" + options.advertised + "' is neither host nor host:port");
  }
  asio::error_code no_address;
  if (const auto host = asio::ip::make_address(options.data_host, no_address);
      !no_address && host.is_unspecified() && options.advertised.empty()) {
    return bad("data_host " + options.data_host +
               " is no address that peers can reach: name one of this machine's, or say what is advertised");
  }
  // The rest as the manager will check it.
  wire::Hello hello = hello_of(options);
  hello.data_port = 1;
  if (hello.data_host.empty()) hello.data_host = "found later";
  if (const auto taken = wire::decode(wire::encode(wire::FromWorker(hello))); !taken)
    return bad(taken.error().message);
  return {};
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::connect(WorkerOptions options) {
  if (auto good = check(options); !good) return std::unexpected(good.error());
  if (auto allowed = allow_descriptors(kOwnDescriptors); !allowed) return std::unexpected(allowed.error());
  auto worker = std::make_unique<RunningWorker>(std::move(options));
  if (auto opened = worker->open(); !opened) return std::unexpected(opened.error());
  if (auto joined = worker->join(); !joined) return std::unexpected(joined.error());
  return worker;
}

}  // namespace selmcast::worker
