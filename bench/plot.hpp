#ifndef SESSIONIZE_BENCH_PLOT_HPP
#define SESSIONIZE_BENCH_PLOT_HPP

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <string>
#include <vector>

namespace bench {

struct Point {
  double users, ns;
};
struct Line {
  std::string label;
  std::string style;  ///< a class of the picture's style sheet
  std::vector<Point> points;
};

/// Draws nanoseconds an event against users, both as logarithms, as an SVG that is readable on
/// light and dark pages. Each line has its name at its right end.
inline void draw_plot(const std::vector<Line>& lines, std::ostream& out) {
  constexpr double left = 52, right = 520, top = 34, bottom = 350, label_height = 16;
  constexpr double least_users = 1e3, most_users = 1e7;
  double least = 1e9, most = 0;
  for (const Line& line : lines)
    for (const Point& point : line.points) {
      least = std::min(least, point.ns);
      most = std::max(most, point.ns);
    }
  least = std::pow(2, std::floor(std::log2(least)));
  most = std::pow(2, std::ceil(std::log2(most)));
  const auto along = [](double value, double from, double to) {
    return std::log(value / from) / std::log(to / from);
  };
  const auto x = [&](double users) {
    return left + (right - left) * along(users, least_users, most_users);
  };
  const auto y = [&](double ns) { return bottom + (top - bottom) * along(ns, least, most); };

  out << std::fixed << std::setprecision(1)
      << R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 400" width="700" height="400"
     font-family="system-ui, sans-serif" font-size="13" role="img"
     aria-label="Nanoseconds an event against the number of users">
<style>
  .page { fill: #ffffff } text { color: #24292f; fill: currentColor } .grid { stroke: #d0d7de }
  polyline { fill: none; stroke: currentColor; stroke-width: 2 }
  polyline.ours { stroke-width: 3.5 } polyline.floor { stroke-dasharray: 5 4 }
  text.ours { font-weight: bold } .ours { color: #cf222e } .peer { color: #0969da }
  .prefetch { color: #8250df } .std { color: #9a6700 } .floor { color: #57606a }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { color: #e6edf3 } .grid { stroke: #30363d }
    .ours { color: #ff7b72 } .peer { color: #58a6ff } .prefetch { color: #d2a8ff }
    .std { color: #d29922 } .floor { color: #8b949e }
  }
</style>
<rect class="page" width="700" height="400" rx="6"/>
)";
  const auto text = [&out](double at_x, double at_y, const char* anchor, const std::string& style,
                           const std::string& value) {
    out << "<text x=\"" << at_x << "\" y=\"" << at_y << "\" text-anchor=\"" << anchor << '"';
    if (!style.empty()) out << " class=\"" << style << '"';
    out << '>' << value << "</text>\n";
  };
  text(8, top - 16, "start", "", "ns an event");
  text((left + right) / 2, bottom + 40, "middle", "", "users (64-bit keys)");
  for (double ns = least; ns <= most; ns *= 2) {
    out << "<path class=\"grid\" d=\"M" << left << ' ' << y(ns) << 'H' << right << "\"/>\n";
    text(left - 8, y(ns) + 4, "end", "", std::to_string(static_cast<int>(ns)));
  }
  const char* const names[] = {"1,000", "10,000", "100,000", "1,000,000", "10,000,000"};
  for (int i = 0; i < 5; ++i) text(x(std::pow(10, 3 + i)), bottom + 18, "middle", "", names[i]);

  for (const Line& line : lines) {
    out << "<polyline class=\"" << line.style << "\" points=\"";
    for (const Point& point : line.points) out << x(point.users) << ',' << y(point.ns) << ' ';
    out << "\"/>\n";
  }
  // From the top down, each name at its line's end or as close below it as the one above leaves.
  std::vector<const Line*> order;
  for (const Line& line : lines)
    if (!line.points.empty()) order.push_back(&line);
  std::sort(order.begin(), order.end(),
            [](const Line* a, const Line* b) { return a->points.back().ns > b->points.back().ns; });
  double free_from = 0;
  for (const Line* line : order) {
    const double at = std::max(y(line->points.back().ns) + 4, free_from);
    text(right + 8, at, "start", line->style, line->label);
    free_from = at + label_height;
  }
  out << "</svg>\n";
}

}  // namespace bench

#endif
