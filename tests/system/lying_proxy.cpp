#include "tests/system/lying_proxy.h"

#include <thread>

namespace selmcast::testing {

using wire::pb::FromWorker, wire::pb::ToWorker;

LyingProxy::LyingProxy(const std::string& manager)
    : channel_(grpc::CreateChannel(manager, grpc::InsecureChannelCredentials())),
      manager_(wire::pb::Manager::NewStub(channel_)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

grpc::Status LyingProxy::Session(grpc::ServerContext* context,
                                 grpc::ServerReaderWriter<ToWorker, FromWorker>* worker) {
  grpc::ClientContext onwards;
  const auto manager = manager_->Session(&onwards);
  std::thread back([&] {
    for (ToWorker message; manager->Read(&message) && worker->Write(message);) {
    }
    // A manager ends first only if it is lost: so is the stream, and the worker's Read() below ends.
    if (!context->IsCancelled()) context->TryCancel();
  });
  for (FromWorker message; worker->Read(&message);) {
    if (message.has_delivered()) {
      auto& delivered = *message.mutable_delivered();
      const double shrunk = 0.001 / delivered.finished_seconds();
      for (double& seconds : *delivered.mutable_progress_seconds()) seconds *= shrunk;
      delivered.set_started_seconds(shrunk * delivered.started_seconds());
      delivered.set_finished_seconds(0.001);
    }
    if (!manager->Write(message)) break;
  }
  manager->WritesDone();
  back.join();
  return manager->Finish();
}

}  // namespace selmcast::testing
