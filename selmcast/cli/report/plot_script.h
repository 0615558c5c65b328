// What the plots share: a script under construction, and how a group's lines look.
//
// Pure.
#pragma once

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selmcast/cli/report/plots.h"
#include "selmcast/cli/report/run_record.h"
#include "selmcast/cli/report/summary.h"

namespace selmcast::report {

class Script {
 public:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// Which of the modes of synchronisation that were run is the group's, in the order of kSyncModes: 0 is drawn plainly.
std::size_t mode_place(const Summary& summary, const GroupSummary& group);

// How a run of the group is drawn: "lc rgb '#0072b2' lw 2.2 dt 1". Dashed: unpaced; else dotted from the second mode
// on.
std::string line_style(const Summary& summary, const GroupSummary& group);

// The group's entry in the key; nothing for its further runs.
std::string key_title(const GroupSummary& group, bool first);

// "set xtics 5": whole numbers only, ten of them at most, on an axis that ends near `most`.
std::string whole_tics(char axis, double most);
// The x axis names these, at 0, 1, 2, ..., and nothing else.
std::string name_tics(const std::vector<std::string>& names);

// Appends `piece` to a plot command; pieces join with commas.
void join_piece(std::string& command, const std::string& piece);

// The plots; nothing where the folder holds no data for one.
std::optional<Plot> accuracy_plot(const RunFolder& folder, const Summary& summary);
std::optional<Plot> synchronisation_plot(const RunFolder& folder, const Summary& summary);
std::optional<Plot> prediction_plot(const RunFolder& folder, const Summary& summary);
std::optional<Plot> link_use_plot(const RunFolder& folder, const Summary& summary);
std::optional<Plot> utilisation_plot(const RunFolder& folder, const Summary& summary);
std::optional<Plot> staleness_plot(const RunFolder& folder, const Summary& summary);
std::optional<Plot> drops_plot(const RunFolder& folder, const Summary& summary);
std::optional<Plot> learning_plot(const RunFolder& folder, const Summary& summary);
std::optional<Plot> estimate_error_plot(const RunFolder& folder, const Summary& summary);

}  // namespace selmcast::report
