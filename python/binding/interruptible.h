// Blocking calls that Ctrl-C can end: the call runs on a thread of its own while the caller's, without the GIL, waits
// for it and looks every tenth of a second whether Python has a signal to handle.
// Thread rule: called with the GIL held.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "selmcast/c/selmcast.h"

namespace selmcast::python {

// A code and its text: the text is the calling thread's, so it is fetched there.
struct Outcome {
  selmcast_code code = SELMCAST_OK;
  std::string message;
};

template <class Call>
Outcome outcome_of(Call call) {
  const selmcast_code code = call();
  return {code, code == SELMCAST_OK ? "" : selmcast_last_error()};
}

// Runs `call`; when a signal handler of Python raises (KeyboardInterrupt), `interrupt` must make it return soon, and
// the exception goes on from here.
template <class Call, class Interrupt>
Outcome interruptible(Call call, Interrupt interrupt) {
  constexpr std::chrono::milliseconds kLook{100};
  std::promise<Outcome> promise;
  auto outcome = promise.get_future();
  std::jthread thread([&] { promise.set_value(outcome_of(call)); });
  bool interrupted = false;
  for (bool done = false; !done;) {
    {
      const pybind11::gil_scoped_release released;
      done = outcome.wait_for(kLook) == std::future_status::ready;
    }
    if (done || interrupted || PyErr_CheckSignals() == 0) continue;
    interrupted = true;
    const pybind11::error_scope kept;  // the exception waits here until the call has ended
    const pybind11::gil_scoped_release released;
    interrupt();
    outcome.wait();
  }
  if (interrupted) throw pybind11::error_already_set();
  return outcome.get();
}

}  // namespace selmcast::python
