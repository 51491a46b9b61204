// What the parts of the library cost, one by one: a plain Google Benchmark program. Times are per
// item: per key, id, record, place, or event.

#include "workload.hpp"

#include <sessionize/key_table.hpp>
#include <sessionize/session_id.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/collect.hpp>
#include <sessionize/sinks/csv.hpp>
#include <sessionize/sinks/json_lines.hpp>
#include <sessionize/snapshot/snapshot.hpp>

#if __has_include(<nlohmann/json.hpp>)
#include <sessionize/json/event_reader.hpp>
#endif

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

std::size_t live_bytes = 0;  // allocated and not freed, as the allocator rounds it

void* counted(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  live_bytes += malloc_usable_size(block);
  return block;
}
void release(void* block) noexcept {
  live_bytes -= malloc_usable_size(block);
  std::free(block);
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(std::malloc(bytes == 0 ? 1 : bytes)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  const auto unit = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit));
}
void operator delete(void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { release(block); }

namespace {

using namespace bench;
using namespace sessionize;
using Clock = Milliseconds;
using Time = Clock::time_point;

/// Shows the time per item, in seconds and parts of them.
void per_item(benchmark::State& state, std::size_t items) {
  state.counters["each"] =
      benchmark::Counter(static_cast<double>(items) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// One event of each of `users` users, in a random order.
template <class Key>
Columns<Clock, Key> each_once(std::uint32_t users, Keys kind, std::uint64_t seed = 1) {
  Columns<Clock, Key> made;
  Writer<Clock, Key> writer(made, users, kind);
  for (const std::uint32_t user : in_random_order(users, seed))
    writer.add(user, stream_begin<Clock> + events_apart<Clock>(static_cast<double>(user)));
  return made;
}

// The key table.

template <class Key>
using Table =
    KeyTable<std::conditional_t<std::same_as<Key, Text>, std::string, Key>, std::uint64_t>;

template <class Key, Keys kind>
void table_insert(benchmark::State& state) {
  const auto users = static_cast<std::uint32_t>(state.range(0));
  const auto columns = each_once<Key>(users, kind);
  for (auto _ : state) {
    Table<Key> table;
    for (const Key key : columns.keys) table.insert(key, 1);
    benchmark::DoNotOptimize(table.size());
  }
  per_item(state, users);
}
template <class Key, Keys kind>
void table_find(benchmark::State& state) {
  const auto users = static_cast<std::uint32_t>(state.range(0));
  const auto columns = each_once<Key>(users, kind);
  const auto others = each_once<Key>(users, kind, 2);  // the order of insertion would be kind to it
  Table<Key> table;
  for (const Key key : columns.keys) table.insert(key, 1);
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const Key key : others.keys) sum += table.find(key)->value;
    benchmark::DoNotOptimize(sum);
  }
  per_item(state, users);
}
BENCHMARK_TEMPLATE(table_insert, Integer, Keys::integers)->Arg(1'000)->Arg(1'000'000);
BENCHMARK_TEMPLATE(table_insert, Text, Keys::uuids)->Arg(1'000)->Arg(1'000'000);
BENCHMARK_TEMPLATE(table_find, Integer, Keys::integers)->Arg(1'000)->Arg(1'000'000);
BENCHMARK_TEMPLATE(table_find, Text, Keys::uuids)->Arg(1'000)->Arg(1'000'000);

// Session ids and sinks: of the records of a stream, every tenth of which starts a session.

struct Click {
  std::string_view user;
  std::string_view device;
};

class Records {
 public:
  static constexpr std::size_t count = 4096;
  Records() : columns_(each_once<Text>(count, Keys::uuids)), clicks_(count) {
    for (std::size_t i = 0; i < count; ++i) clicks_[i] = {columns_.keys[i], "desktop"};
  }
  template <class Each>
  void for_each(Each each) const {
    for (std::size_t i = 0; i < count; ++i) {
      RecordView<Clock, std::string, Click> record{{}, columns_.keys[i], clicks_[i]};
      record.time = columns_.times[i];
      record.opened_at = columns_.times[i / 10 * 10];
      record.session_start = record.opened_at;
      record.reason = i % 10 == 0 ? SplitReason::gap : SplitReason::none;
      record.ordinal = i / 10 + 1;
      each(record);
    }
  }

 private:
  Columns<Clock, Text> columns_;
  std::vector<Click> clicks_;
};

template <class Form>
void write_ids(benchmark::State& state, const Form& form) {
  const Records records;
  std::array<char, 128> buffer;
  for (auto _ : state)
    records.for_each([&](const auto& record) {
      benchmark::DoNotOptimize(write_id(form, buffer, record).view().data());
      benchmark::ClobberMemory();
    });
  per_item(state, Records::count);
}
void id_unique(benchmark::State& state) { write_ids(state, unique_id); }
void id_time_of_day(benchmark::State& state) { write_ids(state, time_of_day_id(&Click::device)); }
BENCHMARK(id_unique);
BENCHMARK(id_time_of_day);

template <class Sink>
void emit_all(benchmark::State& state, Sink sink) {
  const Records records;
  for (auto _ : state) records.for_each([&](const auto& record) { sink.emit(record); });
  per_item(state, Records::count);
}
/// A line goes into a buffer that is written over when it is full.
class Buffer {
 public:
  void operator()(std::string_view bytes) {
    if (bytes.size() > buffer_.size() - at_) at_ = 0;
    std::copy(bytes.begin(), bytes.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += bytes.size();
  }

 private:
  std::vector<char> buffer_ = std::vector<char>(std::size_t{1} << 16);
  std::size_t at_ = 0;
};

void sink_collect(benchmark::State& state) {
  const Records records;
  std::vector<Record<Clock, std::string, Click>> collected;
  collected.reserve(Records::count);
  for (auto _ : state) {
    auto sink = collect(collected);
    records.for_each([&](const auto& record) { sink.emit(record); });
    collected.clear();
  }
  per_item(state, Records::count);
}
void sink_csv(benchmark::State& state) { emit_all(state, csv(Buffer())); }
void sink_json_lines(benchmark::State& state) { emit_all(state, json_lines(Buffer())); }
BENCHMARK(sink_collect);
BENCHMARK(sink_csv);
BENCHMARK(sink_json_lines);

// Expiry of a million users, whose only events are a millisecond apart: a gap of so many leaves so
// many users open at the end.

using IntegerSessions = Sessionizer<Clock, Integer, NoRule, Counting::nothing>;
constexpr std::uint32_t million = 1'000'000;

/// Runs `close(sessions, now, closed)`, which looks at so many items, on a table of a million
/// users.
template <class Close>
void close_million(benchmark::State& state, std::size_t items, Close close) {
  const auto columns = each_once<Integer>(million, Keys::integers);
  std::vector<Time> starts(million);
  const auto idle = static_cast<std::int64_t>(million / 100 * state.range(0));
  const Options<Clock> options{.gap = Clock::duration{million - idle}};
  const Time now = stream_begin<Clock> + Clock::duration{million};
  std::uint64_t sessions_closed = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::optional<IntegerSessions> sessions(options);
    sessions->observe_columns(columns.keys, std::span(columns.times), starts);
    Count closed;
    state.ResumeTiming();
    close(*sessions, now, closed);
    state.PauseTiming();
    sessions_closed = closed.summaries;
    sessions.reset();
    state.ResumeTiming();
  }
  state.counters["closed"] = static_cast<double>(sessions_closed);
  per_item(state, items);
}
/// Per user; the argument is how many of a hundred are idle.
void expire(benchmark::State& state) {
  close_million(state, million, [](auto& sessions, Time now, Count& closed) {
    static_cast<void>(sessions.expire(now, closed));
  });
}
/// Per place, 4,096 of them at a time: what it adds to each event where it keeps pace with them.
void sweep(benchmark::State& state) {
  constexpr std::size_t places = 4096, calls = 256;
  close_million(state, places * calls, [](auto& sessions, Time now, Count& closed) {
    for (std::size_t i = 0; i < calls; ++i) static_cast<void>(sessions.sweep(now, places, closed));
  });
}
BENCHMARK(expire)->Arg(0)->Arg(10)->Arg(100)->Iterations(5)->Unit(benchmark::kMillisecond);
BENCHMARK(sweep)->Arg(0)->Arg(10)->Arg(100)->Iterations(5)->Unit(benchmark::kMillisecond);

// Growth and memory.

/// Grows from empty to so many users, all of whose events are their first, in calls of 4,096.
template <class Sessions, class Key, class After>
void grow(const Columns<Clock, Key>& columns, After after) {
  constexpr std::size_t events_a_call = 4096;
  std::vector<Time> starts(events_a_call);
  Sessions sessions;
  for (std::size_t i = 0; i < columns.keys.size(); i += events_a_call) {
    const std::size_t count = std::min(events_a_call, columns.keys.size() - i);
    const auto begin = std::chrono::steady_clock::now();
    sessions.observe_columns(std::span(columns.keys).subspan(i, count),
                             std::span(columns.times).subspan(i, count),
                             std::span(starts).first(count));
    after(sessions, std::chrono::steady_clock::now() - begin);
  }
}

/// The longest call on the way to 10,000,000 users.
void growth_longest_call(benchmark::State& state) {
  const auto columns = each_once<Integer>(10'000'000, Keys::integers);
  std::chrono::duration<double, std::milli> longest{};
  for (auto _ : state)
    grow<IntegerSessions>(columns, [&](const auto&, std::chrono::duration<double> taken) {
      longest = std::max<decltype(longest)>(longest, taken);
    });
  state.counters["longest_ms"] = longest.count();
  per_item(state, columns.keys.size());
}
BENCHMARK(growth_longest_call)->Iterations(1)->Unit(benchmark::kMillisecond);

/// Bytes a user while users grow fourfold from a million, in which tables double twice.
template <class Sessions, class Key, Keys kind>
void memory(benchmark::State& state) {
  const auto columns = each_once<Key>(4 * million, kind);
  double fullest = 1e9, emptiest = 0;
  for (auto _ : state) {
    const std::size_t before = live_bytes;
    grow<Sessions>(columns, [&](const Sessions& sessions, auto) {
      if (sessions.size() < million) return;
      const double bytes =
          static_cast<double>(live_bytes - before) / static_cast<double>(sessions.size());
      fullest = std::min(fullest, bytes);
      emptiest = std::max(emptiest, bytes);
    });
  }
  state.counters["bytes_fullest"] = fullest;
  state.counters["bytes_emptiest"] = emptiest;
}
template <class Key, Counting counting>
using Counted = Sessionizer<Clock, Key, NoRule, counting>;
void memory_integers(benchmark::State& state) {
  memory<Counted<Integer, Counting::nothing>, Integer, Keys::integers>(state);
}
void memory_integers_ordinals(benchmark::State& state) {
  memory<Counted<Integer, Counting::off>, Integer, Keys::integers>(state);
}
void memory_integers_counted(benchmark::State& state) {
  memory<Counted<Integer, Counting::on>, Integer, Keys::integers>(state);
}
void memory_uuids(benchmark::State& state) {
  memory<Counted<std::string, Counting::nothing>, Text, Keys::uuids>(state);
}
void memory_uuids_counted(benchmark::State& state) {
  memory<Counted<std::string, Counting::on>, Text, Keys::uuids>(state);
}
BENCHMARK(memory_integers)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(memory_integers_ordinals)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(memory_integers_counted)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(memory_uuids)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(memory_uuids_counted)->Iterations(1)->Unit(benchmark::kMillisecond);

// What moves when a partition moves: the snapshot of a million users.

void snapshot_save(benchmark::State& state) {
  Counted<std::string, Counting::on> sessions;
  for (const auto columns = each_once<Text>(million, Keys::uuids); const Text key : columns.keys)
    sessions.observe(key, stream_begin<Clock>);
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    std::string saved;
    bytes = *save(sessions, [&](std::string_view more) { saved += more; });
    benchmark::DoNotOptimize(saved.data());
  }
  state.counters["bytes"] = static_cast<double>(bytes) / million;
  per_item(state, million);
}
void snapshot_restore(benchmark::State& state) {
  Counted<std::string, Counting::on> sessions, restored;
  for (const auto columns = each_once<Text>(million, Keys::uuids); const Text key : columns.keys)
    sessions.observe(key, stream_begin<Clock>);
  std::string saved;
  if (!save(sessions, [&](std::string_view more) { saved += more; }))
    return state.SkipWithError("not saved");
  for (auto _ : state)
    if (!restore(restored, std::string_view(saved))) return state.SkipWithError("not restored");
  per_item(state, million);
}
BENCHMARK(snapshot_save)->Unit(benchmark::kMillisecond);
BENCHMARK(snapshot_restore)->Unit(benchmark::kMillisecond);

#if __has_include(<nlohmann/json.hpp>)
// Lines of JSON.

void json_read(benchmark::State& state) {
  const auto columns = each_once<Text>(4096, Keys::uuids);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < columns.keys.size(); ++i)
    lines.push_back(R"({"user_id":")" + std::string(columns.keys[i]) + R"(","event_timestamp":)" +
                    std::to_string(columns.times[i].time_since_epoch().count()) +
                    R"(,"event_name":"search","event_type":"click","device_type":"desktop"})");
  json::EventReader<Clock> reader;
  for (auto _ : state)
    for (const std::string& line : lines) {
      const auto event = reader.read(line);
      if (!event) return state.SkipWithError("it does not read its line");
      benchmark::DoNotOptimize(event->time);
    }
  per_item(state, lines.size());
}
BENCHMARK(json_read);
#endif

}  // namespace

BENCHMARK_MAIN();
