#ifndef SESSIONIZE_BENCH_REPORT_HPP
#define SESSIONIZE_BENCH_REPORT_HPP

#include <iomanip>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace bench {

/// One line of the table. What there is none of is empty.
struct Row {
  std::string workload;
  double ours_ns = 0;
  std::string best_peer{};
  std::optional<double> best_peer_ns{}, std_ns{}, prefetch_peer_ns{};
  std::string floor{};
  std::optional<double> floor_ns{};
  std::string note{};

  /// Above 1, the library is faster.
  [[nodiscard]] std::optional<double> ratio() const {
    return best_peer_ns ? std::optional(*best_peer_ns / ours_ns) : std::nullopt;
  }
  /// How many times as long as the floor the library takes.
  [[nodiscard]] std::optional<double> floor_ratio() const {
    return floor_ns ? std::optional(ours_ns / *floor_ns) : std::nullopt;
  }
};

inline void print_table(const std::vector<Row>& rows, std::ostream& out) {
  const auto text = [&out](const std::string& value, int width) {
    out << std::left << std::setw(width) << value << std::right;
  };
  const auto number = [&out](std::optional<double> value) {
    if (value)
      out << std::setw(9) << *value;
    else
      out << std::setw(9) << '-';
  };
  out << std::fixed << std::setprecision(2);
  text("ns an event", 26);
  for (const char* column : {"ours", "best", "ratio", "prefetch", "std", "floor", "x floor"})
    out << std::setw(9) << column;
  out << "  best peer; floor\n";
  for (const Row& row : rows) {
    text(row.workload, 26);
    for (const auto value : {std::optional(row.ours_ns), row.best_peer_ns, row.ratio(),
                             row.prefetch_peer_ns, row.std_ns, row.floor_ns, row.floor_ratio()})
      number(value);
    out << "  " << row.best_peer << (row.floor.empty() ? "" : "; ") << row.floor << row.note
        << '\n';
  }
}

inline void write_json(const std::vector<Row>& rows, std::ostream& out) {
  const auto number = [&out](const char* name, std::optional<double> value) {
    out << ", \"" << name << "\": ";
    if (value)
      out << *value;
    else
      out << "null";
  };
  const auto text = [&out](const char* name, const std::string& value) {
    out << ", \"" << name << "\": ";
    if (value.empty())
      out << "null";
    else
      out << '"' << value << '"';
  };
  out << std::fixed << std::setprecision(3) << '[';
  for (const Row& row : rows) {
    out << (&row == rows.data() ? "\n" : ",\n") << "  {\"workload\": \"" << row.workload << '"';
    number("ours_ns", row.ours_ns);
    text("best_peer", row.best_peer);
    number("best_peer_ns", row.best_peer_ns);
    number("ratio", row.ratio());
    number("prefetch_peer_ns", row.prefetch_peer_ns);
    text("floor", row.floor);
    number("floor_ns", row.floor_ns);
    number("floor_ratio", row.floor_ratio());
    out << '}';
  }
  out << "\n]\n";
}

}  // namespace bench

#endif
