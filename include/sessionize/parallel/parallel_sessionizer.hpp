#ifndef SESSIONIZE_PARALLEL_PARALLEL_SESSIONIZER_HPP
#define SESSIONIZE_PARALLEL_PARALLEL_SESSIONIZER_HPP

#include <sessionize/detail/check_sink.hpp>
#include <sessionize/parallel/workers.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/shard.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <ranges>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

/// How many threads this machine runs at a time; at least 1.
[[nodiscard]] inline std::size_t hardware_threads() noexcept {
  return std::max(1U, std::thread::hardware_concurrency());
}

/// A Sessionizer for each of several cores: cuts one stream into sessions on all of them, with the
/// results of a single Sessionizer, which hang on each key's own events only. A key's events are
/// always decided on by one thread, in order of arrival.
///
/// The options are a Sessionizer's, and so are the types. `max_keys` is divided among the shards,
/// so that it bounds the memory of all: a key has no room, or takes another's, once its own shard
/// is full, which is a little before all are. Rules are copied to each shard and called from its
/// thread: they share nothing that is not thread-safe.
///
/// One thread at a time may use an object. Its own threads sleep between calls, from a fraction of
/// a millisecond behind one on: until then they look for the next. What throws on one of them
/// (std::bad_alloc, a rule) is thrown on by the call, when all have stopped.
template <session_clock Clock, session_key Key, class Rule = NoRule,
          Counting counting = Counting::on>
class ParallelSessionizer {
 public:
  using shard_type = Sessionizer<Clock, Key, Rule, counting>;
  using clock = Clock;
  using time_point = typename Clock::time_point;
  using key_type = Key;
  using key_view = key_view_t<Key>;
  using decision_type = typename shard_type::decision_type;
  using summary_view = typename shard_type::summary_view;
  using summary_type = typename shard_type::summary_type;

