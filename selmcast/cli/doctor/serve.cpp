#include "selmcast/cli/doctor/serve.h"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>

#include "selmcast/cli/doctor/multicast.h"
#include "selmcast/worker/local_address.h"

namespace selmcast::doctor {
namespace {

using asio::ip::tcp;

constexpr auto kGlance = std::chrono::milliseconds(100);

Result<tcp::endpoint> endpoint_of(asio::io_context& io, const std::string& where) {
  const bool is_port = where.find(':') == std::string::npos;
  const auto parts = worker::split_address(is_port ? "[::]:" + where : where);
  if (!parts) return failure(ErrorCode::invalid_input, "'" + where + "' is no port and no host:port");
  asio::error_code error;
  const auto found = tcp::resolver(io).resolve(parts->host, parts->port, error);
  if (error || found.empty())
    return failure(ErrorCode::io, "cannot resolve " + parts->host + ": " + error.message());
  return found.begin()->endpoint();
}

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string port = ":" + std::to_string(endpoint.port());
  const auto address = endpoint.address();
  if (address.is_v4()) return address.to_string() + port;
  if (address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string() + port;
  return "[" + address.to_string() + "]" + port;
}

class Server {
 public:
  Server(asio::io_context& io, const Serving& serving)
      : io_(io), acceptor_(io), timer_(io), serving_(serving) {}

  Result<void> open() {
    auto endpoint = endpoint_of(io_, serving_.where);
    if (!endpoint) return std::unexpected(endpoint.error());
    asio::error_code error;
    acceptor_.open(endpoint->protocol(), error);
    if (error && endpoint->address().is_unspecified()) {  // a machine without IPv6
      endpoint = tcp::endpoint(tcp::v4(), endpoint->port());
      acceptor_.open(endpoint->protocol(), error);
    }
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint->address().is_v6()) acceptor_.set_option(asio::ip::v6_only(false), error);
    if (!error) acceptor_.bind(*endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error)
      return failure(ErrorCode::io, "cannot listen at " + text_of(*endpoint) + ": " + error.message());
    if (serving_.listening) serving_.listening(text_of(acceptor_.local_endpoint()));
    accept();
    look_up();
    return {};
  }

 private:
  void accept() {
    acceptor_.async_accept([this](const asio::error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      asio::error_code gone;
      const auto caller = socket.remote_endpoint(gone);
      if (!error && !gone && serving_.reached_by) serving_.reached_by(text_of(caller));
      accept();
    });
  }

  void look_up() {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    if (serving_.stop() || passed.count() >= serving_.length.in_seconds()) return io_.stop();
    timer_.expires_after(kGlance);
    timer_.async_wait([this](const asio::error_code&) { look_up(); });
  }

  asio::io_context& io_;
  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  const Serving& serving_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

Result<void> serve(const Serving& serving) {
  asio::io_context io;
  Server server(io, serving);
  if (auto opened = server.open(); !opened) return opened;
  const MulticastAnswers answers(serving.where);
  io.run();
  return {};
}

}  // namespace selmcast::doctor
