#ifndef SESSIONIZE_JSON_EVENT_READER_HPP
#define SESSIONIZE_JSON_EVENT_READER_HPP

#include <sessionize/clock.hpp>
#include <sessionize/json/mapping.hpp>
#include <sessionize/json/members.hpp>
#include <sessionize/json/plain_objects.hpp>
#include <sessionize/json/shortcut.hpp>
#include <sessionize/json/time_format.hpp>
#include <sessionize/json/value.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/result.hpp>
#include <sessionize/utc.hpp>

#include <cassert>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace json {

/// An event as a line of JSON gives it: `sessions.observe(event.key, event.time, event)`. Its texts
/// look at the reader or at the line, and are good until the reader's next line: a sink that may
/// refuse records, and so be offered them later, wants an event type that owns its texts. A text
/// that looks at the line is good as long as that is.
template <session_clock Clock = EventClock>
struct Event {
  std::string_view key{};
  typename Clock::time_point time{};
  /// A string, or an integer's digits; null where the member is something else or absent.
  std::optional<std::string_view> device{};
  /// The members that Mapping::fields names, in its order.
  std::span<const Value> fields{};
  /// The line it was read from.
  std::string_view line{};
};

/// Reads events from lines of JSON, one object a line.
///
/// A key is a string, or an integer of any size taken as its digits. A time is what parse_time()
/// takes in the mapping's format. Of a repeated member, the last counts. Members that the mapping
/// does not name are checked to be JSON and skipped.
///
/// What a line says does not depend on the Shortcut, only how soon it is said. Buffers are kept
/// from line to line: a line that the shortcut takes allocates nothing, another one a little inside
/// of the parser. One thread at a time may use an object.
template <session_clock Clock = EventClock, shortcut Shortcut = PlainObjects>
requires utc_time_point<typename Clock::time_point>
class EventReader {
 public:
  using clock = Clock;
  using time_point = typename Clock::time_point;
  using event_type = Event<Clock>;

  /// Precondition: mapping.key is not empty.
  explicit EventReader(Mapping mapping = {}, Limits limits = {})
      : mapping_(std::move(mapping)), limits_(limits) {
    assert(!mapping_.key.empty() && "a mapping names at least one key member");
    for (const auto& name : mapping_.fields) fields_.push_back(members_.add(name));
    values_.resize(fields_.size());
    for (const auto& name : mapping_.key) key_.push_back(members_.add(name));
    time_ = members_.add(mapping_.time);
    device_ = members_.add(mapping_.device);
  }

  /// Reads one line, without its line end. Returns its event, or why it is rejected: with a message
  /// that names the column or the member and what to do, and the line's first bytes as data; where
  /// the line comes from is the caller's to add. What it returns is good until the next call.
  /// A line longer than limits().line is LineReader's to reject. Linear in the line.
  [[nodiscard]] Result<event_type, Rejection> read(std::string_view line) {
    // Filled in in its place: moving it costs as much as reading a member.
    Result<event_type, Rejection> result(std::in_place);
    if (const auto reason = read_event(line, *result))
      result = Failure{Rejection{*reason, message_, {}, 0, line.substr(0, max_rejected_data)}};
    return result;
  }

  /// The members that Mapping::fields names, of the last line, also where its key or time was
  /// rejected; all absent where it was no JSON object. For filters that come before that.
  [[nodiscard]] std::span<const Value> fields() const noexcept { return values_; }
  /// The time member of the last line, whether or not it was a time; absent where the line was no
  /// JSON object. Samples for guess_time_format(). To be asked while the line is there, and not of
  /// a copy of the reader that has read it.
  [[nodiscard]] Value time_value() const {
    return {members_[time_].kind, std::string(members_[time_].text)};
  }
  /// Reads the lines to come in another time format.
  void set_time_format(TimeFormat format) noexcept { mapping_.time_format = format; }

  [[nodiscard]] const Mapping& mapping() const noexcept { return mapping_; }
  [[nodiscard]] const Limits& limits() const noexcept { return limits_; }

