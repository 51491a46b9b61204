#include "run.hpp"

#include "event_time.hpp"
#include "input.hpp"
#include "owned_event.hpp"
#include "results.hpp"
#include "rules.hpp"
#include "state_file.hpp"
#include "stop_signal.hpp"
#ifdef SESSIONIZE_WITH_SQLITE
#include "session_table.hpp"
#endif

#include <sessionize/json/event_reader.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/snapshot/snapshot.hpp>
#ifdef SESSIONIZE_WITH_SIMDJSON
#include <sessionize/simdjson/event_reader.hpp>
#endif

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <unistd.h>

namespace command {
namespace {

namespace s = sessionize;
using s::RejectReason;
using s::json::Value;

#ifdef SESSIONIZE_WITH_SIMDJSON
using Reader = s::simdjson::EventReader<EventClock>;
#else
using Reader = s::json::EventReader<EventClock>;
#endif

void complain(const std::string& what) {
  std::fprintf(stderr, "sessionize: %s\n", one_line(what).c_str());
}

/// Which fields of an event the options read, and where in Event::fields each is.
struct Fields {
  std::vector<std::string> names;
  std::size_t where = 0, split_on = 0, end_when = 0, gap = 0, keep_alive = 0, keep = 0;

  explicit Fields(const RunOptions& run) {
    for (const auto& condition : run.where) names.push_back(condition.field);
    split_on = names.size();
    if (run.split_on) names.push_back(*run.split_on);
    end_when = names.size();
    if (run.end_when) names.push_back(run.end_when->field);
    gap = names.size();
    if (run.gap_field) names.push_back(*run.gap_field);
    keep_alive = names.size();
    if (run.keep_alive_unless) names.push_back(run.keep_alive_unless->field);
    keep = names.size();
    names.insert(names.end(), run.keep.begin(), run.keep.end());
  }
};

/// What --split-on watches.
struct WatchedField {
  std::size_t at;
  std::optional<Value> operator()(const Event& event) const {
    const Value& value = event.fields[at];
    return value.nullable() ? std::optional(value) : std::nullopt;
  }
};

/// Whether --end-when holds.
struct EndsSession {
  const std::optional<Condition>* end_when;
  std::size_t at;
  bool operator()(const Event& event) const {
    return *end_when && (*end_when)->holds(event.fields[at]);
  }
};

/// An event's own gap, by --gap-field.
struct OwnGap {
  bool is_wanted;
  std::size_t at;

  /// Whether the field is absent, null, or a number of milliseconds; negative ones are not its.
  [[nodiscard]] bool is_good(const Event& event) const {
    return !is_wanted || !event.fields[at].nullable() || (*this)(event);
  }
  std::optional<milliseconds> operator()(const Event& event) const {
    if (!is_wanted) return std::nullopt;
    const Value& value = event.fields[at];
    std::int64_t count = 0;
    const char* const end = value.text.data() + value.text.size();
    if (value.kind != s::json::Kind::integer) return std::nullopt;
    const auto [stop, error] = std::from_chars(value.text.data(), end, count);
    return error == std::errc{} && stop == end ? std::optional(milliseconds{count}) : std::nullopt;
  }
};

/// Whether an event keeps its session alive, by --keep-alive-unless.
struct KeepsAlive {
  const std::optional<Condition>* unless;
  std::size_t at;
  bool operator()(const Event& event) const {
    return !*unless || !(*unless)->holds(event.fields[at]);
  }
};

/// Reads the lines that carry a watermark: an object with the member `watermark`, and none of the
/// key's.
class ControlLines {
 public:
  explicit ControlLines(const s::json::Mapping& events) : reader_(mapping(events)) {}

