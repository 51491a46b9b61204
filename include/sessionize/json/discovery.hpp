#ifndef SESSIONIZE_JSON_DISCOVERY_HPP
#define SESSIONIZE_JSON_DISCOVERY_HPP

#include <sessionize/detail/json_text.hpp>
#include <sessionize/json/mapping.hpp>
#include <sessionize/json/members.hpp>
#include <sessionize/json/schema.hpp>
#include <sessionize/json/sql_name.hpp>
#include <sessionize/json/time_format.hpp>
#include <sessionize/json/value.hpp>
#include <sessionize/key.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/utc.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace json {

namespace detail {

inline std::string quoted(std::string_view text) {
  std::string out;
  sessionize::detail::append_json_string(out, sessionize::detail::sanitize_utf8(text, 64));
  return out;
}

/// What is known of a member after some lines. Bounded memory.
struct MemberStatistics {
  static constexpr std::size_t max_distinct = 1'024;

  std::string name;
  std::array<std::uint64_t, 8> kinds{};
  std::size_t characters = 0;       // of the longest text
  std::uint64_t integer_texts = 0;  // strings that hold an integer as JSON spells it
  std::uint64_t date_texts = 0;
  bool huge = false;  // an integer is beyond int64
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t largest = std::numeric_limits<std::int64_t>::min();
  TimeFormatVotes times{};
  Value plausible_time{};
  std::unordered_set<std::uint64_t> distinct{};  // hashes; no more than max_distinct
  std::uint64_t repeats = 0;                     // values that were known already

  void add(const Value& value) {
    ++kinds[static_cast<std::size_t>(value.kind)];
    if (value.kind == Kind::null) return;
    characters = std::max(characters, static_cast<std::size_t>(std::count_if(
                                          value.text.begin(), value.text.end(), [](char c) {
                                            return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
                                          })));
    if (value.kind == Kind::integer || value.kind == Kind::string) add_integer(value);
    if (value.kind == Kind::string && parse_utc<EventClock>(value.text)) ++date_texts;
    const auto format = TimeFormatVotes::format_of(value);
    times.add(value);
    if (format && value.text.size() <= 64 &&
        (plausible_time.kind == Kind::absent || times.winner() == format))
      plausible_time = value;
    const std::uint64_t hash = KeyHasher{1}(value.text);
    if (distinct.contains(hash))
      ++repeats;
    else if (distinct.size() < max_distinct)
      distinct.insert(hash);
  }

  [[nodiscard]] std::uint64_t count(Kind kind) const {
    return kinds[static_cast<std::size_t>(kind)];
  }
  /// In how many lines it has a value.
  [[nodiscard]] std::uint64_t seen() const {
    std::uint64_t sum = 0;
    for (const auto kind : kinds) sum += kind;
    return sum - count(Kind::null);
  }
  [[nodiscard]] bool holds_texts() const {
    return seen() > 0 && count(Kind::string) + count(Kind::integer) == seen();
  }

