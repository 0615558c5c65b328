#include "selmcast/cli/report/report_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "selmcast/cli/report/captions.h"
#include "selmcast/cli/report/markup.h"
#include "selmcast/cli/report/page_style.h"
#include "selmcast/cli/report/palette.h"
#include "selmcast/cli/report/summary_text.h"

namespace selmcast::report {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// gnuplot writes "#rrggbb" as rgb( 31,  41,  51) for strokes and as rgb(31,41,51) for text.
std::vector<std::string> spellings(const Colour& colour) {
  int part[3] = {0, 0, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    const char* digits = colour.light.data() + 1 + 2 * i;
    std::from_chars(digits, digits + 2, part[i], 16);
  }
  return {std::string(colour.light), fmt::format("rgb({:3}, {:3}, {:3})", part[0], part[1], part[2]),
          fmt::format("rgb({},{},{})", part[0], part[1], part[2])};
}

class Page {
 public:
  explicit Page(const PageContent& content) : content_(content), scenario_(content.folder.scenario) {}

  std::string write() {
    head();
    what_was_run();
    results();
    pictures();
    how_to_read();
    each_run();
    out_ += "</main>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  void head() {
    add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>");
    add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    add("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\"/>");
    add("<title>SelMcast: {} workers train {}</title>", scenario_.workers.size(),
        escape_xml(scenario_.model));
    add("<style>\n{}</style>\n</head>\n<body>\n<main>", page_style());
    add("<h1>{} workers train <em>{}</em> peer to peer</h1>", scenario_.workers.size(),
        escape_xml(scenario_.model));
  }

  void what_was_run() {
    add("<p class=\"lead\">{} rounds of training{} over {} multicast. Each worker sends its "
        "model ({} as {}) to "
        "at least {} others a round, and any two meet within {} rounds. Target: {:.3g} % test accuracy of "
        "the average of "
        "all models. Seed {}.</p>",
        scenario_.rounds, how_synchronised(),
        scenario_.chooses_multicast ? "automatically chosen" : to_string(scenario_.multicast),
        show_bytes(scenario_.model_bytes), escape_xml(scenario_.payload), scenario_.min_receivers,
        scenario_.max_age + 1, scenario_.target_accuracy * 100, scenario_.seed);
    for (const std::string& note : content_.notes) add("<p class=\"note\">{}</p>", escape_xml(note, 600));
    multicast_chosen();
  }

  void multicast_chosen() {
    for (const RunRecord& run : content_.folder.runs) {
      for (const ChosenMulticast& chosen : run.chosen) {
        add("<p class=\"note\">Multicast of {}: {}, since {}.</p>", escape_xml(group_name(run.plan)),
            to_string(chosen.kind), escape_xml(chosen.why, 600));
        for (const std::string& line : chosen.groups) add("<p class=\"note\">{}.</p>", escape_xml(line, 600));
      }
    }
  }

  // " in step (bsp)", or what else there is.
  std::string how_synchronised() const {
    std::string text;
    const auto has = [&](std::string_view sync) {
      return std::ranges::any_of(scenario_.runs, [&](const RunPlan& run) { return run.sync == sync; });
    };
    const auto add_if = [&](std::string_view sync, const std::string& words) {
      if (has(sync)) text += (text.empty() ? " " : ", ") + words;
    };
    add_if("bsp", "bulk-synchronously (bsp)");
    add_if("ssp", fmt::format("at most {} rounds ahead of the slowest (ssp)", scenario_.staleness));
    add_if("asp", "without waiting for anyone (asp)");
    add_if("ssp-overlap",
           fmt::format("at most {} rounds ahead of the slowest, computing while they send (ssp-overlap)",
                       scenario_.staleness));
    add_if("asp-overlap", "without waiting for anyone but their own multicast (asp-overlap)");
    return text;
  }