  /// The watermark, or why the line has a bad one; null where it is no such line.
  std::optional<s::Result<EventClock::time_point, s::Rejection>> read(std::string_view line) {
    const auto event = reader_.read(line);
    for (const Value& part : reader_.fields())
      if (part.kind != s::json::Kind::absent) return std::nullopt;
    if (event) return event->time;
    if (event.error().reason == RejectReason::missing_key) return std::nullopt;
    auto bad = event.error();
    if (bad.reason == RejectReason::key_type) {
      bad.reason = RejectReason::time_type;
      bad.message = "the watermark is no time: write it as the times of events are written";
    }
    return s::Failure{bad};
  }
  void set_time_format(s::json::TimeFormat format) { reader_.set_time_format(format); }

 private:
  static s::json::Mapping mapping(const s::json::Mapping& events) {
    s::json::Mapping made;
    made.key = {"watermark"};
    made.time = "watermark";
    made.fields = events.key;
    made.time_format = events.time_format;
    return made;
  }

  s::json::EventReader<EventClock> reader_;
};

/// The sessionizer that the options ask for; the one without rules decides on many events at once.
template <bool has_rules>
auto make_sessionizer(const RunOptions& run, const Fields& fields) {
  if constexpr (has_rules)
    return s::make_sessionizer<EventClock, std::string>(
        run.session, make_rules<Value>(run, WatchedField{fields.split_on},
                                       EndsSession{&run.end_when, fields.end_when}));
  else
    return s::make_sessionizer<EventClock, std::string>(run.session);
}
bool wants_rules(const RunOptions& run) {
  return run.max_duration || run.midnight_offset || run.split_on || run.end_when;
}

/// Events whose texts are parts of one block of the input, to be decided on at once.
struct Batch {
  static constexpr std::size_t size = 256;

  std::vector<Event> events;
  std::vector<std::string_view> keys;
  std::vector<EventClock::time_point> times;
  std::vector<s::Placement<EventClock>> placements{size};

  /// Whether the event's texts are parts of its line, and so of the block.
  [[nodiscard]] static bool can_hold(const Event& event) {
    const auto is_part = [&](std::string_view text) {
      const std::less_equal<> precedes;
      return precedes(event.line.data(), text.data()) &&
             precedes(text.data() + text.size(), event.line.data() + event.line.size());
    };
    return is_part(event.key) && (!event.device || is_part(*event.device));
  }
  void add(const Event& event) {
    events.push_back(event);
    keys.push_back(event.key);
    times.push_back(event.time);
  }
  void clear() {
    events.clear();
    keys.clear();
    times.clear();
  }
};

/// Where lines that are rejected go: to a file, a line of JSON each, or into a summary by reason.
class Errors {
 public:
  explicit Errors(const std::string& path) {
    if (!path.empty()) output_.emplace(path);
  }

  void operator()(const s::Rejection& rejection) {
    counts_.add(rejection.reason);
    if (counts_.total() == 1)
      first_ = s::detail::sanitize_utf8(rejection.source, SIZE_MAX) + ':' +
               std::to_string(rejection.position) + ": " + std::string(rejection.message);
    if (!output_) return;
    s::JsonRow row(room_);
    row.text("file", s::detail::sanitize_utf8(rejection.source, SIZE_MAX));
    row.number("line", std::optional(rejection.position));
    row.text("reason", s::to_string(rejection.reason));
    row.text("message", rejection.message);
    row.text("data", s::detail::sanitize_utf8(rejection.data, s::max_rejected_data));
    (*output_)(row.end());
  }

  [[nodiscard]] const s::RejectCounts& counts() const { return counts_; }
  [[nodiscard]] Output* output() { return output_ ? &*output_ : nullptr; }

  void summarize() const {
    if (output_ || counts_.total() == 0) return;
    std::string reasons;
    for (std::size_t i = 0; i < s::reject_reason_count; ++i) {
      const auto reason = static_cast<RejectReason>(i);
      if (counts_[reason] != 0) list_count(reasons, counts_[reason], to_string(reason));
    }
    complain("rejected " + std::to_string(counts_.total()) +
             (counts_.total() == 1 ? " line (" : " lines (") + reasons + "), the first at " +
             first_ + "; --errors FILE writes them down");
  }

