// The worker library: takes part in a training with selective multicast.
//
//     auto worker = selmcast::worker::Worker::connect({.manager = "127.0.0.1:7070",
//                                                      .name = "w3",
//                                                      .model = {{"fc.weight", {10, 784}}, {"fc.bias",
//                                                      {10}}}});
//     if (!worker) return complain(worker.error().message);
//     (*worker)->catch_up(parameters);                             // if the training runs already: those of the others
//     for (...) {
//       train_some_steps(parameters);                              // yours
//       auto report = (*worker)->synchronize(parameters);          // blocks; parameters are now mixed
//       if (!report) return complain(report.error().message);
//     }
//     (*worker)->drain(parameters);
//     (*worker)->leave("done");
//
// synchronize() sends these parameters to the receivers that the manager picked and mixes: parameters <- average
// of its own and of all complete, verified models that arrived, or as `mixing` says. With rounds in common (BSP)
// it waits for all workers, plans with them and receives from the senders picked for this round. Without (SSP,
// ASP: the manager says which) it returns as soon as its own multicast is complete and the rule of staleness
// allows the next round; models that came while the worker computed are mixed then, too. It reads and
// writes the caller's span in place; no copy of it is made.
//
// With overlap (the manager says so) synchronize() mixes what has come since the last call, copies the parameters and
// returns as soon as the rule allows: the copy, of which there is one, is delivered while the next round is computed.
// It waits for the multicast before where that still runs. What is mixed is a change: parameters += mixed - sent, so
// that progress made since they were sent is kept. drain() at the end waits for the last multicast and mixes once more;
// without overlap it does nothing.
//
// A worker that comes while the training runs (or comes back; the manager must be `--elastic`) has nothing that is
// worth sending. catch_up() waits for the models of several others, and writes their mixture over whatever
// `parameters` are; SyncReport::next says which round it computes then, as all do. What belongs to a training
// besides, such as an optimiser's state, comes along if it is part of the model (as buffers), as it does in every
// exchange. Before that synchronize() is an error; for workers that were there at the start catch_up() does nothing.
//
// Errors: invalid_input (options, wrong number of parameters), unavailable (no manager, lost it), rejected
// (by the manager, with its reason), timeout, protocol, cancelled (leave()). After an error of synchronize()
// the parameters are as they were before the call and the session is over, except for invalid_input, which
// changes nothing. Nothing hangs: every wait ends with an answer or an error (limits.h, and the manager's own
// patience).
//
// Threads: a Worker belongs to one thread at a time; leave() may be called from any thread and ends a
// synchronize() that is under way. Two threads work behind it: the data plane's loop, and gRPC's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/payload/format.h"
#include "selmcast/wire/mixing.h"

namespace selmcast::worker {

using payload::Format;   // float32, float16, bfloat16, int8
using wire::MixingKind;  // average, push_sum, staleness: worker/mixer.h
using wire::TensorRole;  // parameter, buffer, counter, frozen

// One float32 tensor of the model. All workers must announce the same names, shapes and roles in the same order;
// parameters handed to synchronize() are their values, one tensor after the other.
struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorRole role = TensorRole::parameter;
};

struct WorkerOptions {
  std::string manager;  // "host:port"
  std::string name;     // unique in the training; ids are given in natural order of the names
  std::vector<Tensor> model;
  MixingKind mixing = MixingKind::average;  // the same on all workers
  // How parameters travel, the same on all workers: payload/format.h has the formats, their error bounds and what they
  // do in the long run. What is received is rounded, the worker's own model is not. Buffers and counters are exact.
  Format payload = Format::float32;

  // What this worker's links are believed to carry (payload), until the manager has learnt better from
  // deliveries.
  Rate declared_uplink = Rate::megabits_per_second(1000);
  Rate declared_downlink = Rate::megabits_per_second(1000);

  // Where this worker listens for its peers: at the address `data_host`, or at that of the interface so named. Both
  // empty: at the address of the interface that leads to the manager.
  std::string data_host = "";
  std::string interface = "";
  std::uint16_t data_port = 0;  // 0: any free one
  // Where peers find it, if that is somewhere else (behind address translation, in a container): "host", with the port
  // that it listens at, "host:port" or "[v6]:port".
  std::string advertised = "";

  // Emulated links, for experiments on one machine: all sending, and all receiving, of this worker share
  // them.
  Rate emulated_uplink = Rate::unlimited();
  Rate emulated_downlink = Rate::unlimited();

  int receive_buffers = 8;  // models held while they arrive; more senders than that wait in turn
  // Connections, 1 to 16, over which this worker sends one delivery at once: for paths so long that one does not fill
  // them (docs/data_plane.md has figures). Its receivers need not be asked, and may have others.
  int streams = 1;
  Duration connect_timeout = Duration::seconds(20);
  std::stop_token cancel = {};  // ends a connect() that waits for the other workers, with `cancelled`
};

// What one synchronize() did.
struct SyncReport {
  Round round;
  std::vector<WorkerId> mixed_with;  // ascending; without rounds in common the same one may stand there twice
  std::vector<WorkerId> sent_to;  // have it complete and verified, ascending; overlap: the multicast before
  std::uint32_t workers = 1;      // in the training, this one included
  Duration predicted;             // by the manager, for the whole round, or for this worker's multicast
  Duration elapsed;               // from the call to the mixed model
  Round next = {};                // that this worker computes now; after drain() and catch_up() it is `round`
  double own_weight = 1;          // push_sum: this worker's mass after mixing; all start with 1
};

class Worker {
 public:
  // Blocks until all workers of the training are there.
  static Result<std::unique_ptr<Worker>> connect(WorkerOptions options);
  virtual ~Worker() = default;  // leaves

  virtual WorkerId id() const = 0;
  virtual std::uint32_t workers_at_start() const = 0;  // or when it came, this one included
  virtual Bytes payload_bytes() const = 0;             // of one delivery: what is planned with
  virtual Result<SyncReport> synchronize(std::span<float> parameters) = 0;
  // Whether the training ran already when this worker came: catch_up() is due.
  virtual bool came_late() const = 0;
  // Before the first synchronize().
  virtual Result<SyncReport> catch_up(std::span<float> parameters) = 0;
  // After the last synchronize(), before leave().
  virtual Result<SyncReport> drain(std::span<float> parameters) = 0;
  // Says goodbye to the manager; the others go on. From any thread; every later call fails with `cancelled`. Only who
  // says "done" has done its part: for any other reason the manager misses it (--min-workers). The destructor says so
  // too, unless an exception is under way.
  virtual void leave(const std::string& why) = 0;
};

}  // namespace selmcast::worker
