// The rules of this repository that a program can check. Each is a function from files to findings, so that the rules
// are tested on made-up files (tidy_rules_test.cpp) and then applied to the tree (tidy_tree_test.cpp).
//
// Layers (ARCHITECTURE.md), an arrow = "may include"; there are no other arrows:
//     base <- plan <- sync <- manager      base <- wire <- net <- worker      wire <- manager      plan <- worker
//     plan <- mip      base <- maxmin <- sync      sim: sync, plan, maxmin, base      arena: all of these but mip, sim
//     net <- testbed      c: worker, manager      train: worker, base      cli/report: plan, base
//     cli: all but train and c
//     bench/ is no layer: it may include anything
// plan, sync, maxmin, sim (but for its threads in trials.cpp) and the two cores (manager_core, worker_core) are pure:
// no header of theirs reaches clock, file or socket.
//
// Tests (*_test.cpp, *_testing.*) and benches (*_bench.cpp) keep to the layers too, but may do I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace selmcast::tidy {

struct SourceFile {
  std::string path;  // from the root of the repository, with '/'
  std::string text;
};

struct Finding {
  std::string path;
  int line = 0;  // 0: the file as a whole
  std::string what;
  bool operator==(const Finding&) const = default;
};

// "selmcast/plan/plan.h:12: what", for a person.
std::string to_string(const Finding& finding);

// "selmcast/cli/report/page.cpp" -> "cli/report"; empty for files of no layer (tests, examples).
std::string layer_of(std::string_view path);

using Findings = std::vector<Finding>;

Findings check_layers(const SourceFile& file);  // includes of layers above
Findings check_purity(const SourceFile& file);  // clock, files, sockets in the pure layers
Findings check_header(const SourceFile& file);  // a comment at the top, #pragma once
Findings check_text(const SourceFile& file);    // size, width, tabs, blanks at line ends, last newline
Findings check_words(const SourceFile& file);   // notes to self, paths of somebody's machine
// USES in `cmake` (a folder's CMakeLists.txt), against the layers above.
Findings check_declared_layers(const SourceFile& cmake);
// Every .cpp is named by the CMakeLists.txt of its folder or of one further up: what is not built is dead.
Findings check_all_built(const std::vector<SourceFile>& files);
// Who includes Asio says so in the CMakeLists.txt of its folder or of one further up (cmake/selmcast_build.cmake).
Findings check_asio(const std::vector<SourceFile>& files);

// All rules over all files, ordered by path.
Findings check_tree(const std::vector<SourceFile>& files);

}  // namespace selmcast::tidy