 private:
  void add_integer(const Value& value) {
    const auto integer = parse_integer(value.text);
    const bool beyond = !integer && integer.error() == TimeError::out_of_range;
    if (value.kind == Kind::string) {
      // A text that would not come back from a number as it was is a text: "007", "+1", " 1".
      if (!integer || std::to_string(*integer) != value.text) return;
      ++integer_texts;
    }
    huge = huge || beyond;
    if (!integer) return;
    least = std::min(least, *integer);
    largest = std::max(largest, *integer);
  }
};

/// A folded name and how well it fits a role, out of 100.
struct NameScore {
  std::string_view name;
  int score;
};

inline int name_score(std::string_view folded_name, std::span<const NameScore> scores) {
  for (const auto& [name, score] : scores)
    if (folded_name == name) return score;
  return 0;
}

inline int key_name_score(std::string_view name) {
  static constexpr NameScore scores[] = {
      {"userid", 100},      {"uid", 95},        {"user", 95},        {"customerid", 95},
      {"customer", 85},     {"visitorid", 90},  {"memberid", 85},    {"playerid", 85},
      {"subscriberid", 85}, {"username", 80},   {"accountid", 80},   {"account", 75},
      {"clientid", 80},     {"distinctid", 80}, {"anonymousid", 75}, {"email", 75},
      {"visitor", 75},      {"cookieid", 70},   {"deviceid", 65},    {"clientip", 65},
      {"ip", 60},           {"ipaddress", 60},  {"ipaddr", 60},      {"remoteaddr", 60},
      {"remotehost", 55},   {"host", 45},       {"id", 35},
  };
  return name_score(name, scores);
}

/// Whether a member is a user's by its name, whatever its values look like: ten digits are a time
/// in seconds, and many a customer's number.
inline bool names_user(const MemberStatistics& member) {
  return key_name_score(folded(member.name)) >= 60;
}

/// Fills in a column's type and the reason for it.
inline void choose_sql_type(Column& column, const MemberStatistics& member) {
  const std::uint64_t seen = member.seen();
  const auto varchar = [&](std::size_t characters) {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(characters, 4));
    column.sql_type = "VARCHAR(" + std::to_string(std::min<std::size_t>(size, 65'535)) + ')';
  };
  const std::uint64_t integers = member.count(Kind::integer) + member.integer_texts;
  if (seen == 0) {
    varchar(16);
    column.reason = "always null, so the type is a default";
  } else if (member.count(Kind::boolean) == seen) {
    column.sql_type = "BOOLEAN";
    column.reason = "always true or false";
  } else if (integers == seen && !member.huge) {
    const bool fits = member.least >= std::numeric_limits<std::int32_t>::min() &&
                      member.largest <= std::numeric_limits<std::int32_t>::max();
    column.sql_type = fits ? "INTEGER" : "BIGINT";
    column.reason =
        "integers from " + std::to_string(member.least) + " to " + std::to_string(member.largest);
    if (member.integer_texts != 0) column.reason += ", as strings, which convert";
  } else if (member.count(Kind::number) + member.count(Kind::integer) == seen &&
             member.count(Kind::number) != 0) {
    column.sql_type = "DOUBLE";
    column.reason = "numbers, some with a fraction or an exponent";
  } else if (member.date_texts == seen) {
    column.sql_type = "TIMESTAMP";
    column.reason = "strings that are RFC 3339 dates and times";
  } else {
    varchar(member.characters);
    const std::string length = "up to " + std::to_string(member.characters) + " characters";
    if (member.count(Kind::string) == seen)
      column.reason = "strings of " + length;
    else if (member.count(Kind::integer) == seen)
      column.reason = "integers beyond 64 bits, as text of " + length;
    else if (member.count(Kind::array) + member.count(Kind::object) == seen)
      column.reason = "arrays or objects, as JSON text of " + length;
    else
      column.reason = "values of several types, as text of " + length;
  }
  const auto format = member.times.winner();
  if (format && *format != TimeFormat::iso8601 && !names_user(member)) {
    column.reason += "; they look like times since 1970 in ";
    column.reason += json::to_string(*format);
  }
}

/// Whether a name says that it counts something shorter- or longer-lived than a user.
inline bool names_no_user(std::string_view name) {
  static constexpr std::string_view words[] = {"session", "event",       "request", "message",
                                               "trace",   "transaction", "span",    "order",
                                               "product", "item",        "page"};
  return std::any_of(std::begin(words), std::end(words), [&](std::string_view word) {
    return name.find(word) != std::string_view::npos;
  });
}

inline int time_name_score(std::string_view name) {
  static constexpr NameScore scores[] = {
      {"eventtimestamp", 100}, {"eventtime", 95},  {"timestamp", 90},   {"ts", 85},
      {"occurredat", 85},      {"time", 80},       {"datetime", 80},    {"eventdate", 75},
      {"clienttimestamp", 75}, {"createdat", 70},  {"createdtime", 70}, {"date", 60},
      {"sentat", 60},          {"receivedat", 50}, {"updatedat", 45},   {"ingestedat", 40},
  };
  if (const int score = name_score(name, scores)) return score;
  return name.find("time") != std::string_view::npos || name.ends_with("date") ||
                 name.ends_with("ts")
             ? 30
             : 0;
}

inline int device_name_score(std::string_view name) {
  static constexpr NameScore scores[] = {
      {"devicetype", 100}, {"device", 90},    {"devicecategory", 90}, {"devicename", 70},
      {"devicemodel", 70}, {"platform", 65},  {"formfactor", 60},     {"browser", 50},
      {"os", 45},          {"useragent", 40},
  };
  return name_score(name, scores);
}

struct Candidate {
  const MemberStatistics* member;
  int score;
};

/// The best candidate and the others in order; equal ones in the order of the sample.
inline Guess choose(std::vector<Candidate> candidates) {
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  Guess guess;
  for (const auto& candidate : candidates) guess.candidates.push_back(candidate.member->name);
  if (!candidates.empty()) guess.member = guess.candidates.front();
  return guess;
}

/// "12 of 100"; "all 100".
inline std::string share(std::uint64_t part, std::uint64_t whole) {
  if (part == whole) return "all " + std::to_string(whole);
  return std::to_string(part) + " of " + std::to_string(whole);
}

}  // namespace detail

