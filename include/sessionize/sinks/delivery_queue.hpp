#ifndef SESSIONIZE_SINKS_DELIVERY_QUEUE_HPP
#define SESSIONIZE_SINKS_DELIVERY_QUEUE_HPP

#include <sessionize/detail/seed.hpp>
#include <sessionize/record.hpp>
#include <sessionize/rules/elapsed.hpp>
#include <sessionize/sink.hpp>
#include <sessionize/sinks/retry.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

/// What a store says of one record of a batch.
enum class StoreResult : unsigned char {
  stored,      ///< it is safe
  failed,      ///< not now: try it again later
  unstorable,  ///< never: it goes to the dead letters
};

/// A store's answer to one record. What a store has not answered it has not stored.
struct StoreAnswer {
  StoreResult result = StoreResult::failed;
  std::string message{};  ///< why, for whoever reads the dead letters
};

/// What a store is: a callable `store(batch, answers)`. It puts its answer to batch[i] into
/// answers[i], and returns nothing; both are of one length, at least 1, and the answers are preset
/// to `failed`. A batch can come again that was stored already, where its answer was lost: storing
/// a record twice must be the same as storing it once, as it is under the table's key.
template <class Store, class Row>
concept batch_store = requires(Store& store, std::span<const Row> batch,
                               std::span<StoreAnswer> answers) {
  { store(batch, answers) } -> std::same_as<void>;
};

/// What the sink of dead letters gets: a record that the store will not have, or has not had for
/// too long.
template <class Row>
struct DeadLetter {
  std::uint64_t id = 0;
  Row value;
  std::uint64_t attempts = 0;  ///< how often the store was asked
  std::string message{};       ///< the store's last word on it
};

/// What has become of a record in the end.
enum class DeliveryStatus : unsigned char {
  ok,               ///< the store has it
  delivery_failed,  ///< the sink of dead letters has it
};

/// The status's name: "ok", "delivery_failed".
[[nodiscard]] constexpr std::string_view to_string(DeliveryStatus status) noexcept {
  return status == DeliveryStatus::ok ? "ok" : "delivery_failed";
}

/// What the sink of results gets, once for each record.
struct DeliveryResult {
  std::uint64_t id = 0;
  DeliveryStatus status{};
  std::uint64_t attempts = 0;
  std::string message{};
};

/// The sink of results that is used where none is given: they are counted, in DeliveryCounters.
struct CountResults {
  constexpr void operator()(const DeliveryResult&) const noexcept {}
};

/// The size of records where none is given: they have none.
struct NoSize {
  template <class Row>
  constexpr std::size_t operator()(const Row&) const noexcept {
    return 0;
  }
};

struct DeliveryOptions {
  /// A batch has at most so many records, at least 1.
  std::size_t max_records = 100;
  /// A batch has at most so many bytes, as the queue's `size_of` counts them; a record that is
  /// larger goes alone.
  std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
  /// A batch that is not full goes out when its first record has waited for so long.
  std::chrono::nanoseconds max_wait = std::chrono::seconds(1);
  /// So many records, and results that their sink has not taken, are held at most, at least 1; of
  /// more, the queue refuses the next.
  std::size_t max_pending = 10'000;
  RetryOptions retry{};
};

/// What became of every record. After every call, also one that threw,
///
///     taken    = stored + dead + pending
///     attempts = stored + failures
struct DeliveryCounters {
  std::uint64_t taken = 0;
  std::uint64_t stored = 0;
  std::uint64_t dead = 0;     ///< the sink of dead letters has them
  std::uint64_t pending = 0;  ///< are to be stored, or to become dead letters

  std::uint64_t batches = 0;   ///< how often the store was called
  std::uint64_t attempts = 0;  ///< records it was given, each time counted
  std::uint64_t failures = 0;  ///< attempts after which a record was not stored

  std::uint64_t results_pending = 0;  ///< results that their sink has not taken

  friend constexpr bool operator==(const DeliveryCounters&, const DeliveryCounters&) = default;
};

