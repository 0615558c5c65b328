#include "selmcast/wire/credentials.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

namespace selmcast::wire {

Credentials Credentials::insecure() {
  return {.server = grpc::InsecureServerCredentials(), .channel = grpc::InsecureChannelCredentials()};
}

}  // namespace selmcast::wire