 private:
  std::optional<Output> output_;
  s::RejectCounts counts_;
  std::string first_;  // where and why the first one was
  std::string room_;
};

/// One run of the command.
template <bool has_rules>
class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        fields_(options),
        reader_(mapping()),
        output_(options.output),
        errors_(options.errors),
        late_(options.late),
        control_(reader_.mapping()),
        own_gap_{options.gap_field.has_value(), fields_.gap},
        keeps_alive_{&options.keep_alive_unless, fields_.keep_alive},
        sessionizer_(make_sessionizer<has_rules>(options, fields_)),
        ends_{&options.end_when, fields_.end_when},
        whole_input_(options),
        record_lines_(output_, options.format,
                      s::records(ChosenId{options.id}, KeptColumns{&options_.keep, fields_.keep})),
        session_lines_(output_, options.format, s::summaries(ChosenId{options.id})),
        update_lines_(output_, options.format, UpdateLayout(ChosenId{options.id})),
        batches_(!has_rules && fields_.names.empty() && options.into.empty() &&
                 options.order == Order::arrival && options.emit != Emit::sessions),
        sampling_(options.guess_time_format) {
    if (options.has_windows())
      windows_ = std::make_unique<Windows>(make_windows(options));
    else if (options.order == Order::event)
      front_.emplace(s::ReorderOptions<EventClock>{.out_of_order = options.windows.out_of_order});
  }

  int execute() {
    if (!options_.state.empty())
      if (const auto exit = go_on()) return *exit;
    if (!open()) return exit_io_error;
    for (const auto& file : options_.files) read(file);
    decide_time_format();
    finish();
    if (position_) save_state();
    return exit_code();
  }

 private:
  static constexpr std::size_t sample_size = 100;

  struct SampledLine {
    std::string file;
    std::string text;
    s::json::Line line;
  };

  [[nodiscard]] s::json::Mapping mapping() const {
    auto mapping = options_.mapping;
    mapping.fields = fields_.names;
    return mapping;
  }

  /// Calls `use` with what --state keeps.
  template <class Use>
  auto use_state(Use use) {
    if (windows_) return use(*windows_);
    if (!front_) return use(sessionizer_);
    auto both = std::tie(*front_, sessionizer_);
    return use(both);
  }

  /// Goes on where the last run ended; returns an exit code where that cannot be.
  std::optional<int> go_on() {
    Resumption from = use_state([this](auto& state) { return resume(options_, state); });
    if (from.exit) {
      complain(from.complaint);
      return from.exit;
    }
    if (from.position) {
      goes_on_ = true;
      record_lines_.go_on();
      session_lines_.go_on();
      update_lines_.go_on();
      sessions_before_ = sessionizer_.counters().sessions_started;
      position_ = std::move(from.position);
    } else {
      position_.emplace().options = input_options(options_);
    }
    if (position_->time_format) {
      reader_.set_time_format(*position_->time_format);
      control_.set_time_format(*position_->time_format);
      sampling_ = false;
    }
    stop_.emplace();
    return std::nullopt;
  }

  /// Saves the state behind the results: those of events that it is past are written.
  void save_state() {
    for (const auto* output : outputs_)
      if (!output->ok()) return;
    const auto saved = use_state([this](const auto& state) {
      return s::save_file(state, options_.state, to_bytes(*position_));
    });
    if (saved) return;
    complain(saved.error().message);
    state_error_ = true;
  }

