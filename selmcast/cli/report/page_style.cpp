#include "selmcast/cli/report/page_style.h"

#include <fmt/format.h>

#include "selmcast/cli/report/palette.h"

namespace selmcast::report {
namespace {

std::string variables(std::string_view Colour::*value) {
  std::string text;
  for (const Colour& colour : palette()) text += fmt::format("--{}:{};", colour.name, colour.*value);
  return text;
}

constexpr std::string_view kRules = R"(
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
       font: 16px/1.55 system-ui, "DejaVu Sans", Verdana, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 12px; font-weight: 650; }
h1 em { font-style: normal; }
h2 { font-size: 1.25rem; margin: 44px 0 12px; }
.lead { max-width: 46rem; color: var(--muted); margin: 0; }
.note { max-width: 46rem; border-left: 3px solid var(--alarm); padding: 4px 12px; }
.aside { max-width: 46rem; color: var(--muted); font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { padding: 6px 14px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid);
         font-variant-numeric: tabular-nums; }
th:first-child, td.text { text-align: left; padding-left: 0; }
td.text { padding-left: 14px; white-space: normal; min-width: 14rem; }
tbody th { font-weight: 400; color: var(--muted); }
thead th { font-weight: 600; vertical-align: bottom; border-bottom: 2px solid var(--grid); }
thead th[colspan] { text-align: center; }
thead small { display: block; font-weight: 400; color: var(--muted); }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; }
.swatch.hollow { opacity: .45; }
figure { margin: 0 0 36px; }
figure svg { display: block; width: 100%; height: auto; max-width: 900px; margin: 0 auto; }
figcaption { max-width: 46rem; margin: 8px auto 0; color: var(--muted); text-align: center; }
figure.wide .plans { display: grid; grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); gap: 18px; }
@media (min-width: 1240px) { figure.wide { width: min(1500px, 100vw - 40px); margin-left: 50%;
                                            transform: translateX(-50%); } }
dl { max-width: 46rem; }
dt { font-weight: 600; margin-top: 12px; }
dd { margin: 0; color: var(--muted); }
@media print {
  main { max-width: none; padding: 0; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  figure.wide { width: auto; margin-left: 0; transform: none; }
}
)";

}  // namespace

std::string page_style() {
  const std::string light = variables(&Colour::light);
  return fmt::format(
             ":root {{ color-scheme: light dark; {} }}\n@media screen and (prefers-color-scheme: dark) {{ "
             ":root {{ {} }} }}\n",
             light, variables(&Colour::dark)) +
         std::string(kRules.substr(1));
}

}  // namespace selmcast::report