/// Looks at sample lines and tells their schema. Memory is bounded, however long and hostile the
/// sample: max_members members with names of at most max_name bytes are looked at.
class Discovery {
 public:
  static constexpr std::size_t max_members = 256;
  static constexpr std::size_t max_name = 256;

  explicit Discovery(Limits limits = {}) : limits_(limits) {}

  /// Looks at one line. Returns null, or why it is no JSON object; it is then counted, and has no
  /// other effect. Linear in the line, times max_members.
  std::optional<RejectReason> add(std::string_view line) {
    ++lines_;
    std::vector<std::pair<std::size_t, Value>> values;
    std::vector<std::string> fresh;  // members that no line before has
    std::uint64_t omitted = 0;
    const auto wanted = [&](std::string_view name) -> Value* {
      std::size_t at = find(name, fresh);
      if (at == members_.size() + fresh.size()) {
        if (at == max_members || name.size() > max_name) {
          ++omitted;
          return nullptr;
        }
        fresh.emplace_back(name);
      }
      for (auto& [member, value] : values)
        if (member == at) return &value;
      return &values.emplace_back(at, Value{}).second;
    };
    std::string message;
    const auto rejected = line.size() > limits_.line
                              ? std::optional{RejectReason::line_too_long}
                              : read_members(line, limits_.nesting, wanted, message);
    if (rejected) {
      ++rejected_;
      return rejected;
    }
    omitted_ += omitted;
    for (auto& name : fresh) members_.emplace_back().name = std::move(name);
    for (const auto& [member, value] : values) members_[member].add(value);
    return std::nullopt;
  }

  /// The schema of the lines so far. Linear in the members, but for sorting.
  [[nodiscard]] Schema schema() const {
    Schema schema;
    schema.lines = lines_;
    schema.rejected = rejected_;
    schema.omitted_members = omitted_;
    add_columns(schema.columns);
    guess_time(schema);
    guess_key(schema);
    guess_device(schema);
    return schema;
  }

 private:
  using Member = detail::MemberStatistics;

  [[nodiscard]] std::size_t find(std::string_view name,
                                 const std::vector<std::string>& fresh) const {
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (members_[i].name == name) return i;
    return members_.size() +
           static_cast<std::size_t>(std::find(fresh.begin(), fresh.end(), name) - fresh.begin());
  }
  [[nodiscard]] const Member& member(const std::string& name) const {
    return members_[find(name, {})];
  }
  [[nodiscard]] std::uint64_t objects() const noexcept { return lines_ - rejected_; }

  void add_columns(std::vector<Column>& columns) const {
    std::unordered_set<std::string> taken;
    for (const auto& member : members_) {
      Column column;
      const std::string name = detail::sql_name(member.name);
      column.name = name;
      // SQL does not tell User from user where names are not quoted.
      for (int n = 2; !taken.insert(detail::lower(column.name)).second; ++n)
        column.name = name + '_' + std::to_string(n);
      column.mapping = detail::json_path(member.name);
      detail::choose_sql_type(column, member);
      columns.push_back(std::move(column));
    }
  }

  void guess_time(Schema& schema) const {
    std::vector<detail::Candidate> candidates;
    for (const auto& member : members_) {
      const int by_name = detail::time_name_score(detail::folded(member.name));
      const bool plausible = member.times.winner().has_value() && !detail::names_user(member);
      // A good name speaks for times that start at zero, as in tests.
      if (plausible || (by_name >= 60 && member.holds_texts()))
        candidates.push_back({&member, by_name + (plausible ? 100 : 0) + presence(member)});
    }
    schema.time = detail::choose(std::move(candidates));
    if (!schema.time.member) {
      schema.time.reason = "no member holds plausible times or has a name that speaks of time";
      schema.time_format_reason = "there is no time to tell it from";
      return;
    }
    const Member& time = member(*schema.time.member);
    schema.time_format = time.times.winner();
    const bool named = detail::time_name_score(detail::folded(time.name)) > 0;
    if (!schema.time_format) {
      schema.time.reason = "its name speaks of time, though its values are no plausible times";
      schema.time_format_reason =
          "no unit makes most of its values times of the years 1990 to 2099: choose one";
      return;
    }
    const std::uint64_t votes = time.times.votes(*schema.time_format);
    schema.time.reason = named ? "its name speaks of time, and " : "";
    schema.time.reason +=
        detail::share(votes, time.times.samples()) + " values are plausible times";
    schema.time_format_reason =
        detail::share(votes, time.times.samples()) +
        (*schema.time_format == TimeFormat::iso8601
             ? " values are RFC 3339 dates and times, such as "
             : " values, read so, are in the years 1990 to 2099, such as ") +
        detail::quoted(time.plausible_time.text) + example_date(time);
  }

