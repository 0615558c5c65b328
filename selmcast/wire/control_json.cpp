// Control messages as lines of JSON (control_codec.h).
#include <google/protobuf/util/json_util.h>

#include "selmcast/wire/control.pb.h"
#include "selmcast/wire/control_codec.h"

namespace selmcast::wire {
namespace {

template <class Message>
std::string json_line(const Message& message) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : "{}";
}

}  // namespace

std::string to_json(const FromWorker& message) { return json_line(encode(message)); }
std::string to_json(const ToWorker& message) { return json_line(encode(message)); }

Result<FromWorker> from_worker_json(const std::string& json) {
  pb::FromWorker message;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  if (!status.ok()) return failure(ErrorCode::invalid_input, "not a control message: " + status.ToString());
  return decode(message);
}

}  // namespace selmcast::wire