namespace detail {

/// True where `Store` stores batches of `Row`; refuses it in a sentence otherwise.
template <class Store, class Row>
consteval bool check_store() {
  constexpr bool right = batch_store<Store, Row>;
  static_assert(right,
                "this is not a store: a store is called with a std::span<const Row> and a "
                "std::span<sessionize::StoreAnswer> of one length, and returns nothing; what "
                "became of each record it puts into the answers");
  return right;
}

}  // namespace detail

/// A sink that stores what it is given in batches, tries again what has failed, and gives up on
/// what cannot be stored; made by delivery_queue(). It has no thread and does not sleep: it does
/// what is due when it is called. Delivery is at least once.
///
/// Records go out in the order in which they came. A batch is due when it is full or old enough,
/// and goes out with the next emit() or poll(). Of a batch that was stored in part, what failed
/// stays in front, and nothing goes out before its delay is over; it then goes first, in a batch
/// with those behind it. So of two records the later one can be stored first only where both were
/// in one batch. A record that fails for the last time, or is unstorable, becomes a dead letter and
/// is in nobody's way any more.
///
/// A store that throws has stored what it has answered so, and failed with the rest; sinks of dead
/// letters and of results that refuse or throw get the same again, after a delay by the same rule
/// and without an end, and the store goes on meanwhile. What anything throws passes through; where
/// emit() throws, it has not taken its record. The counters are true after every call.
///
/// Not to be called from two threads at once, nor by its own store or sinks. Constant time a
/// record, amortized, and for each attempt; a record is copied once and moved three times.
template <class Row, class Store, class Now, class DeadLetters, class Results, class SizeOf>
class DeliveryQueue {
 public:
  using time_point = std::remove_cvref_t<std::invoke_result_t<Now&>>;
  using duration = typename time_point::duration;

  static_assert(detail::check_store<std::remove_reference_t<Store>, Row>());
  static_assert(
      std::is_nothrow_move_constructible_v<Row> && std::is_nothrow_move_assignable_v<Row>,
      "a delivery queue keeps its records: they own their data, and are moved and assigned "
      "without throwing");
  static_assert(takes<std::remove_reference_t<DeadLetters>, DeadLetter<Row>>,
                "the sink of dead letters is called with a const sessionize::DeadLetter<Row>&, and "
                "returns nothing or sessionize::Delivery");
  static_assert(takes<std::remove_reference_t<Results>, DeliveryResult>,
                "the sink of results is called with a const sessionize::DeliveryResult&, and "
                "returns nothing or sessionize::Delivery");
  static_assert(std::signed_integral<typename duration::rep> &&
                    std::is_convertible_v<duration, std::chrono::nanoseconds>,
                "`now` returns a time point that counts in integers, no finer than nanoseconds, as "
                "std::chrono::steady_clock::now does");

  DeliveryQueue(Store&& store, Now&& now, const DeliveryOptions& options,
                DeadLetters&& dead_letters, Results&& results, SizeOf size_of)
      : store_(std::forward<Store>(store)),
        now_(std::forward<Now>(now)),
        options_(options),
        to_dead_letters_(std::forward<DeadLetters>(dead_letters)),
        to_results_(std::forward<Results>(results)),
        size_of_(std::move(size_of)),
        random_(options.retry.seed ? *options.retry.seed : detail::fresh_seed()) {
    assert(options.max_records >= 1 && "a batch has room for a record");
    assert(options.max_pending >= 1 && "a delivery queue has room for a record");
    assert(options.retry.max_attempts >= 1 && "a record is tried once");
    assert(options.max_wait.count() >= 0 && options.retry.first_delay.count() >= 0 &&
           options.retry.longest_delay.count() >= 0 && "a delay is not negative");
    assert((!std::same_as<SizeOf, NoSize> ||
            options.max_bytes == std::numeric_limits<std::size_t>::max()) &&
           "where a batch has max_bytes, the queue has a size_of");
  }
  // It may allocate, as std::deque's may.
  DeliveryQueue(DeliveryQueue&&) = default;  // NOLINT(performance-noexcept-move-constructor)
  DeliveryQueue(const DeliveryQueue&) = delete;
  DeliveryQueue& operator=(const DeliveryQueue&) = delete;
  DeliveryQueue& operator=(DeliveryQueue&&) = delete;
  ~DeliveryQueue() = default;

