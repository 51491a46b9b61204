#ifndef SESSIONIZE_BENCH_JSONL_HPP
#define SESSIONIZE_BENCH_JSONL_HPP

#include <sessionize/json/event_reader.hpp>
#include <sessionize/json/lines.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/json_lines.hpp>
#include <sessionize/testing/click_generator.hpp>

#include <absl/container/flat_hash_map.h>
#include <simdjson.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// JSON Lines in memory to JSON Lines in memory: clicks of about 124 bytes of 1e5 users in, their
// records out, about every tenth the start of a session.

namespace bench {

/// Medians over the rounds, per event.
struct JsonlFigures {
  double ours_ns = 0;
  double nlohmann_ns = 0;
  double simdjson_ns = 0;
};

namespace jsonl {

using Clock = sessionize::EventClock;
using Time = Clock::time_point;
using std::chrono::milliseconds;

/// The lines, whose times move on from round to round.
class Input {
 public:
  static constexpr std::size_t users = 100'000, events = 200'000;
  static constexpr milliseconds gap{230'000};  // of a user who clicks every 100 s on average

  Input() {
    sessionize::testing::ClickGenerator clicks(
        {.users = users, .interval = milliseconds{1}, .pause = milliseconds{1}});
    for (const auto& click : clicks.take(events)) {
      text_ += R"({"user_id":")" + click.user_id + R"(","event_timestamp":")";
      times_.push_back({text_.size(), click.time.time_since_epoch().count()});
      text_ += "0000000000000\",\"event_name\":\"" + std::string(click.event_name) +
               R"(","event_type":")" + std::string(click.event_type) + R"(","device_type":")" +
               std::string(click.device_type) + "\"}\n";
    }
    size_ = text_.size();
    text_.append(simdjson::SIMDJSON_PADDING, ' ');
  }

  void move_to(std::int64_t round) {
    for (const auto& [at, time] : times_)
      std::to_chars(text_.data() + at, text_.data() + at + 13,
                    time + round * static_cast<std::int64_t>(events));
  }
  /// simdjson may read SIMDJSON_PADDING bytes more.
  [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

 private:
  struct Stamp {
    std::size_t at;
    std::int64_t time;
  };
  std::string text_;
  std::size_t size_ = 0;
  std::vector<Stamp> times_;
};

/// The library, as the command uses it: lines to events, decisions on many of them, records out.
class Ours {
 public:
  void run(std::string_view text, std::string& out) {
    using Event = sessionize::json::Event<Clock>;
    auto lines_out =
        sessionize::json_lines([&](std::string_view line) { out.append(line); },
                               sessionize::records(sessionize::time_of_day_id(&Event::device)));
    const auto decide = [&] {
      const auto placements = std::span(placements_).first(events_.size());
      sessions_.observe_columns(keys_, times_, placements);
      for (std::size_t i = 0; i < events_.size(); ++i)
        static_cast<void>(lines_out.emit(sessionize::RecordView<Clock, std::string, Event>{
            placements[i], keys_[i], events_[i]}));
      events_.clear();
      keys_.clear();
      times_.clear();
    };
    lines_.feed(text, [&](const sessionize::json::Line& line) {
      const auto event = reader_.read(line.text);
      if (!event) throw std::runtime_error(std::string(event.error().message));
      events_.push_back(*event);
      keys_.push_back(event->key);
      times_.push_back(event->time);
      if (events_.size() == block) decide();
    });
    decide();
  }

 private:
  static constexpr std::size_t block = 256;

  sessionize::json::LineReader lines_;
  sessionize::json::EventReader<Clock> reader_;
  sessionize::Sessionizer<Clock, std::string> sessions_{{.gap = Input::gap}};
  std::vector<sessionize::json::Event<Clock>> events_;
  std::vector<std::string_view> keys_;
  std::vector<Time> times_;
  std::vector<sessionize::Placement<Clock>> placements_{block};
};

struct State {
  std::int64_t start, previous;
};
/// What is written by hand for one event; all times in milliseconds.
struct Decided {
  std::string_view reason;
  std::int64_t start;
};
inline Decided decide(State& state, bool is_new, std::int64_t time) {
  const bool starts = is_new || time - state.previous > Input::gap.count();
  if (starts) state.start = time;
  state.previous = time;
  return {is_new ? "first_event" : starts ? "gap" : "none", state.start};
}
/// Writes HH:mm:ss.
inline char* write_time(char* out, std::int64_t time) {
  const auto second = static_cast<unsigned>(time / 1'000 % 86'400);
  for (const unsigned part : {second / 3'600, second / 60 % 60, second % 60}) {
    *out++ = static_cast<char>('0' + part / 10);
    *out++ = static_cast<char>('0' + part % 10);
    *out++ = ':';
  }
  return out - 1;
}

/// A DOM, a map of the standard library and dump().
class WithNlohmann {
 public:
  void run(std::string_view text, std::string& out) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const auto click = nlohmann::json::parse(text.substr(0, end));
      text.remove_prefix(end + 1);
      const auto& user = click["user_id"].get_ref<const std::string&>();
      const std::int64_t time = std::stoll(click["event_timestamp"].get_ref<const std::string&>());
      const auto [at, is_new] = users_.try_emplace(user);
      const Decided decided = decide(at->second, is_new, time);
      const std::string start = time_of_day(decided.start), now = time_of_day(time);
      nlohmann::ordered_json record;
      record["user_id"] = user;
      record["session_id"] =
          user + '_' + click["device_type"].get_ref<const std::string&>() + '_' + start;
      record["session_time"] = nullptr;
      if (decided.reason != "none") record["session_time"] = now;
      record["latest_time"] = now;
      record["session_start"] = decided.start;
      record["event_timestamp"] = time;
      record["reason"] = decided.reason;
      out += record.dump();
      out += '\n';
    }
  }

