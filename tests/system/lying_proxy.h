// A man in the middle of one worker's control stream, in the test's own process: of the worker's deliveries it tells
// the manager that they took a millisecond, and hands on all else as it is. So a real worker's measurements become
// lies, and no program has a switch for them.
// Thread rule: gRPC's threads serve; made and destroyed by the test, after the worker has gone.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "selmcast/wire/control.grpc.pb.h"

namespace selmcast::testing {

class LyingProxy final : public wire::pb::Manager::Service {
 public:
  // On a free port of loopback.
  explicit LyingProxy(const std::string& manager);
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  grpc::Status Session(grpc::ServerContext* context,
                       grpc::ServerReaderWriter<wire::pb::ToWorker, wire::pb::FromWorker>* worker) override;

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<wire::pb::Manager::Stub> manager_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace selmcast::testing
