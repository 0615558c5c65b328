// The Link in front of one Connection (internal to net/).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/net/connection.h"

namespace selmcast::net {

class TcpLink final : public Link {
 public:
  explicit TcpLink(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {
    connection_->set_link(this);
  }
  ~TcpLink() override { connection_->abort(); }
  TcpLink(const TcpLink&) = delete;
  TcpLink& operator=(const TcpLink&) = delete;

  void send(std::vector<std::byte> frame) override { connection_->send(std::move(frame)); }
  void stream(TransferId transfer, std::span<const std::byte> payload, Rate rate) override {
    connection_->stream(transfer, payload, std::vector<PayloadPart>{}, rate);
  }
  void stream_parts(TransferId transfer, std::span<const std::byte> payload, std::vector<PayloadPart> parts,
                    Rate rate) override {
    connection_->stream(transfer, payload, std::move(parts), rate);
  }
  void stream_cut(TransferId transfer, std::span<const std::byte> payload, const StreamCut& cut,
                  Rate rate) override {
    connection_->stream(transfer, payload, cut, rate);
  }
  void extend(std::size_t available) override { connection_->extend(available); }
  void follow(const PaceSteps& steps) override { connection_->follow(steps); }
  void set_rate(Rate rate) override { connection_->set_rate(rate); }
  void abort() override { connection_->abort(); }
  double ack_load() const override { return connection_->ack_load(); }
  const std::string& remote() const override { return connection_->remote(); }

 private:
  std::shared_ptr<Connection> connection_;  // shared with its pending operations
};

}  // namespace selmcast::net