  /// Sends what is due, and takes a copy of `row` under the next id, counting from 1; refuses it
  /// while max_pending records are held.
  Delivery emit(const Row& row) {
    return take([&]() -> const Row& { return row; });
  }
  /// The same with the owned copy of a record or a summary.
  template <class T>
  requires((record<T> || summary<T>)&&!std::same_as<T, Row>) Delivery emit(const T& value)
  requires requires {
    { value.owned() } -> std::convertible_to<Row>;
  }
  {
    return take([&]() -> Row { return value.owned(); });
  }

  /// Sends what is due: batches that are full or old enough, and what has failed and waited out its
  /// delay. For a timer.
  void poll() { work(false); }

  /// Sends all that may be sent now, however young, and tells the sinks of dead letters and of
  /// results that the stream has ended. Refuses while something is still to be delivered: call it
  /// again, at next_attempt(). Records may come again.
  Delivery flush() {
    work(true);
    if (held() != 0) return Delivery::refused;
    if (!dead_letters_know_end_ && end_stream(to_dead_letters_) == Delivery::refused)
      return Delivery::refused;
    dead_letters_know_end_ = true;
    if (end_stream(to_results_) == Delivery::refused) return Delivery::refused;
    dead_letters_know_end_ = false;
    return Delivery::ok;
  }

  /// When poll() has something to do next, which may be now or before; null where nothing is held.
  [[nodiscard]] std::optional<time_point> next_attempt() const {
    time_point next = time_point::max();
    if (!batch_.empty())
      next = retry_at_;
    else if (!waiting_.empty())
      next = is_full() ? waiting_.front().tried.taken_at : old_at();
    if (!dead_letters_.empty() || !results_.empty()) next = std::min(next, tell_at_);
    return held() != 0 ? std::optional(next) : std::nullopt;
  }

  /// Every record up to this id is stored, or a dead letter that its sink has: what lies behind it
  /// need not be offered again after a crash. 0 at first. Linear in what the sink of dead letters
  /// has not taken.
  [[nodiscard]] std::uint64_t settled() const noexcept {
    std::uint64_t open = counters_.taken + 1;
    if (!batch_.empty())
      open = tried_.front().id;
    else if (!waiting_.empty())
      open = waiting_.front().tried.id;
    for (const auto& each : dead_letters_) open = std::min(open, each.id);
    return open - 1;
  }

  [[nodiscard]] DeliveryCounters counters() const noexcept {
    DeliveryCounters counters = counters_;
    counters.pending = batch_.size() + waiting_.size() + dead_letters_.size();
    counters.results_pending = results_.size();
    return counters;
  }
  [[nodiscard]] const DeliveryOptions& options() const noexcept { return options_; }

 private:
  struct Tried {
    std::uint64_t id = 0;
    std::uint64_t attempts = 0;
    std::size_t bytes = 0;
    time_point taken_at{};
  };
  struct Waiting {
    Row row;
    Tried tried;
  };

  [[nodiscard]] std::size_t held() const noexcept {
    return batch_.size() + waiting_.size() + dead_letters_.size() + results_.size();
  }
  [[nodiscard]] static time_point after(time_point time, std::chrono::nanoseconds span) noexcept {
    return detail::plus(time, std::chrono::ceil<duration>(span));
  }
  [[nodiscard]] time_point old_at() const noexcept {
    return after(waiting_.front().tried.taken_at, options_.max_wait);
  }
  /// Whether a batch is full, or no more would be taken.
  [[nodiscard]] bool is_full() const noexcept {
    return waiting_.size() >= options_.max_records || waiting_bytes_ >= options_.max_bytes ||
           held() >= options_.max_pending;
  }
  [[nodiscard]] bool is_due(time_point now, bool all) const noexcept {
    if (!batch_.empty()) return now >= retry_at_;
    return !waiting_.empty() && (all || is_full() || now >= old_at());
  }
  [[nodiscard]] time_point retry_after(time_point now, std::uint64_t failures) noexcept {
    return after(now, retry_delay(options_.retry, failures, detail::splitmix64(random_)));
  }