  bool open() {
    const auto old = goes_on_ ? Output::Old::kept : Output::Old::replaced;
    output_.open(old);
    if (auto* errors = errors_.output()) errors->open(old);
    if (!output_.ok()) complain(output_.complaint());
    outputs_.push_back(&output_);
    if (auto* errors = errors_.output()) {
      if (!errors->ok()) complain(errors->complaint());
      outputs_.push_back(errors);
    }
    if (auto* late = late_.output()) {
      late->open(old);
      if (!late->ok()) complain(late->complaint());
      outputs_.push_back(late);
    }
#ifdef SESSIONIZE_WITH_SQLITE
    if (!options_.into.empty()) {
      table_ = std::make_unique<SessionTable>(options_.into);
      if (table_->failed()) complain(table_->complaint());
      if (table_->failed()) return false;
    }
#endif
    return std::all_of(outputs_.begin(), outputs_.end(),
                       [](const Output* output) { return output->ok(); });
  }

  void read(const std::string& file) {
    if (!wants_more() || (stop_ && StopSignal::came())) return;
    bool unfinished = false;
    const int error = read_lines(
        file, outputs_,
        [&](const s::json::Line& line) {
          ++taken_;
          if (sampling_)
            sample(file, line);
          else
            take(file, line);
          report_progress();
          return wants_more();
        },
        [&] { decide_batch(); }, &lines_, position_ ? &*position_ : nullptr, &unfinished);
    if (unfinished)
      complain(file + ": its last line has no line end yet, and is left for the next run");
    if (error == 0) return;
    complain("cannot read " + file + ": " + std::generic_category().message(error));
    read_error_ = true;
  }

  /// Where nobody reads the results any more, the tables are filled all the same.
  [[nodiscard]] bool wants_more() const {
    return output_.ok() || (!options_.into.empty() && output_.broken_pipe());
  }

  /// Keeps the first lines until the time format is decided.
  void sample(const std::string& file, const s::json::Line& line) {
    sample_.push_back({file, std::string(line.text), line});
    if (sample_.size() == sample_size) decide_time_format();
  }

  void decide_time_format() {
    if (!std::exchange(sampling_, false)) return;
    s::json::TimeFormatVotes votes;
    for (const auto& line : sample_) {
      if (line.line.too_long) continue;
      static_cast<void>(reader_.read(line.text));
      if (reader_.time_value().nullable()) votes.add(reader_.time_value());
    }
    const auto format = votes.winner();
    if (format) reader_.set_time_format(*format);
    if (format) control_.set_time_format(*format);
    if (position_ && !sample_.empty()) position_->time_format = reader_.mapping().time_format;
    complain("--time-unit auto: " + std::string(to_string(reader_.mapping().time_format)) +
             (format ? ", as " + std::to_string(votes.votes(*format)) + " of " +
                           std::to_string(votes.samples()) + " times in the first lines are in it"
                     : ", as the first lines do not tell"));
    for (const auto& kept : sample_)
      take(kept.file, {kept.text, kept.line.number, kept.line.too_long, false});
    sample_.clear();
  }

  void take(const std::string& file, const s::json::Line& line) {
    if (line.too_long)
      return reject({RejectReason::line_too_long, too_long_message_, {}, 0, line.text}, file,
                    line.number);
    const auto event = reader_.read(line.text);
    // What is filtered out need not have a key or a time.
    const bool is_object = event.has_value() || is_about_a_member(event.error().reason);
    const bool is_filtered = is_object && !selected();
    // A filter is for events: a watermark is not one.
    if (!event && event.error().reason == RejectReason::missing_key &&
        take_control_line(file, line))
      return;
    if (is_filtered) {
      ++filtered_;
      return;
    }
    if (!event) return reject(event.error(), file, line.number);
    if (windows_) return take_in_event_time(*event, file, line);
    if (front_) return put_in_order(*event, file, line);
    if (options_.is_whole_input() || !options_.into.empty()) add_to_whole_input(*event);
    ++accepted_;
    if (options_.is_whole_input()) return;
    if (batches_ && line.is_part && Batch::can_hold(*event)) {
      batch_.add(*event);
      if (batch_.events.size() == Batch::size) decide_batch();
      return;
    }
    decide_batch();
    decide(*event, file, line.number);
  }

