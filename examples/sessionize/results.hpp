#ifndef SESSIONIZE_COMMAND_RESULTS_HPP
#define SESSIONIZE_COMMAND_RESULTS_HPP

#include "options.hpp"
#include "output.hpp"
#include "whole_input.hpp"

#include <sessionize/sinks/csv.hpp>
#include <sessionize/sinks/json_lines.hpp>
#include <sessionize/windows/session_result.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

// What the results look like, as lines of JSON or CSV.

namespace command {

using Event = sessionize::json::Event<EventClock>;

/// The id form that was chosen, of a record or of a session.
struct ChosenId {
  IdForm form;

  template <sessionize::record R>
  void operator()(sessionize::IdWriter& out, const R& record) const {
    if (form == IdForm::unique)
      sessionize::unique_id(out, record);
    else
      sessionize::time_of_day_id (&Event::device)(out, record);
  }
  void operator()(sessionize::IdWriter& out, const Session& session) const {
    if (form == IdForm::unique) return sessionize::unique_id(out, summary_of(session));
    write(out, session.key, session.device, session.start);
  }
  template <class Key, class State>
  void operator()(sessionize::IdWriter& out,
                  const sessionize::SessionResult<EventClock, Key, State>& session) const {
    if (form == IdForm::unique) return sessionize::unique_id(out, session);
    write(out, session.key, session.aggregate.result(), session.id_time);
  }

 private:
  template <class Device>
  static void write(sessionize::IdWriter& out, std::string_view key, const Device& device,
                    EventClock::time_point start) {
    if (!device) return out.null();
    out.key(key);
    out.text("_");
    out.text(*device);
    out.text("_");
    out.time_of_day(start);
  }
  static const sessionize::Summary<EventClock, std::string_view>& summary_of(const Session& s) {
    return s;
  }
};

/// The columns of --keep: fields of the event from `first` on.
struct KeptColumns {
  const std::vector<std::string>* names;
  std::size_t first;

  template <class Visit>
  void each_name(Visit&& visit) const {
    for (const auto& name : *names) visit(std::string_view(name));
  }
  template <class Row, class Record>
  void write(Row& row, const Record& record) const {
    using sessionize::json::Kind;
    for (std::size_t i = 0; i < names->size(); ++i) {
      const auto& value = record.event.fields[first + i];
      if (value.kind == Kind::string)
        row.text((*names)[i], value.text);
      else
        row.json((*names)[i], value.nullable());
    }
  }
};

/// Writes lines of one layout in the chosen format. What cannot be written is the Output's to tell.
template <class Layout>
class Lines {
 public:
  Lines(Output& output, Format format, const Layout& layout)
      : format_(format),
        json_(sessionize::json_lines(output, layout)),
        csv_(sessionize::csv(output, layout)) {}

  template <class Value>
  void operator()(const Value& value) {
    static_cast<void>(format_ == Format::csv ? csv_.emit(value) : json_.emit(value));
  }
  /// The lines go behind those of an earlier run, which have the header.
  void go_on() { csv_.skip_header(); }
  /// The end of the lines: CSV has a header though there is none.
  void finish() {
    if (format_ == Format::csv) static_cast<void>(csv_.flush());
  }

 private:
  Format format_;
  sessionize::JsonLines<Output&, Layout> json_;
  sessionize::Csv<Output&, Layout> csv_;
};

}  // namespace command

#endif