 private:
  static std::string time_of_day(std::int64_t time) {
    char text[9];
    return {text, write_time(text, time)};
  }
  std::unordered_map<std::string, State> users_;
};

/// simdjson's on-demand front end, the best hash map at hand and a buffer, one event at a time. It
/// checks less than the library: what it skips may be no JSON.
class WithSimdjson {
 public:
  void run(std::string_view text, std::string& out) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      auto click = parser_.iterate(text.data(), end, end + simdjson::SIMDJSON_PADDING);
      const std::string_view user = click.find_field("user_id").get_string();
      const std::string_view stamp = click.find_field("event_timestamp").get_string();
      const std::string_view device = click.find_field("device_type").get_string();
      text.remove_prefix(end + 1);
      std::int64_t time = 0;
      std::from_chars(stamp.data(), stamp.data() + stamp.size(), time);
      const auto [at, is_new] = users_.try_emplace(absl::string_view(user.data(), user.size()));
      const Decided decided = decide(at->second, is_new, time);

      char line[512];
      char* to = line;
      const auto put = [&](std::string_view piece) {
        std::memcpy(to, piece.data(), piece.size());
        to += piece.size();
      };
      const auto put_number = [&](std::int64_t number) {
        to = std::to_chars(to, to + 20, number).ptr;
      };
      put(R"({"user_id":")");
      put(user);
      put(R"(","session_id":")");
      put(user);
      put("_");
      put(device);
      put("_");
      to = write_time(to, decided.start);
      put(R"(","session_time":)");
      if (decided.reason == "none") {
        put("null");
      } else {
        put("\"");
        to = write_time(to, time);
        put("\"");
      }
      put(R"(,"latest_time":")");
      to = write_time(to, time);
      put(R"(","session_start":)");
      put_number(decided.start);
      put(R"(,"event_timestamp":)");
      put_number(time);
      put(R"(,"reason":")");
      put(decided.reason);
      put("\"}\n");
      out.append(line, to);
    }
  }

 private:
  simdjson::ondemand::parser parser_;
  absl::flat_hash_map<std::string, State> users_;
};

}  // namespace jsonl

/// Measures the three of them, after a round that fills their tables. They are interleaved, each
/// behind each of the others in turn: nlohmann's leaves the caches to itself. Throws
/// std::runtime_error where what they write is not the same.
inline JsonlFigures measure_jsonl(int rounds) {
  jsonl::Input input;
  jsonl::Ours ours;
  jsonl::WithNlohmann nlohmann;
  jsonl::WithSimdjson simdjson;
  struct Measured {
    std::function<void(std::string&)> run;
    std::string out;
    std::vector<double> ns;
  };
  std::array<Measured, 3> engines{
      {{[&](std::string& out) { ours.run(input.text(), out); }, {}, {}},
       {[&](std::string& out) { nlohmann.run(input.text(), out); }, {}, {}},
       {[&](std::string& out) { simdjson.run(input.text(), out); }, {}, {}}}};
  std::array<std::size_t, 3> order{0, 1, 2};
  for (int round = 0; round <= rounds; ++round) {
    input.move_to(round);
    for (const std::size_t i : order) {
      auto& [run, out, ns] = engines[i];
      out.clear();
      const auto began = std::chrono::steady_clock::now();
      run(out);
      const std::chrono::duration<double, std::nano> took =
          std::chrono::steady_clock::now() - began;
      if (round != 0) ns.push_back(took.count() / static_cast<double>(jsonl::Input::events));
    }
    for (const auto& engine : engines)
      if (engine.out != engines[0].out)
        throw std::runtime_error("JSON Lines: the engines disagree");
    std::next_permutation(order.begin(), order.end());
  }
  const auto median = [](std::vector<double>& figures) {
    std::sort(figures.begin(), figures.end());
    return figures.empty() ? 0 : figures[figures.size() / 2];
  };
  return {median(engines[0].ns), median(engines[1].ns), median(engines[2].ns)};
}

}  // namespace bench

#endif
