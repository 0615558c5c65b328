// dial(), listen() and the Link in front of a Connection.
#include "selmcast/net/link.h"

#include <fmt/core.h>

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/net/bundle.h"
#include "selmcast/net/connection.h"
#include "selmcast/net/limits.h"
#include "selmcast/net/socket_options.h"
#include "selmcast/net/tcp_link.h"

namespace selmcast::net {
namespace {

using asio::ip::tcp;

// Shared by the Acceptor and its pending accept, so that the Acceptor may be destroyed at any time.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& io, LinkOptions options, LinkHandler& handler, Acceptor::OnAccept on_accept)
      : io_(io),
        acceptor_(io),
        retry_(io),
        options_(std::move(options)),
        handler_(handler),
        on_accept_(std::move(on_accept)) {}

  asio::error_code open(const tcp::endpoint& endpoint) {
    asio::error_code ec;
    acceptor_.open(endpoint.protocol(), ec);
    if (ec) return ec;
    close_on_exec(acceptor_.native_handle());
    emulate_network(acceptor_.native_handle(), {.uplink = options_.uplink != nullptr,
                                                .downlink = options_.downlink != nullptr,
                                                .loopback = endpoint.address().is_loopback()});
    acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor_.bind(endpoint, ec);
    if (!ec) acceptor_.listen(kListenBacklog, ec);
    if (!ec) port_ = acceptor_.local_endpoint(ec).port();
    return ec;
  }

  std::uint16_t port() const { return port_; }

  void stop() {
    open_ = false;
    retry_.cancel();
    asio::error_code ec;
    acceptor_.close(ec);
  }

  void accept_next() {
    acceptor_.async_accept([self = shared_from_this()](asio::error_code ec, tcp::socket socket) {
      if (!self->open_) return;
      if (ec == asio::error::no_descriptors || ec == asio::error::no_buffer_space ||
          ec == asio::error::no_memory) {
        self->accept_later();
        return;
      }
      if (!ec) self->accepted(std::move(socket));
      if (self->open_) self->accept_next();
    });
  }

 private:
  void accept_later() {
    retry_.expires_after(std::chrono::ceil<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(kAcceptRetry.in_seconds())));
    retry_.async_wait([self = shared_from_this()](asio::error_code) {
      if (self->open_) self->accept_next();
    });
  }

  void accepted(tcp::socket socket) {
    asio::error_code ec;
    const auto peer = socket.remote_endpoint(ec);
    if (ec) return;  // gone already
    auto connection = std::make_shared<Connection>(io_, options_, handler_,
                                                   address(peer.address().to_string(), peer.port()));
    on_accept_(std::make_unique<TcpLink>(connection));
    connection->start_accepted(std::move(socket));
  }

  asio::io_context& io_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  LinkOptions options_;
  LinkHandler& handler_;
  Acceptor::OnAccept on_accept_;
  bool open_ = true;
  std::uint16_t port_ = 0;
};

class TcpAcceptor final : public Acceptor {
 public:
  explicit TcpAcceptor(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}
  ~TcpAcceptor() override { listener_->stop(); }
  TcpAcceptor(const TcpAcceptor&) = delete;
  TcpAcceptor& operator=(const TcpAcceptor&) = delete;
  std::uint16_t port() const override { return listener_->port(); }

 private:
  std::shared_ptr<Listener> listener_;
};

Result<tcp::endpoint> resolve(asio::io_context& io, const std::string& host, std::uint16_t port) {
  asio::error_code ec;
  if (const auto ip = asio::ip::make_address(host, ec); !ec) return tcp::endpoint(ip, port);
  tcp::resolver resolver(io);
  const auto results = resolver.resolve(host, std::to_string(port), tcp::resolver::numeric_service, ec);
  if (ec || results.empty()) {
    return failure(ErrorCode::io, fmt::format("listening on {}: {}; give an address of this machine",
                                              address(host, port), ec.message()));
  }
  return results.begin()->endpoint();
}

}  // namespace

std::unique_ptr<Link> dial(asio::io_context& io, const std::string& host, std::uint16_t port,
                           LinkOptions options, LinkHandler& handler) {
  SELMCAST_CHECK(options.streams >= 1 && options.streams <= kStreamsMax, "a link is made of streams");
  if (options.streams > 1) return dial_bundle(io, host, port, std::move(options), handler);
  auto connection = std::make_shared<Connection>(io, std::move(options), handler, address(host, port));
  auto link = std::make_unique<TcpLink>(connection);
  connection->dial(host, port);
  return link;
}

Result<std::unique_ptr<Acceptor>> listen(asio::io_context& io, const std::string& host, std::uint16_t port,
                                         LinkOptions options, LinkHandler& handler,
                                         Acceptor::OnAccept on_accept) {
  const auto endpoint = resolve(io, host, port);
  if (!endpoint) return std::unexpected(endpoint.error());
  auto listener = std::make_shared<Listener>(io, std::move(options), handler, std::move(on_accept));
  if (const auto ec = listener->open(*endpoint)) {
    const char* remedy = ec == asio::error::address_in_use
                             ? "choose another port or end the process that holds it"
                             : "give an address and port that this machine may use";
    return failure(ErrorCode::io,
                   fmt::format("listening on {}: {}; {}", address(host, port), ec.message(), remedy));
  }
  listener->accept_next();
  return std::make_unique<TcpAcceptor>(std::move(listener));
}

}  // namespace selmcast::net
