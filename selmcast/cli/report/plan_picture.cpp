#include "selmcast/cli/report/plan_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "selmcast/cli/report/markup.h"
#include "selmcast/cli/report/palette.h"
#include "selmcast/cli/report/summary_text.h"

namespace selmcast::report {
namespace {

// All lengths in SVG pixels.
constexpr double kWidth = 480;
constexpr double kMargin = 8;
constexpr double kBoxWidth = 128;
constexpr double kHead = 78;   // above the first box: title and column heads
constexpr double kFoot = 34;   // below the last: legend
constexpr double kRows = 368;  // shared by the boxes, unless they would get too low or too high
constexpr double kRowLeast = 17;
constexpr double kRowMost = 46;
constexpr double kGap = 5;        // between boxes
constexpr double kTwoLines = 30;  // a row this high holds a second line of text
constexpr double kThinnest = 0.9;
constexpr std::size_t kLongestName = 10;
constexpr std::string_view kFont = "font-family=\"system-ui, 'DejaVu Sans', Verdana, sans-serif\"";

double row_height(std::size_t workers) {
  return std::clamp(kRows / static_cast<double>(std::max<std::size_t>(workers, 1)), kRowLeast, kRowMost);
}
double picture_height(std::size_t workers) {
  return kHead + row_height(workers) * static_cast<double>(workers) + kFoot;
}

// The rates that meet at each worker's two sides.
struct Stacks {
  std::vector<Rate> sent;
  std::vector<Rate> received;
};

Stacks stack_rates(const PlanView& view) {
  Stacks stacks{std::vector<Rate>(view.workers.size()), std::vector<Rate>(view.workers.size())};
  std::vector<Sent<Rate>> sent(view.workers.size());
  for (const Delivery& delivery : view.deliveries) {
    sent[position(delivery.sender)].add(view.multicast, delivery, delivery.allocated);
    stacks.received[position(delivery.receiver)] += delivery.allocated;
  }
  for (std::size_t i = 0; i < sent.size(); ++i) stacks.sent[i] = sent[i].total();
  return stacks;
}

enum class Side { sender, receiver };

class Drawing {
 public:
  Drawing(const PlanView& view, RibbonScale scale)
      : view_(view), scale_(scale), busy_(busy_times(view)), row_(row_height(view.workers.size())) {}

  std::string body() {
    heads();
    ribbons();
    for (std::size_t i = 0; i < view_.workers.size(); ++i) {
      box(i, Side::sender);
      box(i, Side::receiver);
    }
    legend();
    return std::move(out_);
  }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  double box_top(std::size_t worker) const { return kHead + row_ * static_cast<double>(worker) + kGap / 2; }
  double box_height() const { return row_ - kGap; }
  double width_of(Rate rate) const { return std::max(kThinnest, rate.mbps() * scale_.pixels_per_mbps); }

  void heads() {
    add(R"(<text x="{}" y="21" font-size="16" font-weight="600" fill="{}">{}, round {}</text>)", kMargin,
        ink().light, escape_xml(view_.planner, 24), view_.round.value());
    add(R"(<text x="{}" y="41" font-size="13" fill="{}">t = {} predicted, {} measured, {} deliveries</text>)",
        kMargin, ink().light, show_seconds(busy_.longest), show_seconds(view_.measured),
        view_.deliveries.size());
    add(R"(<text x="{}" y="67" font-size="11.5" fill="{}">sends (uplink)</text>)", kMargin, muted().light);
    add(R"(<text x="{}" y="67" font-size="11.5" fill="{}" text-anchor="end">receives (downlink)</text>)",
        kWidth - kMargin, muted().light);
  }

  struct Ribbon {
    const Delivery* delivery;
    double from = 0;  // middle line's height at the sender's box
    double to = 0;    // and at the receiver's
  };

  // Stacks the ends of all ribbons at one side, centred on their box, in the order given.
  void stack(std::vector<Ribbon>& ribbons, WorkerIndex Delivery::*worker, double Ribbon::*end,
             bool one_stream) const {
    std::vector<double> total(view_.workers.size(), 0);
    std::vector<double> filled(view_.workers.size(), 0);
    for (const Ribbon& r : ribbons) total[position(r.delivery->*worker)] += width_of(r.delivery->allocated);
    for (Ribbon& r : ribbons) {
      const std::size_t at = position(r.delivery->*worker);
      const double middle = box_top(at) + box_height() / 2;
      // Hair lines of a broadcast among many would overflow the box: they then lie closer than they are wide.
      const double squeeze = std::min(1.0, (box_height() - 2) / total[at]);
      const double width = width_of(r.delivery->allocated) * squeeze;
      r.*end = one_stream ? middle : middle - total[at] * squeeze / 2 + filled[at] + width / 2;
      filled[at] += width;
    }
  }