  /// Makes `threads` shards, and starts a thread for each but one; no more than max_keys.
  /// Precondition: at least 1. Throws std::system_error where a thread cannot be started.
  explicit ParallelSessionizer(Options<Clock> options = {},
                               std::size_t threads = hardware_threads(), Rule rule = {})
      : options_(options), workers_(std::min(threads, options.max_keys)) {
    assert(threads >= 1 && "somebody has to do the work");
    Options<Clock> share = options;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      share.max_keys =
          options.max_keys / workers_.size() + (i < options.max_keys % workers_.size() ? 1 : 0);
      shards_.emplace_back(share, rule, workers_.size());
    }
  }

  /// As Sessionizer::observe(), on the calling thread.
  template <class Event = NoEvent>
  decision_type observe(key_view key, time_point time, const Event& event = {}) {
    return shard_with(key).observe(key, time, event);
  }

  /// As Sessionizer::observe_columns(), on all threads: the answers are the same, in order of
  /// arrival. Few events are decided on by the calling thread alone; about 64 Ki are where more
  /// threads begin to pay well.
  ///
  /// Where a key's hash throws, no event has been taken of the current stretch (of round_events
  /// events for each thread); where a shard throws, each shard has taken a beginning of its events
  /// of the stretch, and of the answers nothing is said. The counters are true either way.
  template <std::ranges::contiguous_range Keys, std::ranges::contiguous_range Answers>
  std::size_t observe_columns(const Keys& keys, std::span<const time_point> times,
                              Answers&& answers) {
    assert(std::ranges::size(keys) == times.size() && std::ranges::size(answers) == times.size());
    const auto* const its_keys = std::ranges::data(keys);
    auto* const its_answers = std::ranges::data(answers);
    const std::size_t stretch = round_events * shards_.size(), count = times.size();
    const std::size_t stretches = count / stretch + (count % stretch != 0);
    const auto size_of = [=](std::size_t at) { return std::min(stretch, count - at * stretch); };
    for (auto& shard : shards_) shard.rejected = 0;
    // Each thread looks at a slice of a stretch and notes which shard has which of its events; in
    // the next step each decides on its shard's events, slice after slice, and goes on noting.
    run(count, stretches + 1, [&](std::size_t step, std::size_t i) {
      if (step != 0) {
        const std::size_t first = (step - 1) * stretch;
        decide(its_keys + first, times.data() + first, its_answers + first, size_of(step - 1),
               (step - 1) % 2, i);
      }
      if (step == stretches) return;
      const std::size_t size = size_of(step), threads = shards_.size();
      note_shards(its_keys + step * stretch, size * i / threads, size * (i + 1) / threads,
                  shards_[i].notes.at(step % 2));
    });
    std::size_t rejected = 0;
    for (const auto& shard : shards_) rejected += shard.rejected;
    return rejected;
  }

  /// As Sessionizer::expire(): summaries come in order of (start, key), whatever their shards, on
  /// the calling thread. Every session that is due is closed at once; summaries that the sink
  /// refuses, or throws at, are kept, count as pending, and go out first on the next call. A shard
  /// that has a record to deliver itself, as its own process() was refused, closes nothing until
  /// the sink of that has it: the answer is `refused`. Copies the summaries of what it closes.
  template <class Sink>
  Closing expire(time_point now, Sink&& sink) {
    return close(sink, [now](shard_type& shard, auto& keep) { return shard.expire(now, keep); });
  }

  /// Closes every session, as expire() does, and tells the sink that the stream has ended.
  template <class Sink>
  Closing flush(Sink&& sink) {
    Closing closing = close(sink, [](shard_type& shard, auto& keep) { return shard.flush(keep); });
    if (closing.delivery == Delivery::ok) closing.delivery = end_stream(sink);
    return closing;
  }

  /// As Sessionizer's.
  [[nodiscard]] std::optional<summary_view> find(key_view key) const {
    return shards_[shard_of(key, shards_.size())].sessions.find(key);
  }
  std::optional<summary_type> erase(key_view key) { return shard_with(key).erase(key); }

  /// How many keys have state.
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t keys = 0;
    for (const auto& shard : shards_) keys += shard.sessions.size();
    return keys;
  }
  /// Makes room for `keys` keys in all, on all threads. Five deviations above the mean of a random
  /// spread: one shard in some million grows nevertheless.
  void reserve(std::size_t keys) {
    const double mean = static_cast<double>(keys) / static_cast<double>(shards_.size());
    const auto room = std::min(keys, static_cast<std::size_t>(mean + 5 * std::sqrt(mean)) + 1);
    const auto job = [&](std::size_t i) { shards_[i].sessions.reserve(room); };
    workers_.run(job);
  }
  /// What became of the events so far, of all shards together.
  [[nodiscard]] Counters counters() const noexcept {
    Counters all;
    for (const auto& shard : shards_) {
      all += shard.sessions.counters();
      // The shards count as emitted what they have handed over to be delivered.
      for (std::size_t i = shard.delivered; i < shard.closed.size(); ++i) {
        const std::uint64_t events = shard.closed[i].events.value_or(0);
        all.events_emitted -= events;
        all.events_pending += events;
      }
    }
    return all;
  }
  [[nodiscard]] const Options<Clock>& options() const noexcept { return options_; }

  /// How many shards there are; each has a thread.
  [[nodiscard]] std::size_t shards() const noexcept { return shards_.size(); }
  /// The shard that has the keys of which `shard_of(key, shards())` is `i`. For streams that are
  /// sharded by it already: different threads may use different shards at a time, and must have
  /// ended before the next call to this object. No other keys may be given to it.
  [[nodiscard]] shard_type& shard(std::size_t i) { return shards_[i].sessions; }
  [[nodiscard]] const shard_type& shard(std::size_t i) const { return shards_[i].sessions; }

 private:
  // A stretch of each thread is this long: its positions, and the columns behind them, stay in a
  // core's cache between the two passes over them, and waiting for the others costs it little.
  static constexpr std::size_t round_events = std::size_t{64} * 1024;
  // Fewer events than this are decided on before a thread is awake.
  static constexpr std::size_t parallel_events = std::size_t{8} * 1024;
  // What a shard gathers to decide on at a time.
  static constexpr std::size_t block_events = 4096;

  /// Positions in a stretch, on a cache line of its own: each list is written by one thread.
  struct alignas(64) Positions {
    std::vector<std::uint32_t> at;
    std::size_t size = 0;

    [[nodiscard]] std::uint32_t* room(std::size_t more) {
      if (at.size() - size < more) at.resize(2 * at.size() + more);
      return at.data() + size;
    }
    void set_end(const std::uint32_t* end) noexcept {
      size = static_cast<std::size_t>(end - at.data());
    }
    [[nodiscard]] std::span<const std::uint32_t> all() const noexcept {
      return std::span(at).first(size);
    }
  };
  /// Of a slice of a stretch: which shard has which events.
  struct Notes {
    explicit Notes(std::size_t shards) : positions(shards), ends(shards) {}

    std::vector<Positions> positions;  // of each shard's events
    std::vector<std::uint32_t*> ends;  // the same while they are written
  };
  struct alignas(64) Shard {
    Shard(const Options<Clock>& options, const Rule& rule, std::size_t shards)
        : sessions(options, rule), notes{Notes(shards), Notes(shards)} {}

    shard_type sessions;
    // Of the stretch that is decided on, and of the next one.
    std::array<Notes, 2> notes;
    std::size_t rejected = 0;
    std::vector<summary_type> closed;  // to be delivered, in order of (start, key)
    std::size_t delivered = 0;         // so many of them
  };

  [[nodiscard]] shard_type& shard_with(const key_view& key) {
    return shards_[shard_of(key, shards_.size())].sessions;
  }

  template <class Job>
  void run(std::size_t events, std::size_t steps, const Job& job) {
    if (events >= parallel_events) return workers_.run(steps, job);
    for (std::size_t step = 0; step < steps; ++step)
      for (std::size_t i = 0; i < shards_.size(); ++i) job(step, i);
  }

  template <class GivenKey>
  void note_shards(const GivenKey* keys, std::size_t first, std::size_t last, Notes& notes) {
    const std::size_t shards = shards_.size();
    for (auto& list : notes.positions) list.size = 0;
    for (std::size_t done = first; done < last; done += block_events) {
      const std::size_t end = std::min(last, done + block_events);
      for (std::size_t i = 0; i < shards; ++i) notes.ends[i] = notes.positions[i].room(end - done);
      for (std::size_t i = done; i < end; ++i)
        *notes.ends[shard_of(key_view(keys[i]), shards)]++ = static_cast<std::uint32_t>(i);
      for (std::size_t i = 0; i < shards; ++i) notes.positions[i].set_end(notes.ends[i]);
    }
  }

  template <class GivenKey, class Answer>
  void decide(const GivenKey* keys, const time_point* times, Answer* answers, std::size_t count,
              std::size_t notes, std::size_t i) {
    Shard& shard = shards_[i];
    const std::size_t room = std::min(block_events, count);
    std::vector<key_view> block_keys(room, key_view(keys[0]));
    std::vector<time_point> block_times(room);
    std::vector<Answer> block_answers(room);
    for (const auto& slice : shards_) {
      const std::span<const std::uint32_t> positions = slice.notes.at(notes).positions[i].all();
      for (std::size_t done = 0; done < positions.size(); done += block_events) {
        const std::size_t size = std::min(block_events, positions.size() - done);
        const std::uint32_t* const at = positions.data() + done;
        for (std::size_t n = 0; n < size; ++n) {
          block_keys[n] = key_view(keys[at[n]]);
          block_times[n] = times[at[n]];
        }
        shard.rejected += shard.sessions.observe_columns(std::span(block_keys).first(size),
                                                         std::span(block_times).first(size),
                                                         std::span(block_answers).first(size));
        for (std::size_t n = 0; n < size; ++n) answers[at[n]] = block_answers[n];
      }
    }
  }

  template <class Sink, class CloseShard>
  Closing close(Sink& sink, CloseShard close_shard) {
    static_cast<void>(detail::check_closing_sink<Sink, summary_view>());
    static_cast<void>(detail::check_gets_something<Sink, summary_view>());
    Closing result{0, deliver_closed(sink)};
    if (result.delivery == Delivery::refused) return result;
    std::vector<Closing> closings(shards_.size());
    const auto job = [&](std::size_t i) {
      auto keep = [&](const summary_view& closed) { shards_[i].closed.push_back(closed.owned()); };
      closings[i] = close_shard(shards_[i].sessions, keep);
    };
    workers_.run(job);
    result.delivery = deliver_closed(sink);
    for (const Closing& closing : closings) {
      result.sessions += closing.sessions;
      if (closing.delivery == Delivery::refused) result.delivery = Delivery::refused;
    }
    return result;
  }

  /// Gives the sink what is to be delivered: of the shards' next ones the first in order, until
  /// none is left or it refuses.
  template <class Sink>
  Delivery deliver_closed(Sink& sink) {
    const auto later = [](const Shard* a, const Shard* b) {
      const summary_type &one = a->closed[a->delivered], &other = b->closed[b->delivered];
      if (one.start != other.start) return other.start < one.start;
      return key_view(other.key) < key_view(one.key);
    };
    std::vector<Shard*> left;
    for (auto& shard : shards_)
      if (shard.delivered < shard.closed.size()) left.push_back(&shard);
    std::make_heap(left.begin(), left.end(), later);
    while (!left.empty()) {
      std::pop_heap(left.begin(), left.end(), later);
      Shard& next = *left.back();
      const summary_type& kept = next.closed[next.delivered];
      if constexpr (takes<Sink, summary_view>)
        if (deliver(sink, summary_view{key_view(kept.key), kept.start, kept.last, kept.events,
                                       kept.reason, kept.ordinal}) == Delivery::refused)
          return Delivery::refused;
      if (++next.delivered < next.closed.size()) {
        std::push_heap(left.begin(), left.end(), later);
      } else {
        left.pop_back();
        next.closed = {};
        next.delivered = 0;
      }
    }
    return Delivery::ok;
  }

  Options<Clock> options_;
  std::deque<Shard> shards_;
  detail::Workers workers_;
};

}  // namespace v0
}  // namespace sessionize

#endif
