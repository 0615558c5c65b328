// What must hold for every file that a user may hand over, but problems of `selmcast plan` (problem_fuzz.h): one
// function, two callers (problem_fuzz.h says which).
//
// The first byte says what the rest is: computing times, events or a bandwidth trace of a cluster, a testbed's
// description, the record of one that is up, a snapshot, images and labels of a data set, a journal, a folder to
// report on. It is refused with a message, or it is taken, and then what was read keeps to its limits: times and
// rates are finite and not negative, counts are as the file says. Whatever breaks that ends the process
// (SELMCAST_CHECK), as does a sanitizer.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace selmcast::fuzz {

enum class FileKind : unsigned char {
  compute_times,
  events,
  bandwidth_trace,
  testbed,
  registration,
  snapshot,
  data_set,
  journal,
  run_folder
};
inline constexpr std::size_t kFileKinds = 9;

// Whether it was taken; an empty input is a file of the first kind.
bool fuzz_file(std::span<const std::byte> input);

}  // namespace selmcast::fuzz