  void ribbons() {
    std::vector<Ribbon> ribbons;
    for (const Delivery& delivery : view_.deliveries) ribbons.push_back({&delivery});
    // Ordered by the other end on either side, ribbons cross least.
    std::ranges::stable_sort(
        ribbons, {}, [](const Ribbon& r) { return std::pair(r.delivery->sender, r.delivery->receiver); });
    stack(ribbons, &Delivery::sender, &Ribbon::from, view_.multicast == plan::MulticastKind::network);
    stack(ribbons, &Delivery::receiver, &Ribbon::to, false);
    // Rare reasons come last and lie on top.
    std::ranges::stable_sort(ribbons, std::ranges::greater{},
                             [](const Ribbon& r) { return static_cast<int>(r.delivery->reason); });
    for (const Ribbon& r : ribbons) ribbon(*r.delivery, r.from, r.to);
  }

  void ribbon(const Delivery& delivery, double from, double to) {
    const double left = kMargin + kBoxWidth;
    const double right = kWidth - kMargin - kBoxWidth;
    const double bend = (right - left) * 0.45;
    const std::size_t each = view_.deliveries.size() / view_.workers.size();
    const double opacity = each <= 4 ? 0.72 : each <= 12 ? 0.5 : 0.25;
    add(R"(<path d="M{:.1f},{:.1f} C{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}" fill="none" )"
        R"(stroke="{}" stroke-width="{:.2f}" stroke-opacity="{}"{}>)"
        R"(<title>{} to {}: {}, {}, {}{}</title></path>)",
        left, from, left + bend, from, right - bend, to, right, to, reason_colour(delivery.reason).light,
        width_of(delivery.allocated), opacity, delivery.committed ? "" : R"( stroke-dasharray="5 4")",
        escape_xml(view_.workers[position(delivery.sender)]),
        escape_xml(view_.workers[position(delivery.receiver)]), reason_word(delivery.reason),
        show_rate(delivery.allocated), show_bytes(delivery.bytes),
        delivery.committed ? "" : ", cancelled: " + escape_xml(delivery.why_cancelled));
  }

  void box(std::size_t worker, Side side) {
    const bool sends = side == Side::sender;
    const Duration busy = sends ? busy_.uplink[worker] : busy_.downlink[worker];
    const Rate rate = sends ? view_.links[worker].uplink : view_.links[worker].downlink;
    const double share = busy_.longest > Duration() ? busy / busy_.longest : 0;
    const bool binds = share > 1 - 1e-9;
    const double x = sends ? kMargin : kWidth - kMargin - kBoxWidth;
    const double y = box_top(worker);
    const double fill = share * kBoxWidth;
    const std::string_view colour = binds ? alarm().light : muted().light;
    add(R"(<g><title>{}: {} {}, busy {} of {}{}</title>)", escape_xml(view_.workers[worker]),
        sends ? "uplink" : "downlink", show_rate(rate), show_seconds(busy), show_seconds(busy_.longest),
        binds ? "; this link binds" : "");
    add(R"(<rect x="{:.1f}" y="{:.1f}" width="{}" height="{:.1f}" rx="4" fill="{}"/>)", x, y, kBoxWidth,
        box_height(), paper().light);
    if (fill > 0)
      add(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="4" fill="{}" fill-opacity="0.24"/>)",
          sends ? x + kBoxWidth - fill : x, y, fill, box_height(), colour);
    add(R"(<rect x="{:.1f}" y="{:.1f}" width="{}" height="{:.1f}" rx="4" fill="none" stroke="{}" stroke-width="{}"/>)",
        x, y, kBoxWidth, box_height(), binds ? alarm().light : grid().light, binds ? 2 : 1);
    box_text(worker, x, y, rate, busy, binds);
    out_ += "</g>\n";
  }