  void add_to_whole_input(const Event& event) {
    whole_input_.add(event, options_.split_on ? &event.fields[fields_.split_on] : nullptr,
                     ends_(event));
  }
  void decide(const Event& event, const std::string& file, std::uint64_t number) {
    const auto decision = sessionizer_.observe(event.key, event.time, event);
    if (write(decision, event))
      store(s::RecordView<EventClock, std::string, Event>{decision, event.key, event}, file,
            number);
  }

  /// Lets an event wait for earlier ones.
  void put_in_order(const Event& event, const std::string& file, const s::json::Line& line) {
    ++accepted_;
    OwnedEvent owned(event, file, line.number);
    static_cast<void>(front_->process(MovedEvent{owned}, &OwnedEvent::time, in_order(),
                                      [&](const s::Unordered<EventClock, OwnedEvent>& late) {
                                        late_.write(event.key, event.time, late.watermark,
                                                    to_string(late.reason), event.line);
                                      }));
  }
  /// What takes the events in order.
  auto in_order() {
    return [this](const OwnedEvent& owned) {
      const Event event = owned.view();
      if (!options_.into.empty()) add_to_whole_input(event);
      decide(event, owned.file, owned.number);
    };
  }

  /// A line that carries a watermark; under arrival order it is skipped.
  bool take_control_line(const std::string& file, const s::json::Line& line) {
    const auto watermark = control_.read(line.text);
    if (!watermark) return false;
    if (!*watermark) {
      reject(watermark->error(), file, line.number);
      return true;
    }
    ++control_lines_;
    if (windows_)
      static_cast<void>(windows_->advance_watermark(
          **watermark, [this](const auto& result) { this->write(result); }, late_));
    if (front_) static_cast<void>(front_->advance_watermark(**watermark, in_order()));
    return true;
  }

  void take_in_event_time(const Event& event, const std::string& file, const s::json::Line& line) {
    if (!own_gap_.is_good(event))
      return reject({RejectReason::gap_range,
                     own_gap_message_,
                     {},
                     0,
                     line.text.substr(0, s::max_rejected_data)},
                    file, line.number);
    const auto errors = [&](const s::Rejection& rejection) {
      reject(rejection, file, line.number);
    };
    const auto accepted = windows_->counters().accepted;
    static_cast<void>(windows_->process(
        std::span(&event, 1),
        s::by(&Event::key, &Event::time).raw(&Event::line).gap(own_gap_).keeps_alive(keeps_alive_),
        [this](const auto& result) { this->write(result); }, late_, errors));
    accepted_ += windows_->counters().accepted - accepted;
  }

  /// Writes a session in event time, or a change of one.
  void write(const Windows::result_view& given) {
    Windows::result_view result = given;
    result.reason = close_reason(options_, result.reason);
    if (result.op == s::Op::final) {
      ++sessions_;
      store(result);
    }
    if (options_.emit == Emit::sessions) return session_lines_(result);

    const auto id = id_buffer_.id(ChosenId{options_.id}, result);
    const auto text = id ? std::optional(std::string(*id)) : std::nullopt;
    std::vector<std::optional<std::string>> replaces;
    for (const auto time : result.replaces)
      for (const auto& [retracted, its_id] : retracted_)
        if (retracted == time) replaces.push_back(its_id);
    if (result.op == s::Op::retract)
      retracted_.emplace_back(result.id_time, text);
    else
      retracted_.clear();
    update_lines_(Update<Windows::result_view>{result, replaces});
  }

  void decide_batch() {
    if constexpr (!has_rules) {
      const std::size_t count = batch_.events.size();
      if (count == 0) return;
      const auto placements = std::span(batch_.placements).first(count);
      sessionizer_.observe_columns(batch_.keys, batch_.times, placements);
      for (std::size_t i = 0; i < count; ++i) write(placements[i], batch_.events[i]);
      batch_.clear();
    }
  }

