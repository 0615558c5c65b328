#include "selmcast/net/bundle.h"

#include <fmt/core.h>

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/net/limits.h"
#include "selmcast/net/pace_schedule.h"
#include "selmcast/net/stripes.h"
#include "selmcast/net/tcp_link.h"

namespace selmcast::net {
namespace {

Instant now() {
  const auto since_epoch = std::chrono::steady_clock::now().time_since_epoch();
  return Instant::at_seconds(std::chrono::duration<double>(since_epoch).count());
}

// Whoever calls out to the handler touches nothing of this afterwards: the handler may have destroyed it.
class Bundle final : public Link, private LinkHandler {
 public:
  Bundle(asio::io_context& io, const std::string& host, std::uint16_t port, const LinkOptions& options,
         LinkHandler& handler)
      : handler_(handler), pace_timer_(io), remote_(address(host, port)) {
    for (int k = 0; k < options.streams; ++k) {
      Strand& strand = strands_.emplace_back();
      strand.connection =
          std::make_shared<Connection>(io, options, static_cast<LinkHandler&>(*this), remote_);
      strand.front = std::make_unique<TcpLink>(strand.connection);
    }
    for (const Strand& strand : strands_) strand.connection->dial(host, port);
  }
  ~Bundle() override { abort(); }
  Bundle(const Bundle&) = delete;
  Bundle& operator=(const Bundle&) = delete;

  void send(std::vector<std::byte> frame) override {
    if (std::exchange(greeted_, true)) return first().send(std::move(frame));
    for (const Strand& strand : strands_) strand.connection->send(frame);
  }

  void stream(TransferId transfer, std::span<const std::byte> payload, Rate rate) override {
    if (payload.empty()) return first().stream(transfer, payload, std::vector<PayloadPart>{}, rate);
    start(transfer, payload, Stripes(payload.size(), strands_.size()), rate);
  }
  void stream_parts(TransferId transfer, std::span<const std::byte> payload, std::vector<PayloadPart> parts,
                    Rate rate) override {
    first().stream(transfer, payload, std::move(parts), rate);
  }
  void stream_cut(TransferId transfer, std::span<const std::byte> payload, const StreamCut& cut,
                  Rate rate) override {
    start(transfer, payload, Stripes(payload.size(), cut), rate);
  }
  void extend(std::size_t available) override {
    if (!stripes_) return;
    stripes_->extend(available);
    for (Strand& strand : strands_) {
      if (!strand.busy) feed(strand);
    }
    keep_pace();
  }
  void follow(const PaceSteps& steps) override {
    if (!stripes_) return first().follow(steps);
    if (steps.empty()) return;
    schedule_->follow(steps);
    keep_pace();
  }
  void set_rate(Rate rate) override {
    if (!stripes_) return first().set_rate(rate);
    schedule_->set_rate(rate, now());
    keep_pace();
  }

  void abort() override {
    open_ = false;
    stripes_.reset();
    schedule_.reset();
    pace_timer_.cancel();
    for (const Strand& strand : strands_) strand.connection->abort();
  }
  double ack_load() const override { return strands_.front().connection->ack_load(); }
  const std::string& remote() const override { return remote_; }

 private:
  struct Strand {
    std::shared_ptr<Connection> connection;
    std::unique_ptr<Link> front;
    bool busy = false;  // has a stripe of the running stream
  };

  Connection& first() const { return *strands_.front().connection; }
  Strand& of(const Link& link) {
    const auto found =
        std::ranges::find_if(strands_, [&](const Strand& strand) { return strand.front.get() == &link; });
    SELMCAST_CHECK(found != strands_.end(), "a connection of this bundle");
    return *found;
  }

  // ---- sending

  void start(TransferId transfer, std::span<const std::byte> payload, const Stripes& stripes, Rate rate) {
    if (!open_) return;
    SELMCAST_CHECK(!stripes_ && rate > Rate(), "one stream at a time, at a positive rate");
    transfer_ = transfer;
    payload_ = payload;
    stripes_ = stripes;
    schedule_.emplace(Bytes(static_cast<std::int64_t>(stripes.rest())), rate, now());
    written_before_ = written();
    for (Strand& strand : strands_) feed(strand);
    keep_pace();
  }

