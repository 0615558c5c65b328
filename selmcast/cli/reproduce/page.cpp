#include "selmcast/cli/reproduce/page.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "selmcast/cli/report/markup.h"
#include "selmcast/cli/report/page_style.h"
#include "selmcast/cli/reproduce/verdict.h"

namespace selmcast::reproduce {
namespace {

using report::escape_xml;

std::string errors_text(const Verdict& verdict) {
  if (verdict.errors == 0) return "0";
  return std::isinf(verdict.errors) ? "no scatter" : fmt::format("{:.1f}", verdict.errors);
}

std::string word(const Verdict& verdict) {
  if (verdict.is_same) return "same";
  if (verdict.most_relative <= kNear) return fmt::format("within {:g} %", kNear * 100);
  return fmt::format("differs at {} of {} points", verdict.outside, verdict.points);
}

std::vector<Verdict> verdicts_of(const Figure& figure) {
  std::vector<Verdict> all;
  for (const Panel& panel : figure.panels) {
    if (!panel.is_judged) continue;
    for (Verdict& verdict : judge(panel)) all.push_back(std::move(verdict));
  }
  return all;
}

class Page {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  void head(const StudyOptions& options) {
    add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>");
    add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    add("<title>SelMcast: the paper's figures, again</title>\n<style>\n{}\n.panels img {{ max-width: 100%; "
        "width: 31em; }}"
        "</style>\n</head>\n<body>\n<main>",
        report::page_style());
    add("<h1>The paper's figures, beside ours</h1>");
    add("<p class=\"lead\">S. Luo et al., “Efficient Parameter Synchronization for Peer-to-Peer Distributed "
        "Learning "
        "With Selective Multicast”, IEEE Trans. Services Computing 18(1), 2025. Dashed or pale: read off the "
        "paper; "
        "solid: ours. BSP: {} trials, SSP: {} (half as many in the frontier and "
        "where rounds count when computed), seed {}.</p>",
        options.bsp.count, options.ssp.count, options.bsp.seed);
    add("<p>“Same” means: every point within {:g} standard errors of the difference to a mean of the paper's "
        "10 trials, "
        "estimated from the scatter of ours, or within {:g} % (the accuracy of reading a printed curve); "
        "“within {:g} %”: not that, but "
        "no point further off. Shown is the point with the greatest difference.</p>",
        kErrorsAllowed, kReadingAccuracy * 100, kNear * 100);
  }

  void figure(const Figure& figure) {
    add("<h2 id=\"{0}\">{1}. {2}</h2>", escape_xml(figure.name),
        figure.name.starts_with("fig") ? "Figure " + escape_xml(figure.name.substr(3)) : "Beyond the paper",
        escape_xml(figure.title, 300));
    verdicts(verdicts_of(figure));
    if (!figure.why.empty()) add("<p>{}</p>", escape_xml(figure.why, 4000));
    add("<p class=\"panels\">");
    for (const Panel& panel : figure.panels) {
      const std::string name = escape_xml(panel.name);
      add("<a href=\"{0}.csv\"><img src=\"{0}.svg\" alt=\"{1}\"/></a>", name, escape_xml(panel.title, 200));
    }
    add("</p>");
  }

  std::string finish() {
    out_ += "</main>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  void verdicts(const std::vector<Verdict>& verdicts) {
    if (verdicts.empty()) return;
    add("<table>\n<tr><th>panel</th><th>curve</th><th>verdict</th><th>furthest "
        "at</th><th>paper</th><th>ours</th>"
        "<th>difference</th><th>standard errors</th></tr>");
    for (const Verdict& verdict : verdicts) {
      add("<tr><td>{}</td><td>{}</td><td>{}</td><td>{:g}</td><td>{:.4g}</td><td>{:.4g}</td><td>{:+.1f} "
          "%</td><td>{}</td></tr>",
          escape_xml(verdict.panel), escape_xml(verdict.curve), word(verdict), verdict.x, verdict.paper,
          verdict.ours, 100 * verdict.relative, errors_text(verdict));
    }
    add("</table>");
  }

  std::string out_;
};

}  // namespace

std::string make_page(const std::vector<Figure>& figures, const StudyOptions& options) {
  Page page;
  page.head(options);
  for (const Figure& figure : figures) page.figure(figure);
  return page.finish();
}

std::string verdict_table(const std::vector<Figure>& figures) {
  std::string out = fmt::format("{:<22} {:<26} {:<26} {:>8} {:>8} {:>8} {:>9} {:>10}\n", "panel", "curve",
                                "verdict", "at", "paper", "ours", "diff", "std errors");
  for (const Figure& figure : figures) {
    for (const Verdict& verdict : verdicts_of(figure)) {
      out += fmt::format("{:<22} {:<26} {:<26} {:>8g} {:>8.4g} {:>8.4g} {:>+7.1f} % {:>10}\n", verdict.panel,
                         verdict.curve, word(verdict), verdict.x, verdict.paper, verdict.ours,
                         100 * verdict.relative, errors_text(verdict));
    }
  }
  return out;
}

}  // namespace selmcast::reproduce
