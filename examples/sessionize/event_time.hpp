#ifndef SESSIONIZE_COMMAND_EVENT_TIME_HPP
#define SESSIONIZE_COMMAND_EVENT_TIME_HPP

#include "options.hpp"
#include "output.hpp"
#include "results.hpp"

#include <sessionize/detail/json_text.hpp>
#include <sessionize/rules/rules.hpp>
#include <sessionize/snapshot/aggregates.hpp>
#include <sessionize/windows/windows.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Sessions in event time, for --order event.

namespace command {

/// The device that a session's time-of-day id names: of its earliest event or, where ids are given
/// before sessions are closed, of the one that arrived first.
struct DeviceOfId {
  class State {
   public:
    void merge(const State& part) {
      if (!part.is_before(*this)) return;
      *this = part;
    }
    [[nodiscard]] const std::optional<std::string>& result() const { return device_; }

   private:
    friend DeviceOfId;
    template <class T>
    friend struct sessionize::SnapshotTraits;

    [[nodiscard]] bool is_before(const State& other) const {
      return has_event_ && (!other.has_event_ || moment_ < other.moment_);
    }

    bool has_event_ = false;
    sessionize::Moment moment_{};  // without its time, where the first to arrive counts
    std::optional<std::string> device_;
  };

  bool by_arrival = false;

  void add(State& state, const Event& event, sessionize::Moment moment) const {
    if (by_arrival) moment.time = 0;
    if (state.has_event_ && state.moment_ < moment) return;
    state.has_event_ = true;
    state.moment_ = moment;
    state.device_.reset();
    if (event.device) state.device_.emplace(*event.device);
  }
};

}  // namespace command

template <>
struct sessionize::SnapshotTraits<command::DeviceOfId::State> {
  static std::string name() { return "device"; }
  static void save(SnapshotWriter& out, const command::DeviceOfId::State& state) {
    out.put(state.has_event_);
    out.put(state.moment_);
    out.put(state.device_);
  }
  static bool load(SnapshotReader& in, command::DeviceOfId::State& state) {
    return in.get(state.has_event_) && in.get(state.moment_) && in.get(state.device_);
  }
};

namespace command {

using EventTimeRules = sessionize::AnyOf<std::optional<sessionize::MaxDuration<milliseconds>>,
                                         std::optional<sessionize::DayBoundary>>;
using Windows = sessionize::SessionWindows<EventClock, std::string, DeviceOfId, EventTimeRules>;

/// What --order event asks for. The carry horizon, where it splits, is a maximum duration.
inline Windows make_windows(const RunOptions& run) {
  std::optional<sessionize::MaxDuration<milliseconds>> longest;
  if (run.max_duration) longest = sessionize::max_duration(*run.max_duration);
  if (const auto carry = run.carry_limit())
    longest = sessionize::max_duration(longest ? std::min(longest->limit, *carry) : *carry);
  std::optional<sessionize::DayBoundary> midnight;
  if (run.midnight_offset) midnight = sessionize::day_boundary(*run.midnight_offset);

  auto options = run.windows;
  options.gap = run.session.gap;
  options.at_gap = run.session.at_gap;
  options.emit =
      run.emit == Emit::updates ? sessionize::Emit::retractions : sessionize::Emit::final_only;
  return Windows(options, sessionize::any_of(longest, midnight),
                 DeviceOfId{run.emit == Emit::updates});
}

/// Why a session was closed, where a maximum duration may be the carry horizon's.
inline sessionize::CloseReason close_reason(const RunOptions& run, sessionize::CloseReason reason) {
  const auto carry = run.carry_limit();
  const bool is_carry = carry && !(run.max_duration && *run.max_duration <= *carry);
  return is_carry && reason == sessionize::CloseReason::max_duration
             ? sessionize::CloseReason::carry
             : reason;
}

/// What every line of --emit updates begins with; then come a session's columns.
struct UpdateColumns {
  static constexpr std::array<std::string_view, 9> names = {
      "op",          "replaces", "user_id",     "session_id", "session_start",
      "session_end", "events",   "duration_ms", "reason"};
  template <class T>
  static constexpr bool lays_out = requires(const T& value) {
    value.result.replaces;
  };

  template <class Row, class IdForm, class Update>
  static void write(Row& row, sessionize::detail::IdBuffer& buffer, const IdForm& id_form,
                    const Update& update) {
    row.text("op", std::optional(to_string(update.result.op)));
    std::string replaces = "[";
    for (const auto& id : update.replaces) {
      if (replaces.size() > 1) replaces += ',';
      if (id)
        sessionize::detail::append_json_string(replaces, *id);
      else
        replaces += "null";
    }
    replaces += ']';
    row.json("replaces", std::optional<std::string_view>(replaces));
    sessionize::SummaryColumns::write(row, buffer, id_form, update.result);
  }
};

/// A result with the ids, as texts, of the sessions that it replaces.
template <class Result>
struct Update {
  const Result& result;
  const std::vector<std::optional<std::string>>& replaces;
};

/// Where late events go: to a file, a line of JSON each, or into a summary by reason.
class LateEvents {
 public:
  explicit LateEvents(const std::string& path) {
    if (!path.empty()) output_.emplace(path);
  }

  template <class Late>
  void operator()(const Late& late) {
    write(late.key, late.time, late.watermark, to_string(late.reason), late.data);
  }
  void write(std::string_view key, EventClock::time_point time, EventClock::time_point watermark,
             std::string_view reason, std::string_view data) {
    namespace s = sessionize;
    ++counts_[reason];
    if (!output_) return;
    s::JsonRow row(room_);
    row.text("user_id", key);
    row.number("event_timestamp", std::optional(time.time_since_epoch().count()));
    // An event can be overtaken before there is a watermark.
    row.number("watermark", watermark == EventClock::time_point::min()
                                ? std::nullopt
                                : std::optional(watermark.time_since_epoch().count()));
    row.text("reason", reason);
    row.text("data", s::detail::sanitize_utf8(data, s::max_rejected_data));
    (*output_)(row.end());
  }

  [[nodiscard]] Output* output() { return output_ ? &*output_ : nullptr; }
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto& [name, count] : counts_) sum += count;
    return sum;
  }
  /// What to say of it at the end; empty where there is nothing to say.
  [[nodiscard]] std::string summary() const {
    if (output_ || total() == 0) return {};
    std::string reasons;
    for (const auto& [name, count] : counts_) list_count(reasons, count, name);
    return std::to_string(total()) + (total() == 1 ? " late event (" : " late events (") + reasons +
           "); --late FILE writes them down";
  }

 private:
  std::optional<Output> output_;
  std::map<std::string_view, std::uint64_t> counts_;  // by the names of reasons
  std::string room_;
};

}  // namespace command

#endif
