// What the two ends of the control plane show each other to prove who they are. Whoever listens or dials with gRPC
// takes it from here, and nowhere else: TLS and identities are for this place to add. The data plane's place is
// net::listen() and net::dial(), which are told all there is to tell in LinkOptions.
#pragma once

#include <memory>

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace selmcast::wire {

struct Credentials {
  std::shared_ptr<grpc::ServerCredentials> server;    // the manager's
  std::shared_ptr<grpc::ChannelCredentials> channel;  // of workers, and of doctor

  // Neither identity nor encryption: why a manager listens on loopback only, unless told --insecure-listen.
  static Credentials insecure();
};

}  // namespace selmcast::wire
