// The whole core in a program without exceptions and RTTI: -fno-exceptions -fno-rtti.
//
// Holds: the core needs neither. Would catch: a throw, a try, a typeid or a dynamic_cast in a
// header of the core, also one that only an instantiation reaches.

#include <sessionize/sessionize.hpp>
#include <sessionize/snapshot/snapshot.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace sz = sessionize;
using Clock = sz::EventClock;
using Time = Clock::time_point;

int failures = 0;

void check(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "failed: %s\n", what);
  ++failures;
}

struct Click {
  std::optional<std::string> user;
  std::optional<Time> time;
  std::string campaign{};
  bool logout = false;
};
using ClickRecord = sz::RecordView<Clock, std::string, Click>;
using ClickSummary = sz::SummaryView<Clock, std::string>;

/// Refuses one call in three.
struct Sink {
  int calls = 0, records = 0, summaries = 0, rejections = 0, flushes = 0;
  sz::Delivery operator()(const ClickRecord&) { return take(records); }
  sz::Delivery operator()(const ClickSummary&) { return take(summaries); }
  void operator()(const sz::Rejection&) { ++rejections; }
  void flush() { ++flushes; }

  sz::Delivery take(int& count) {
    if (++calls % 3 == 0) return sz::Delivery::refused;
    ++count;
    return sz::Delivery::ok;
  }
};

bool adds_up(const sz::Counters& counters) {
  return counters.offered == counters.accepted + counters.rejected.total() &&
         counters.accepted == counters.records_emitted + counters.records_pending &&
         counters.accepted ==
             counters.events_emitted + counters.events_open + counters.events_pending;
}

void a_stream() {
  const auto rule =
      sz::any_of(sz::end_marker(&Click::logout), sz::max_duration(1h), sz::day_boundary(2h),
                 sz::value_change(&Click::campaign),
                 std::optional([](const sz::Step<Time>& step) { return step.time == Time{59s}; }));
  auto sessions = sz::make_sessionizer<Clock, std::string>(
      {.gap = 30s, .max_keys = 3, .at_max_keys = sz::AtMaxKeys::evicts_idle_key}, rule);
  sessions.reserve(3);
  std::vector<Click> clicks;
  for (int i = 0; i < 100; ++i)
    clicks.push_back(
        {"user " + std::to_string(i % 5), Time{i * 7s}, i % 11 == 0 ? "b" : "a", i % 13 == 0});
  clicks.push_back({std::nullopt, Time{}});
  clicks.push_back({"user 0", std::nullopt});

  Sink sink;
  std::span<const Click> rest(clicks);
  while (true) {
    const auto progress = sessions.process(
        rest, sz::by(&Click::user, &Click::time).raw(&Click::campaign), sink, sink);
    check(adds_up(sessions.counters()), "the ledger adds up after process()");
    rest = rest.subspan(progress.events);
    if (progress.delivery == sz::Delivery::ok) break;
  }
  check(rest.empty(), "every event is taken");
  check(sink.records == 100, "every record is emitted");
  check(sink.rejections == 2, "every rejection is emitted");
  check(sessions.find("user 4").has_value(), "the last user's session is open");
  check(sessions.erase("user 4").has_value(), "a session is erased");
  sessions.for_each_open([](const ClickSummary& open) { check(open.events > 0U, "has events"); });
  while (sessions.expire(Time{1h}, sink).delivery != sz::Delivery::ok) {
  }
  check(sessions.size() == 0, "every session is closed");
  while (sessions.flush(sink).delivery != sz::Delivery::ok) {
  }
  check(sink.flushes == 1, "the end of the stream is told");
  check(adds_up(sessions.counters()), "the ledger adds up at the end");
  check(sessions.counters().events_pending == 0, "nothing is pending at the end");
}

void one_event_at_a_time() {
  sz::Sessionizer<std::chrono::system_clock, std::uint64_t> integers;
  const std::chrono::system_clock::time_point start{};
  check(integers.observe(1, start).reason == sz::SplitReason::first_event, "first_event");
  check(integers.observe(1, start + 10s).reason == sz::SplitReason::none, "none");
  check(integers.observe(1, start + 21s).reason == sz::SplitReason::gap, "gap");

  using Composite = std::tuple<std::string, int>;
  sz::Sessionizer<Clock, Composite, sz::NoRule, sz::Counting::off> composites({.max_keys = 1});
  check(composites.observe({"a", 1}, Time{}).starts_session(), "a composite key");
  check(composites.observe({"a", 2}, Time{}).rejected == sz::RejectReason::too_many_keys,
        "too_many_keys");
}