  /// Writes an event's record where it is one of those that are asked for; returns whether it is.
  bool write(const s::Placement<EventClock>& placement, const Event& event) {
    if (options_.emit == Emit::starts && !placement.starts_session()) return false;
    record_lines_(s::RecordView<EventClock, std::string, Event>{placement, event.key, event});
    return true;
  }

  [[nodiscard]] static bool is_about_a_member(RejectReason reason) {
    switch (reason) {
      case RejectReason::missing_key:
      case RejectReason::key_type:
      case RejectReason::key_too_long:
      case RejectReason::missing_time:
      case RejectReason::time_type:
      case RejectReason::time_format:
      case RejectReason::time_range: return true;
      default: return false;
    }
  }

  [[nodiscard]] bool selected() const {
    for (std::size_t i = 0; i < options_.where.size(); ++i)
      if (!options_.where[i].holds(reader_.fields()[fields_.where + i])) return false;
    return true;
  }

  void reject(s::Rejection rejection, const std::string& file, std::uint64_t number) {
    rejection.source = file;
    rejection.position = number;
    errors_(rejection);
  }

  template <class Record>
  void store([[maybe_unused]] const Record& record, [[maybe_unused]] const std::string& file,
             [[maybe_unused]] std::uint64_t number) {
#ifdef SESSIONIZE_WITH_SQLITE
    if (!table_ || options_.emit != Emit::records) return;
    const s::detail::TimeOfDayText time(record.time);
    table_->store(SessionTable::RecordRow{
        file, number, record.key, id_buffer_.id(ChosenId{options_.id}, record),
        record.starts_session() ? std::optional(time.view()) : std::nullopt, time.view(),
        record.session_start ? s::detail::epoch_milliseconds(*record.session_start) : std::nullopt,
        record.time.time_since_epoch().count(), to_string(record.reason)});
#endif
  }

  template <class AnySession>
  void store([[maybe_unused]] const AnySession& session) {
#ifdef SESSIONIZE_WITH_SQLITE
    if (!table_) return;
    table_->store(SessionTable::SessionRow{
        session.key, id_buffer_.id(ChosenId{options_.id}, session).value_or(""),
        session.start.time_since_epoch().count(), session.last.time_since_epoch().count(),
        session.events.value_or(0), session.duration().count(), to_string(session.reason)});
#endif
  }

  void finish() {
    // With --state the next run goes on with what is held and what is open.
    const bool is_end = wants_more() && !position_;
    if (front_ && is_end) static_cast<void>(front_->flush(in_order()));
    std::vector<Session> sessions;
    const bool whole =
        options_.is_whole_input() || (!options_.into.empty() && !options_.has_windows());
    if (whole && wants_more()) sessions = whole_input_.sessions();
    if (windows_) {
      if (is_end)
        static_cast<void>(
            windows_->flush([this](const auto& result) { this->write(result); }, late_));
      options_.emit == Emit::sessions ? session_lines_.finish() : update_lines_.finish();
    } else if (options_.is_whole_input()) {
      for (const auto& session : sessions) session_lines_(session);
      session_lines_.finish();
      sessions_ = sessions.size();
    } else {
      record_lines_.finish();
      sessions_ = sessionizer_.counters().sessions_started - sessions_before_;
    }
#ifdef SESSIONIZE_WITH_SQLITE
    if (table_) {
      for (const auto& session : sessions) store(session);
      // Without commit() the run leaves no trace in the database.
      if (wants_more() && !table_->commit()) complain(table_->complaint());
    }
#endif
    for (auto* output : outputs_)
      if (!output->close() && !output->broken_pipe()) complain(output->complaint());
    end_progress();
    errors_.summarize();
    if (const auto late = late_.summary(); !late.empty()) complain(late);
    if (options_.stats) print_stats();
  }