  void box_text(std::size_t worker, double x, double y, Rate rate, Duration busy, bool binds) {
    const bool two_lines = row_ >= kTwoLines;
    const double size = two_lines ? 12.5 : 10;
    const double first = two_lines ? y + box_height() / 2 - 3 : y + box_height() / 2 + 3.5;
    add(R"(<text x="{:.1f}" y="{:.1f}" font-size="{}" font-weight="600" fill="{}">{}</text>)", x + 7, first,
        size, ink().light, escape_xml(view_.workers[worker], kLongestName));
    const double right = x + kBoxWidth - 7;
    if (!two_lines) {
      add(R"(<text x="{:.1f}" y="{:.1f}" font-size="{}" text-anchor="end" fill="{}">{}</text>)", right, first,
          size, binds ? alarm().light : muted().light, show_rate(rate));
      return;
    }
    add(R"(<text x="{:.1f}" y="{:.1f}" font-size="11" text-anchor="end" fill="{}">{}</text>)", right, first,
        ink().light, busy > Duration() ? show_seconds(busy) : "idle");
    const double second = y + box_height() / 2 + 12;
    add(R"(<text x="{:.1f}" y="{:.1f}" font-size="11" fill="{}">{}</text>)", x + 7, second, muted().light,
        show_rate(rate));
    if (binds)
      add(R"(<text x="{:.1f}" y="{:.1f}" font-size="11" font-weight="600" text-anchor="end" fill="{}">binds</text>)",
          right, second, alarm().light);
  }

  void legend() {
    const double y = picture_height(view_.workers.size()) - 12;
    double x = kMargin;
    using plan::Reason;
    for (const Reason reason :
         {Reason::required, Reason::basic, Reason::spare, Reason::random, Reason::broadcast}) {
      if (std::ranges::none_of(view_.deliveries, [&](const Delivery& d) { return d.reason == reason; }))
        continue;
      add(R"(<rect x="{:.1f}" y="{:.1f}" width="20" height="7" rx="2" fill="{}"/>)", x, y - 8,
          reason_colour(reason).light);
      add(R"(<text x="{:.1f}" y="{:.1f}" font-size="11.5" fill="{}">{}</text>)", x + 25, y, ink().light,
          reason_word(reason));
      x += 25 + 7.0 * static_cast<double>(reason_word(reason).size()) + 16;
    }
    add(R"(<text x="{:.1f}" y="{:.1f}" font-size="11.5" fill="{}" text-anchor="end">)"
        R"(width = rate, fill = busy time / t</text>)",
        kWidth - kMargin, y, muted().light);
  }

  const PlanView& view_;
  RibbonScale scale_;
  BusyTimes busy_;
  double row_;
  std::string out_;
};

std::string open_svg(double width, double height, std::string_view label) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" "
      "role=\"img\" aria-label=\"{2}\" {3}>\n<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"{4}\"/>\n",
      width, height, label, kFont, paper().light);
}

}  // namespace

RibbonScale common_scale(std::span<const PlanView> views) {
  Rate widest;
  double height = kRowMost - kGap;
  for (const PlanView& view : views) {
    const Stacks stacks = stack_rates(view);
    for (const Rate rate : stacks.sent) widest = std::max(widest, rate);
    for (const Rate rate : stacks.received) widest = std::max(widest, rate);
    height = std::min(height, row_height(view.workers.size()) - kGap);
  }
  if (!widest.is_positive_finite()) return RibbonScale{};
  return RibbonScale{(height - 4) / widest.mbps()};
}

std::string draw_plan(const PlanView& view, RibbonScale scale) {
  const std::string label =
      fmt::format("Plan of {} in round {}", escape_xml(view.planner, 24), view.round.value());
  return open_svg(kWidth, picture_height(view.workers.size()), label) + Drawing(view, scale).body() +
         "</svg>\n";
}

std::string draw_side_by_side(std::span<const PlanView> views) {
  constexpr double kBetween = 28;
  double height = 0;
  for (const PlanView& view : views) height = std::max(height, picture_height(view.workers.size()));
  const auto count = static_cast<double>(views.size());
  std::string svg =
      open_svg(count * kWidth + std::max(0.0, count - 1) * kBetween, height, "Plans of the same round");
  const RibbonScale scale = common_scale(views);
  for (std::size_t i = 0; i < views.size(); ++i)
    svg += fmt::format("<g transform=\"translate({:.0f},0)\">\n{}</g>\n",
                       static_cast<double>(i) * (kWidth + kBetween), Drawing(views[i], scale).body());
  return svg + "</svg>\n";
}

}  // namespace selmcast::report