  /// Nothing is sent once the record is taken, so that what throws then does not hide that it is.
  template <class MakeRow>
  Delivery take(MakeRow make_row) {
    work(false);
    if (held() >= options_.max_pending) return Delivery::refused;
    Waiting waiting{Row(make_row()), {counters_.taken + 1, 0, 0, now_()}};
    // What is larger than a batch may be is as large as what just is: sums do not overflow.
    const std::size_t most = options_.max_bytes;
    waiting.tried.bytes =
        std::min<std::size_t>(std::invoke(size_of_, std::as_const(waiting.row)),
                              most == std::numeric_limits<std::size_t>::max() ? most : most + 1);
    const std::size_t bytes = waiting.tried.bytes;
    waiting_.push_back(std::move(waiting));
    waiting_bytes_ += bytes;
    ++counters_.taken;
    dead_letters_know_end_ = false;
    return Delivery::ok;
  }

  /// Sends batches until none is due, or one has failed in part: no call tries a record twice.
  void work(bool all) {
    tell();
    for (time_point now = now_(); is_due(now, all); now = now_()) {
      try_batch(now);
      tell();
      if (!batch_.empty()) return;
    }
  }

  void try_batch(time_point now) {
    fill_batch();
    answers_.clear();
    answers_.resize(batch_.size());
    make_room(dead_letters_, batch_.size());
    // Each dead letter has a result when its sink has it.
    make_room(results_, batch_.size() + dead_letters_.size());
    AnswersRead read{*this, now};
    store_(std::span<const Row>(batch_), std::span<StoreAnswer>(answers_));
    read.now = now_();
  }
  /// Moves records into the batch while there is room for them.
  void fill_batch() {
    while (!waiting_.empty() && batch_.size() < options_.max_records) {
      Waiting& next = waiting_.front();
      const std::size_t bytes = next.tried.bytes;
      if (!batch_.empty() &&
          (batch_bytes_ > options_.max_bytes || options_.max_bytes - batch_bytes_ < bytes))
        return;
      make_room(batch_, 1);
      make_room(tried_, 1);
      batch_.push_back(std::move(next.row));
      tried_.push_back(next.tried);
      batch_bytes_ += bytes;
      waiting_bytes_ -= bytes;
      waiting_.pop_front();
    }
  }
  template <class T>
  static void make_room(std::vector<T>& values, std::size_t more) {
    if (values.capacity() - values.size() < more)
      values.reserve(std::max(values.size() + more, 2 * values.capacity()));
  }

  /// Reads the answers when the store returns, or throws.
  struct AnswersRead {
    DeliveryQueue& queue;
    time_point now;