  [[nodiscard]] int exit_code() const {
    bool io_error = read_error_ || state_error_;
    for (const auto* output : outputs_)
      io_error = io_error || !(output->ok() || output->broken_pipe());
#ifdef SESSIONIZE_WITH_SQLITE
    io_error = io_error || (table_ && table_->failed());
#endif
    if (io_error) return exit_io_error;
    return options_.strict && errors_.counts().total() != 0 ? exit_rejects : 0;
  }

  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

  void report_progress() {
    constexpr std::uint64_t every = 1U << 16;
    if (!options_.progress || taken_ % every != 0 || ::isatty(STDERR_FILENO) == 0) return;
    progress_shown_ = true;
    std::fprintf(stderr, "\r%llu lines, %.0f a second ", static_cast<unsigned long long>(taken_),
                 static_cast<double>(taken_) / seconds());
  }
  void end_progress() const {
    if (progress_shown_) std::fputc('\n', stderr);
  }

  void print_stats() const {
    const auto line = [](const char* name, std::uint64_t count) {
      std::fprintf(stderr, "%-10s %llu\n", name, static_cast<unsigned long long>(count));
    };
    line("lines", lines_);
    line("accepted", accepted_);
    line("filtered", filtered_);
    line("rejected", errors_.counts().total());
    if (control_lines_ != 0) line("watermarks", control_lines_);
    if (options_.order == Order::event) line("late", late_.total());
    line("sessions", sessions_);
    std::fprintf(stderr, "%-10s %.3f\n%-10s %.0f\n", "seconds", seconds(), "lines/s",
                 static_cast<double>(lines_) / seconds());
  }

  using RecordLayout = decltype(s::records(ChosenId{}, KeptColumns{}));
  using SessionLayout = decltype(s::summaries(ChosenId{}));
  using UpdateLayout = s::Layout<UpdateColumns, ChosenId>;

  const RunOptions& options_;
  const Fields fields_;
  Reader reader_;
  Output output_;
  Errors errors_;
  LateEvents late_;
  ControlLines control_;
  OwnGap own_gap_;
  KeepsAlive keeps_alive_;
  std::unique_ptr<Windows> windows_;
  std::optional<s::Reorder<EventClock, OwnedEvent>> front_;
  std::vector<std::pair<EventClock::time_point, std::optional<std::string>>> retracted_;
  decltype(make_sessionizer<has_rules>(options_, fields_)) sessionizer_;
  EndsSession ends_;
  WholeInput whole_input_;
  Lines<RecordLayout> record_lines_;
  Lines<SessionLayout> session_lines_;
  Lines<UpdateLayout> update_lines_;
  std::vector<Output*> outputs_;
#ifdef SESSIONIZE_WITH_SQLITE
  std::unique_ptr<SessionTable> table_;
#endif
  s::detail::IdBuffer id_buffer_;
  const std::string too_long_message_ =
      "the line is longer than " + std::to_string(s::json::Limits{}.line) + " bytes: shorten it";

  const std::string own_gap_message_ = "the field \"" + options_.gap_field.value_or("") +
                                       "\" is no whole number of milliseconds: correct it";

  const bool batches_;  // whether events are looked at for nothing but their key and time
  Batch batch_;
  bool sampling_;
  std::vector<SampledLine> sample_;
  std::uint64_t lines_ = 0, taken_ = 0, accepted_ = 0, filtered_ = 0, sessions_ = 0;
  std::uint64_t control_lines_ = 0;
  bool read_error_ = false;
  std::optional<InputPosition> position_;  // with --state
  std::optional<StopSignal> stop_;         // with --state
  bool goes_on_ = false;                   // whether there was a state
  std::uint64_t sessions_before_ = 0;
  bool state_error_ = false;
  bool progress_shown_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace

int run(const RunOptions& options) {
  try {
    return wants_rules(options) ? Run<true>(options).execute() : Run<false>(options).execute();
  } catch (const std::bad_alloc&) {
    complain("out of memory");
  } catch (const std::length_error& error) {
    complain(error.what());
  }
  return exit_io_error;
}

}  // namespace command
