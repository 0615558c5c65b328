#include "selmcast/testbed/conductor.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>

#include "selmcast/base/overloaded.h"

namespace selmcast::testbed {
namespace {

using nlohmann::json;

json counters_json(const QdiscCounters& counters) {
  return {{"bytes", counters.sent.count()},
          {"frames", counters.frames},
          {"lost", counters.lost},
          {"waiting_bytes", counters.waiting.count()}};
}

void add_rate(json& line, const char* direction, const std::optional<net::LinkRate>& rate) {
  if (!rate) return;
  line[std::string(direction) + "_line_bps"] = rate->bps();
  line[std::string(direction) + "_bps"] = rate->payload().bps();
}

}  // namespace

Instant monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant::at_seconds(static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec));
}

std::string happening_json(const Happening& what, Instant at) {
  json line = {{"at_seconds", at.in_seconds()}};
  std::visit(Overloaded{[&](const ChangeRates& change) {
                          line["event"] = "rate";
                          line["host"] = change.host;
                          add_rate(line, "uplink", change.uplink);
                          add_rate(line, "downlink", change.downlink);
                        },
                        [&](const Cut& cut) {
                          line["event"] = "cut";
                          line["host"] = cut.host;
                        },
                        [&](const Heal& heal) {
                          line["event"] = "heal";
                          line["host"] = heal.host;
                        },
                        [&](const Traffic& traffic) {
                          line["event"] = "traffic";
                          line["from"] = traffic.from;
                          line["to"] = traffic.to;
                          line["line_bps"] = traffic.rate.bps();
                          line["payload_bps"] = traffic.rate.payload().bps();  // that a stream loses by it
                          line["seconds"] = traffic.lasts.in_seconds();
                        }},
             what);
  return line.dump();
}

Result<std::unique_ptr<Conductor>> Conductor::start(Testbed& bed, ConductorOptions options) {
  std::unique_ptr<Conductor> conductor(new Conductor(bed, std::move(options)));
  if (!conductor->options_.record.empty()) {
    conductor->file_ = conductor->options_.record == "-"
                           ? fdopen(dup(STDOUT_FILENO), "w")
                           : std::fopen(conductor->options_.record.c_str(), "we");
    if (conductor->file_ == nullptr) {
      return failure(ErrorCode::io,
                     conductor->options_.record.string() + ": cannot be written: " + std::strerror(errno));
    }
    auto downlinks = QdiscReader::open(switch_namespace(bed.id()));
    if (!downlinks) return std::unexpected(downlinks.error());
    conductor->downlinks_.push_back(std::move(*downlinks));
    for (std::size_t k = 0; k < bed.description().hosts.size(); ++k) {
      auto uplink = QdiscReader::open(bed.namespace_of(k));
      if (!uplink) return std::unexpected(uplink.error());
      conductor->uplinks_.push_back(std::move(*uplink));
      const Host& host = bed.description().hosts[k];
      ChangeRates initial{host.name, {}, {}};
      if (!host.uplink.is_unlimited()) initial.uplink = host.uplink;
      if (!host.downlink.is_unlimited()) initial.downlink = host.downlink;
      conductor->write(
          happening_json(initial, Instant() + (monotonic_now() - conductor->options_.clock_zero)));
    }
  }
  conductor->thread_ = std::thread([raw = conductor.get()] { raw->play(); });
  return conductor;
}

Conductor::Conductor(Testbed& bed, ConductorOptions options) : bed_(bed), options_(std::move(options)) {
  std::ranges::stable_sort(options_.events, {}, &Event::at);
}

Conductor::~Conductor() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (file_ != nullptr) {
    sample();
    std::fclose(file_);
  }
}

void Conductor::play() {
  const Instant start = monotonic_now();
  Instant next_sample = start;
  auto next_event = options_.events.begin();
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const Instant event_due = next_event == options_.events.end() ? Instant::never() : start + next_event->at;
    const Instant due = std::min(event_due, file_ != nullptr ? next_sample : Instant::never());
    const Instant now = monotonic_now();
    if (due > now) {
      const double seconds = std::min(1.0, (due - now).in_seconds());
      wake_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return stop_; });
      continue;
    }
    lock.unlock();
    if (event_due <= now) {
      perform(*next_event++);
    } else {
      sample();
      next_sample = std::max(next_sample + options_.sample_every, now);
    }
    lock.lock();
  }
  lock.unlock();
  traffic_.clear();
}

void Conductor::sample() {
  ShaperCounters down;
  for (QdiscReader& reader : downlinks_) down = reader.read().value_or(ShaperCounters{});
  const double at = (monotonic_now() - options_.clock_zero).in_seconds();
  for (std::size_t k = 0; k < uplinks_.size(); ++k) {
    const auto up = uplinks_[k].read().value_or(ShaperCounters{});
    json line = {{"at_seconds", at}, {"event", "sample"}, {"host", bed_.description().hosts[k].name}};
    if (up.contains(1)) line["uplink"] = counters_json(up.at(1));
    const auto handle = static_cast<std::uint32_t>(k + 1);
    if (down.contains(handle)) line["downlink"] = counters_json(down.at(handle));
    write(line.dump());
  }
}

void Conductor::perform(const Event& event) {
  std::string why;
  if (const auto* traffic = std::get_if<Traffic>(&event.what)) {
    const auto from = *find_host(bed_.description(), traffic->from);  // the description was checked
    const auto to = *find_host(bed_.description(), traffic->to);
    auto running = RunningTraffic::start(
        {bed_.namespace_of(from), bed_.namespace_of(to), address_of(to), traffic->rate, traffic->lasts});
    if (running) traffic_.push_back(std::move(*running));
    if (!running) why = running.error().message;
  } else if (const auto done = bed_.apply(event.what); !done) {
    why = done.error().message;
  }
  const Instant at = Instant() + (monotonic_now() - options_.clock_zero);
  if (!why.empty() && options_.complain) options_.complain(why);
  json line = json::parse(happening_json(event.what, at));
  if (!why.empty()) line["failed"] = why;
  write(line.dump());
}

void Conductor::write(const std::string& line) {
  if (file_ == nullptr) return;
  std::fputs((line + "\n").c_str(), file_);
  std::fflush(file_);
}

}  // namespace selmcast::testbed
