#include "selmcast/cli/chrome_trace.h"

#include <fmt/format.h>

namespace selmcast::cli {
namespace {

double microseconds(Instant time) { return time.in_seconds() * 1e6; }

const char* name_of(sim::Activity activity) {
  switch (activity) {
    case sim::Activity::computing: return "computing";
    case sim::Activity::sending: return "sending";
    case sim::Activity::waiting: return "waiting";
  }
  return "";
}

const char* name_of(sim::DeliveryEnd end) {
  switch (end) {
    case sim::DeliveryEnd::delivered: return "delivered";
    case sim::DeliveryEnd::dropped: return "dropped";
    case sim::DeliveryEnd::unfinished: return "unfinished";
  }
  return "";
}

}  // namespace

ChromeTrace::ChromeTrace(const std::string& path, const sim::Settings& settings)
    : path_(path), overlap_(settings.overlap), out_(path) {
  out_ << "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  for (std::size_t i = 0; i < settings.workers; ++i) {
    write(
        fmt::format(R"({{"ph":"M","name":"process_name","pid":{},"tid":0,"args":{{"name":"w{}"}}}})", i, i));
    write(fmt::format(
        R"({{"ph":"M","name":"process_sort_index","pid":{},"tid":0,"args":{{"sort_index":{}}}}})", i, i));
    const auto name_thread = [&](int thread, const char* name) {
      write(fmt::format(R"({{"ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":"{}"}}}})", i,
                        thread, name));
    };
    name_thread(0, "work");
    if (overlap_) name_thread(1, "multicast");
  }
}

void ChromeTrace::write(const std::string& event) {
  if (!first_) out_ << ",\n";
  first_ = false;
  out_ << event;
}

void ChromeTrace::did(WorkerIndex worker, sim::Activity activity, sim::Span span, std::uint64_t round,
                      std::size_t reached) {
  const bool sends = activity == sim::Activity::sending;
  const std::string more = sends ? fmt::format(",\"reached\":{}", reached) : std::string();
  write(fmt::format(
      R"({{"ph":"X","name":"{}","cat":"work","pid":{},"tid":{},"ts":{:.3f},"dur":{:.3f},"args":{{"round":{}{}}}}})",
      name_of(activity), worker.value(), overlap_ && sends ? 1 : 0, microseconds(span.from),
      microseconds(span.to) - microseconds(span.from), round, more));
}

void ChromeTrace::delivery(plan::Pair pair, sim::Span span, sim::DeliveryEnd end) {
  const std::uint64_t id = deliveries_++;
  const auto edge = [&](char phase, Instant time) {
    write(fmt::format(R"({{"ph":"{}","name":"from w{}","cat":"delivery","id":{},"pid":{},"tid":0,)"
                      R"("ts":{:.3f},"args":{{"ended":"{}"}}}})",
                      phase, pair.sender.value(), id, pair.receiver.value(), microseconds(time),
                      name_of(end)));
  };
  edge('b', span.from);
  edge('e', span.to);
}

Result<void> ChromeTrace::finish() {
  out_ << "\n]}\n";
  out_.close();
  if (out_) return {};
  return failure(ErrorCode::io,
                 fmt::format("--trace {}: cannot be written; is the folder there, and space left?", path_));
}

}  // namespace selmcast::cli