    ~AnswersRead() { queue.read_answers(now); }
  };
  void read_answers(time_point now) noexcept {
    ++counters_.batches;
    counters_.attempts += batch_.size();
    std::size_t kept = 0;
    batch_bytes_ = 0;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      Tried& tried = tried_[i];
      StoreAnswer& answer = answers_[i];
      ++tried.attempts;
      if (answer.result == StoreResult::stored) {
        ++counters_.stored;
        keep_result({tried.id, DeliveryStatus::ok, tried.attempts, std::move(answer.message)});
        continue;
      }
      ++counters_.failures;
      const auto age =
          saturating_duration<RetryOptions::duration>(saturating_elapsed(tried.taken_at, now));
      if (answer.result == StoreResult::unstorable ||
          gives_up(options_.retry, tried.attempts, age)) {
        dead_letters_.push_back(
            {tried.id, std::move(batch_[i]), tried.attempts, std::move(answer.message)});
        continue;
      }
      batch_bytes_ += tried.bytes;
      if (kept != i) {
        batch_[kept] = std::move(batch_[i]);
        tried_[kept] = tried;
      }
      ++kept;
    }
    batch_.erase(batch_.begin() + static_cast<std::ptrdiff_t>(kept), batch_.end());
    tried_.resize(kept);
    // The first has been tried most often.
    retry_at_ = kept == 0 ? time_point::min() : retry_after(now, tried_.front().attempts);
  }
  /// There is room for it.
  void keep_result(DeliveryResult&& result) noexcept {
    if constexpr (!std::same_as<Results, CountResults>) results_.push_back(std::move(result));
  }

  /// Gives dead letters and results to their sinks.
  void tell() {
    if (dead_letters_.empty() && results_.empty()) return;
    const time_point now = now_();
    if (now < tell_at_) return;
    tell_at_ = retry_after(now, ++tellings_);  // unless they take everything
    const auto is_dead = [this](DeadLetter<Row>& letter) {
      ++counters_.dead;
      keep_result(
          {letter.id, DeliveryStatus::delivery_failed, letter.attempts, std::move(letter.message)});
    };
    if (give(to_dead_letters_, dead_letters_, is_dead) == Delivery::refused) return;
    if (give(to_results_, results_, [](const DeliveryResult&) {}) == Delivery::refused) return;
    tellings_ = 0;
    tell_at_ = time_point::min();
  }
  /// Gives values to a sink, first to last, and removes those that it has.
  template <class Sink, class T, class Taken>
  static Delivery give(Sink& sink, std::vector<T>& values, Taken taken) {
    struct RemoveTaken {
      std::vector<T>& values;
      std::size_t count = 0;
      ~RemoveTaken() {
        values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
      }
    } remove{values};
    for (T& value : values) {
      if (deliver(sink, std::as_const(value)) == Delivery::refused) return Delivery::refused;
      taken(value);
      ++remove.count;
    }
    return Delivery::ok;
  }

  Store store_;
  Now now_;
  DeliveryOptions options_;
  DeadLetters to_dead_letters_;
  Results to_results_;
  [[no_unique_address]] SizeOf size_of_;
  std::uint64_t random_;

  std::deque<Waiting> waiting_;  // in order, behind the batch
  std::size_t waiting_bytes_ = 0;
  // What the store is given, and what of it has failed. Each of its records has a `tried_`.
  std::vector<Row> batch_;
  std::vector<Tried> tried_;
  std::vector<StoreAnswer> answers_;
  std::size_t batch_bytes_ = 0;
  time_point retry_at_ = time_point::min();  // of a batch that is not empty

  // What their sinks do not have. results_ has room for those of the dead letters, too.
  std::vector<DeadLetter<Row>> dead_letters_;
  std::vector<DeliveryResult> results_;
  time_point tell_at_ = time_point::min();
  std::uint64_t tellings_ = 0;  // since they had everything
  bool dead_letters_know_end_ = false;

  DeliveryCounters counters_;
};

/// Puts a queue in front of a store of `Row`, which is a type that owns its data:
///
///     auto queue = delivery_queue<Row>(store, now, {.max_records = 25}, dead_letters);
///     auto out = on_summary(transform(to_row, queue));
///
/// `now` returns the time, of a clock that does not go back. `dead_letters` is a sink of
/// DeadLetter<Row>, `results` one of DeliveryResult. `size_of(row)` is a record's size in bytes, or
/// in whatever max_bytes counts. Lvalues are referred to, temporaries are kept. A Row that is a
/// Record or a Summary is made of what a Sessionizer emits without a transform().
template <class Row, class Store, class Now, class DeadLetters, class Results = CountResults,
          class SizeOf = NoSize>
[[nodiscard]] DeliveryQueue<Row, Store, Now, DeadLetters, Results, SizeOf> delivery_queue(
    Store&& store, Now&& now, const DeliveryOptions& options, DeadLetters&& dead_letters,
    Results&& results = {}, SizeOf size_of = {}) {
  return {std::forward<Store>(store),
          std::forward<Now>(now),
          options,
          std::forward<DeadLetters>(dead_letters),
          std::forward<Results>(results),
          std::move(size_of)};
}

}  // namespace v0
}  // namespace sessionize

#endif