  void results() {
    if (content_.summary.groups.empty()) return;
    add("<h2>What came out</h2>\n<div class=\"scroll\"><table class=\"numbers\">\n<thead><tr><th></th>");
    for (const GroupSummary& group : content_.summary.groups)
      add("<th scope=\"col\"><span class=\"swatch{}\" "
          "style=\"background:var(--{})\"></span>{}<small>{}</small></th>",
          group.paced ? "" : " hollow", planner_colour(group.planner).name, escape_xml(group.name, 24),
          group.runs.size() == 1 ? "1 run" : fmt::format("{} seeds, ± std. deviation", group.runs.size()));
    add("</tr></thead>\n<tbody>");
    for (const TableRow& row : table_rows(content_.summary)) {
      add("<tr><th scope=\"row\">{}</th>", escape_xml(row.label));
      for (const std::string& cell : row.cells) add("<td>{}</td>", escape_xml(cell));
      add("</tr>");
    }
    add("</tbody></table></div>");
  }

  void pictures() {
    std::size_t number = 0;
    const auto figure = [&](const PagePicture& picture) {
      add("<figure>\n{}<figcaption>{}</figcaption>\n</figure>",
          inline_svg(picture.svg, fmt::format("f{}-", ++number)), escape_xml(picture.caption, 600));
    };
    if (!content_.plots.empty() || !content_.plans.empty()) add("<h2>Pictures</h2>");
    if (!content_.plans.empty()) {
      add("<figure class=\"wide\">\n<div class=\"plans\">");
      for (const std::string& plan : content_.plans) out_ += inline_svg(plan, fmt::format("f{}-", ++number));
      add("</div>\n<figcaption>{}</figcaption>\n</figure>", escape_xml(plans_caption(), 600));
    }
    for (const PagePicture& plot : content_.plots) figure(plot);
  }

  void how_to_read() {
    add("<h2>How to read this</h2>\n<dl>");
    add("<dt>synchronisation</dt><dd>From the moment the manager sends a round's plan until the round has "
        "ended. "
        "Quantiles interpolate linearly between rounds.</dd>");
    if (std::ranges::any_of(content_.folder.runs,
                            [](const RunRecord& run) { return !run.multicasts.empty(); }))
      add("<dt>ssp and asp</dt><dd>Each worker is in a round of its own. Times, predictions and receivers "
          "are of its "
          "multicast, from its plan until it is complete: delivered, failed or dropped by a later plan. A "
          "worker that "
          "starts a round is ahead by the rounds it has completed above the least of all.</dd>");
    add("<dt>utilisation</dt><dd>Computing over computing plus blocked, all workers and rounds together. A "
        "straggler's "
        "longer computing counts as computing.</dd>");
    add("<dt>predicted</dt><dd>What the model says of this very plan, before it runs: the busiest link's "
        "load over its "
        "bandwidth as estimated at that time. It is compared with the measured time to the last committed "
        "delivery, "
        "not with the whole synchronisation.</dd>");
    add("<dt>lower bound</dt><dd>No plan that gives every worker its least number of receivers and every due "
        "pair its "
        "meeting can be faster, by the same estimates. Estimates differ from run to run, so bounds do "
        "too.</dd>");
    add("<dt>paced and unpaced</dt><dd>In a paced run senders keep to the rates of the plan, which helps a "
        "prediction "
        "come true. In an unpaced run TCP is left alone: same plans, no pacing, so the prediction is on its "
        "own.</dd>");
    add("<dt>accuracy</dt><dd>Of the exact average of all workers' models on the test set; the workers' own "
        "models are "
        "given as mean and standard deviation over workers. Evaluating does not count into "
        "synchronisation.</dd>");
    add("<dt>± </dt><dd>Sample standard deviation over runs that differ in their seed only.</dd>");
    add("<dt>bandwidth</dt><dd>Payload goodput in bit/s: bytes that arrived verified, without "
        "headers.</dd>\n</dl>");
  }

  void each_run() {
    links();
    if (content_.folder.runs.empty()) return;
    add("<h2>Each run</h2>\n<div class=\"scroll\"><table "
        "class=\"numbers\">\n<thead><tr><th>run</th><th>planner</th>"
        "<th>rates</th><th>seed</th><th>rounds</th><th>sync, mean</th><th>95th perc.</th><th>to target</th>"
        "<th>accuracy</th><th>remarks</th></tr></thead>\n<tbody>");
    for (std::size_t i = 0; i < content_.folder.runs.size(); ++i)
      run_row(content_.folder.runs[i], content_.summary.runs[i]);
    add("</tbody></table></div>");
  }