  /// " (2022-07-01)" for a time that is an integer.
  [[nodiscard]] static std::string example_date(const Member& time) {
    const auto format = TimeFormatVotes::format_of(time.plausible_time);
    if (!format || *format == TimeFormat::iso8601) return {};
    const auto at = parse_time<EventClock>(time.plausible_time, *format);
    if (!at) return {};
    const UtcFields fields = utc_fields(*at);
    const auto two_digits = [](unsigned n) { return (n < 10 ? "-0" : "-") + std::to_string(n); };
    return " (" + std::to_string(fields.year) + two_digits(fields.month) + two_digits(fields.day) +
           ')';
  }

  void guess_key(Schema& schema) const {
    std::vector<detail::Candidate> candidates;
    for (const auto& member : members_) {
      if (!member.holds_texts() || member.name == schema.time.member ||
          (member.times.winner() && !detail::names_user(member)))
        continue;
      const int score = key_score(member);
      if (score > 0) candidates.push_back({&member, score});
    }
    schema.key = detail::choose(std::move(candidates));
    if (!schema.key.member) {
      schema.key.reason = "no member has a user's name or values that repeat like a user's";
      return;
    }
    const Member& key = member(*schema.key.member);
    const bool named = detail::key_name_score(detail::folded(key.name)) > 0;
    schema.key.reason = named ? "its name speaks of a user, and it has "
                              : "no member has a user's name: check this one, it repeats, with ";
    schema.key.reason += values(key);
  }

  /// "3 different values in 100 lines".
  [[nodiscard]] static std::string values(const Member& member) {
    const std::size_t different = member.distinct.size();
    return std::string(different == Member::max_distinct ? "at least " : "") +
           std::to_string(different) + (different == 1 ? " value in " : " different values in ") +
           std::to_string(member.seen()) + (member.seen() == 1 ? " line" : " lines");
  }

  /// A key's name, as far as its values do not speak against it: one that never repeats is an
  /// event's, one that never changes is nobody's. A single user's sample is one, too: a good name
  /// outweighs both.
  [[nodiscard]] int key_score(const Member& member) const {
    const std::string name = detail::folded(member.name);
    int score = detail::key_name_score(name);
    if (score == 0) {
      if (detail::names_no_user(name) || detail::device_name_score(name) > 0) return 0;
      score = name.ends_with("id") ? 40 : 0;
    }
    if (member.seen() >= 10 && member.repeats == 0)
      score -= 30;
    else if (member.distinct.size() == 1)
      score -= 10;
    else if (member.repeats > 0)
      // Of two that repeat, the one with more values: event types are few, users are many.
      score += 10 + static_cast<int>(10 * member.distinct.size() / member.seen());
    return score + presence(member) - 20;
  }

  /// 20 for a member that each line has, less for one that is missing here and there.
  [[nodiscard]] int presence(const Member& member) const {
    return objects() == 0 ? 0 : static_cast<int>(20 * member.seen() / objects());
  }

  void guess_device(Schema& schema) const {
    std::vector<detail::Candidate> candidates;
    for (const auto& member : members_) {
      const int by_name = detail::device_name_score(detail::folded(member.name));
      if (by_name > 0 && member.holds_texts() && member.name != schema.key.member)
        candidates.push_back({&member, by_name + presence(member)});
    }
    schema.device = detail::choose(std::move(candidates));
    schema.device.reason = schema.device.member ? "its name speaks of a device, and it has " +
                                                      values(member(*schema.device.member))
                                                : "no member has a device's name";
  }

  Limits limits_;
  std::vector<Member> members_;
  std::uint64_t lines_ = 0;
  std::uint64_t rejected_ = 0;
  std::uint64_t omitted_ = 0;
};

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