  void feed(Strand& strand) {
    const auto part = stripes_->next();
    strand.busy = part.has_value();
    if (part) strand.connection->stripe(transfer_, payload_, *part);
  }

  Bytes written() const {
    Bytes sum;
    for (const Strand& strand : strands_) sum += strand.connection->written();
    return sum;
  }

  // As Connection::keep_pace(), for all of them.
  void keep_pace() {
    if (!open_ || !schedule_) return;
    Bytes unacknowledged;
    std::int64_t sending = 0;
    for (const Strand& strand : strands_) {
      const Bytes waiting = strand.connection->unacknowledged();
      unacknowledged += waiting;
      sending += strand.busy || waiting > Bytes(0) ? 1 : 0;
    }
    const Bytes sent = written() - written_before_;
    const Bytes arrived = sent - std::min(sent, unacknowledged);
    const Instant at = now();
    const Rate rate = schedule_->pace(arrived, at);
    const Rate each =
        rate.is_unlimited() ? rate : rate * (1.0 / static_cast<double>(std::max<std::int64_t>(sending, 1)));
    for (const Strand& strand : strands_) strand.connection->pace_at(each);
    const bool through = !stripes_ && unacknowledged == Bytes(0);
    if (through) schedule_.reset();
    if (through || !schedule_->is_limited()) return;
    pace_timer_.expires_after(std::chrono::ceil<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(std::min(kPaceInterval, schedule_->next_step(at) - at).in_seconds())));
    pace_timer_.async_wait([weak = std::weak_ptr(alive_), this](asio::error_code cancelled) {
      if (!cancelled && !weak.expired()) keep_pace();
    });
  }

  // ---- what the connections tell

  void on_connected(Link&) override {
    keep_pace();
    if (++connected_ == strands_.size()) handler_.on_connected(*this);
  }
  Result<std::span<std::byte>> on_chunk_header(Link&, const wire::FrameHeader& header) override {
    return handler_.on_chunk_header(*this, header);
  }
  void on_chunk_bytes(Link&, const wire::FrameHeader& header, Bytes bytes) override {
    handler_.on_chunk_bytes(*this, header, bytes);
  }
  Result<void> on_frame(Link&, const wire::FrameHeader& header, std::span<const std::byte> payload) override {
    return handler_.on_frame(*this, header, payload);
  }
  void on_stream_sent(Link& link, TransferId transfer) override {
    if (!stripes_) return handler_.on_stream_sent(*this, transfer);  // patches
    Strand& strand = of(link);
    feed(strand);
    if (strand.busy) return;
    const bool others = std::ranges::any_of(strands_, &Strand::busy);
    if (stripes_->all_given() && !others) stripes_.reset();
    keep_pace();
    if (!stripes_) handler_.on_stream_sent(*this, transfer);
  }
  void on_closed(Link& link, const Error& error) override {
    const auto number = &of(link) - strands_.data() + 1;
    const Error told = with_context(fmt::format("connection {} of {}", number, strands_.size()), error);
    abort();
    handler_.on_closed(*this, told);
  }

  LinkHandler& handler_;
  asio::steady_timer pace_timer_;
  std::string remote_;
  std::vector<Strand> strands_;
  bool open_ = true;
  bool greeted_ = false;
  std::size_t connected_ = 0;

  TransferId transfer_;
  std::span<const std::byte> payload_;
  std::optional<Stripes> stripes_;        // of the running stream
  std::optional<PaceSchedule> schedule_;  // of the last one, until all of it was acknowledged
  Bytes written_before_;                  // that stream began
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace

std::unique_ptr<Link> dial_bundle(asio::io_context& io, const std::string& host, std::uint16_t port,
                                  LinkOptions options, LinkHandler& handler) {
  return std::make_unique<Bundle>(io, host, port, options, handler);
}

}  // namespace selmcast::net