 private:
  [[nodiscard]] std::optional<RejectReason> read_event(std::string_view line, event_type& event) {
    members_.clear();
    if (!shortcut_.read(line, limits_.nesting, members_))
      if (const auto invalid = read_with_care(line)) return invalid;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const ValueView& field = members_[fields_[i]];
      values_[i].kind = field.kind;
      values_[i].text.assign(field.text);
    }
    event.fields = values_;
    event.line = line;
    if (const auto bad_key = read_key(event.key)) return bad_key;
    const auto time = parse_time<Clock>(members_[time_], mapping_.time_format);
    if (!time) {
      explain_time(time.error());
      return time.error();
    }
    event.time = *time;
    const ValueView& device = members_[device_];
    if (device.kind == Kind::string || device.kind == Kind::integer) event.device = device.text;
    return std::nullopt;
  }

  /// Reads any line, or finds out why it is rejected; there is nothing of it in members_ then.
  [[nodiscard]] std::optional<RejectReason> read_with_care(std::string_view line) {
    members_.clear();
    read_.resize(members_.size());
    for (auto& value : read_) {
      value.kind = Kind::absent;
      value.text.clear();
    }
    const auto wanted = [&](std::string_view name) {
      const std::size_t place = members_.find(name);
      return place == WantedMembers::none ? nullptr : &read_[place];
    };
    const auto invalid = read_members(line, limits_.nesting, wanted, message_);
    if (invalid)
      for (auto& value : values_) value = Value{};
    else
      for (std::size_t i = 0; i < read_.size(); ++i) members_[i] = read_[i];
    return invalid;
  }

  [[nodiscard]] std::optional<RejectReason> read_key(std::string_view& key) {
    for (std::size_t i = 0; i < key_.size(); ++i) {
      const ValueView& part = members_[key_[i]];
      if (part.kind == Kind::string || part.kind == Kind::integer) continue;
      if (part.kind == Kind::absent) {
        explain("key", mapping_.key[i], part, "give the event one, or name another member");
        return RejectReason::missing_key;
      }
      explain("key", mapping_.key[i], part, "it must be a string or an integer");
      return RejectReason::key_type;
    }
    if (key_.size() == 1) {
      key = members_[key_.front()].text;
    } else {
      joined_.clear();
      for (std::size_t i = 0; i < key_.size(); ++i) {
        if (i != 0) joined_ += '|';
        for (const char c : members_[key_[i]].text) {
          if (c == '%')
            joined_ += "%25";
          else if (c == '|')
            joined_ += "%7C";
          else
            joined_ += c;
        }
      }
      key = joined_;
    }
    if (key.size() <= limits_.key) return std::nullopt;
    message_ = "the key has " + std::to_string(key.size()) + " bytes, the limit is " +
               std::to_string(limits_.key) + ": shorten it or raise the limit";
    return RejectReason::key_too_long;
  }

  void explain_time(RejectReason reason) {
    const ValueView& time = members_[time_];
    const bool dates = mapping_.time_format == TimeFormat::iso8601;
    std::string advice;
    if (reason == RejectReason::missing_time) {
      advice = "give the event one, or name another member";
    } else if (reason == RejectReason::time_range) {
      advice = "it is out of range, check the time format (now ";
      advice += to_string(mapping_.time_format);
      advice += ')';
    } else if (dates) {
      advice = "it must be a string like \"2022-07-01T00:00:02Z\"; for integers choose their unit";
    } else if (time.kind == Kind::number) {
      advice = "it must have no fraction or exponent; round it, or send it in a finer unit";
    } else {
      advice = "it must be an integer (";
      advice += to_string(mapping_.time_format);
      advice += " since 1970) or a string that holds one; for dates choose iso8601";
    }
    explain("time", mapping_.time, time, advice);
  }

  /// Says `the key "user_id" is null: ...`, with as much of name and value as a person reads.
  void explain(std::string_view role, std::string_view name, const ValueView& value,
               std::string_view advice) {
    constexpr std::size_t shown = 64;
    message_ = "the ";
    message_ += role;
    message_ += ' ';
    sessionize::detail::append_json_string(message_,
                                           sessionize::detail::sanitize_utf8(name, shown));
    message_ += " is ";
    if (value.kind == Kind::absent || value.kind == Kind::array || value.kind == Kind::object) {
      message_ += detail::name_of(value.kind);
    } else {
      const bool cut = value.text.size() > shown;
      const std::string text = sessionize::detail::sanitize_utf8(value.text, shown);
      append_json(message_, ValueView{value.kind, text});
      if (cut) message_ += "...";
    }
    message_ += ": ";
    message_ += advice;
  }

  Mapping mapping_;
  Limits limits_;
  Shortcut shortcut_;
  WantedMembers members_;            // all that is read of a line
  std::vector<Value> read_;          // what members_ looks at where the shortcut has no answer
  std::vector<Value> values_;        // those that mapping_.fields names
  std::vector<std::size_t> fields_;  // places in members_, as are the next three
  std::vector<std::size_t> key_;
  std::size_t time_ = 0;
  std::size_t device_ = 0;
  std::string joined_;
  std::string message_;
};

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