  void links() {
    if (scenario_.workers.empty()) return;
    add("<h2>The links</h2>\n<div class=\"scroll\"><table class=\"numbers\">\n<thead><tr><th "
        "rowspan=\"2\">worker</th>"
        "<th colspan=\"3\">downlink</th><th "
        "colspan=\"3\">uplink</th></tr>\n<tr><th>true</th><th>declared</th>"
        "<th>learnt</th><th>true</th><th>declared</th><th>learnt</th></tr></thead>\n<tbody>");
    const auto run = std::ranges::find_if(content_.folder.runs, was_planned);
    std::vector<Estimate> learnt;
    if (run != content_.folder.runs.end()) learnt = final_estimates(scenario_, *run);
    for (std::size_t i = 0; i < scenario_.workers.size(); ++i) {
      const WorkerLinks& worker = scenario_.workers[i];
      add("<tr><th "
          "scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
          escape_xml(worker.name), show_rate(worker.downlink), show_rate(worker.declared_downlink),
          learnt.empty() ? "-" : show_rate(learnt[i].downlink), show_rate(worker.uplink),
          show_rate(worker.declared_uplink), learnt.empty() ? "-" : show_rate(learnt[i].uplink));
    }
    add("</tbody></table></div>");
    if (run != content_.folder.runs.end())
      add("<p class=\"aside\">Learnt: what the manager believed at the end of run {}. A paced delivery only "
          "shows that "
          "a link has at least its rate, so a link that never binds may stay below its true rate.</p>",
          escape_xml(run->plan.name, 100));
  }

  void run_row(const RunRecord& run, const RunSummary& numbers) {
    const auto seconds = [](std::optional<Duration> time) {
      return time ? show_seconds(*time) : std::string("-");
    };
    std::string remarks;
    const auto remark = [&](const std::string& text) { remarks += (remarks.empty() ? "" : "; ") + text; };
    if (!was_planned(run))
      remark("left no rounds");
    else if (numbers.rounds < scenario_.rounds)
      remark(fmt::format("ended after {} of {} rounds", numbers.rounds, scenario_.rounds));
    const bool complete = numbers.rounds == scenario_.rounds;
    for (const Departure& departure : run.departures) {
      if (departure.goodbye && complete) continue;  // when the training was done
      remark(fmt::format("{} left after {}: {}", escape_xml(departure.worker),
                         show_seconds(departure.at - Instant()), escape_xml(departure.reason, 200)));
    }
    for (const std::string& file : run.cut_short) remark(file + " is cut short");
    add("<tr><th "
        "scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
        "<td>{}</td><td class=\"text\">{}</td></tr>",
        escape_xml(run.plan.name, 100), escape_xml(run.plan.planner, 24),
        run.plan.paced ? "paced" : "TCP alone", run.plan.seed, numbers.rounds, seconds(numbers.sync_mean),
        seconds(numbers.sync_p95), seconds(numbers.time_to_target),
        numbers.final_accuracy ? fmt::format("{:.1f} %", *numbers.final_accuracy * 100) : "-", remarks);
  }

  const PageContent& content_;
  const Scenario& scenario_;
  std::string out_;
};

}  // namespace

std::string inline_svg(std::string_view svg, std::string_view prefix) {
  const std::size_t start = svg.find("<svg");
  std::string text(start == std::string_view::npos ? svg : svg.substr(start));
  for (const Colour& colour : palette())
    for (const std::string& spelling : spellings(colour))
      replace_all(text, spelling, fmt::format("var(--{})", colour.name));
  // gnuplot names its plots alike in every file.
  for (const std::string_view mark : {"id='", "id=\"", "xlink:href='#", "url(#"})
    replace_all(text, mark, std::string(mark) + std::string(prefix));
  replace_all(text, " font-family=\"DejaVu Sans\"", "");
  replace_all(text, "<title>Gnuplot</title>\n", "");
  return text;
}

std::string report_page(const PageContent& content) { return Page(content).write(); }

}  // namespace selmcast::report