void sinks_and_texts() {
  sz::Sessionizer<Clock, std::string> sessions;
  const std::vector<Click> clicks{{"ann", Time{0s}}, {"ann", Time{1s}}, {"ann", Time{60s}}};
  int records = 0, summaries = 0;
  const auto count_records = [&](const sz::record auto&) { ++records; };
  const auto count_summaries = [&](const sz::summary auto&) { ++summaries; };
  auto both = sz::tee(count_records, count_summaries);
  check(sessions.process(clicks, sz::by(&Click::user, &Click::time), both).events == 3, "tee");
  check(records == 3 && summaries == 1, "tee gives both");

  std::string lines;
  auto write = [&](std::string_view bytes) { lines += bytes; };
  auto json = sz::json_lines(write, sz::summaries());
  check(sessions.flush(json).sessions == 1 && !lines.empty(), "json_lines");

  const auto time = sz::parse_utc<Clock>("2022-07-01T00:00:02.5Z");
  check(time && *time == Time{1'656'633'602'500ms}, "parse_utc");
  check(!sz::parse_utc<Clock>("yesterday"), "parse_utc of no time");
  check(sz::from_epoch<Clock>(INT64_MAX, sz::TimeUnit::seconds).error() ==
            sz::TimeError::out_of_range,
        "from_epoch");
  check(sz::utc_fields(*time).year == 2022, "utc_fields");
}

void snapshots() {
  const auto rule = sz::any_of(sz::end_marker(&Click::logout), sz::max_duration(1h));
  auto sessions = sz::make_sessionizer<Clock, std::string>({}, rule);
  sessions.observe("ann", Time{}, Click{});
  std::string bytes;
  check(sz::save(
            sessions, [&](std::string_view more) { bytes += more; }, "1")
            .has_value(),
        "save");
  auto restored = sz::make_sessionizer<Clock, std::string>({}, rule);
  const auto position = sz::restore(restored, bytes);
  check(position && *position == "1" && restored.size() == 1, "restore");
  check(!sz::restore(restored, std::string_view("x")), "restore nothing");
  check(!sz::restore_file(restored, "/no/such/file"), "restore no file");
  check(!sz::save_file(restored, "/no/such/file"), "save no file");
}

void delivery() {
  int calls = 0, letters = 0, results = 0;
  const auto store = [&](std::span<const std::string> batch, std::span<sz::StoreAnswer> answers) {
    ++calls;
    for (std::size_t i = 0; i < batch.size(); ++i)
      if (batch[i] == "good") answers[i].result = sz::StoreResult::stored;
  };
  Time now{};
  auto queue = sz::delivery_queue<std::string>(
      store, [&] { return now; }, {.max_records = 2, .retry = {.max_attempts = 2}},
      [&](const sz::DeadLetter<std::string>&) { ++letters; },
      [&](const sz::DeliveryResult&) { ++results; });
  check(queue.emit("bad") == sz::Delivery::ok, "a row is taken");
  check(queue.emit("good") == sz::Delivery::ok, "another one");
  check(queue.flush() == sz::Delivery::refused, "one is pending");
  now += 1h;
  queue.poll();
  check(queue.flush() == sz::Delivery::ok, "none is pending");
  check(calls == 2 && letters == 1 && results == 2 && queue.settled() == 2, "what became of them");
}

void duplicates() {
  using Filter = sz::DuplicateFilter<Clock, sz::ContentId>;
  Filter seen{{.horizon = 1h, .max_ids = 100}};
  sz::Sessionizer<Clock, std::string> sessions;
  const std::vector<Click> clicks{{"ann", Time{0s}}, {"ann", Time{0s}}, {"ann", Time{1s}}};
  const auto id = [](const Click& click) { return sz::content_id(*click.user, *click.time); };
  Sink sink;
  check(seen.process(clicks, sz::by(id, &Click::time), sessions, sz::by(&Click::user, &Click::time),
                     sink)
                .events == 3,
        "every event is taken");
  check(seen.counters().duplicates == 1 && sessions.counters().offered == 2, "a duplicate");
  std::string bytes;
  const auto append = [&](std::string_view more) { bytes += more; };
  check(sz::save(seen, append).has_value(), "save a filter");
  Filter restored{{.horizon = 1h, .max_ids = 100}};
  check(sz::restore(restored, bytes).has_value() && restored.size() == 2, "restore a filter");
}

}  // namespace

int main() {
  a_stream();
  duplicates();
  delivery();
  snapshots();
  one_event_at_a_time();
  sinks_and_texts();
  if (failures == 0) std::puts("no exceptions needed");
  return failures == 0 ? 0 : 1;
}
