#ifndef SESSIONIZE_WINDOWS_OPTIONS_HPP
#define SESSIONIZE_WINDOWS_OPTIONS_HPP

#include <sessionize/clock.hpp>
#include <sessionize/rules/elapsed.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sessionize {
inline namespace v0 {

/// When a session is due, and which events are late. W is the watermark, `end` the time that a
/// session reaches: the largest of its events' times, each plus its gap. All but the first are for
/// the answers of other engines.
enum class ClosePolicy : unsigned char {
  /// Due where no event that is on time can still join: end < W, or end <= W where the gap splits.
  /// Late is what meets no session that is kept, and would be due by itself.
  exact,
  /// Apache Flink: due where end <= W, also where an event at exactly the gap joins.
  flink,
  /// Kafka Streams: due where end < W, and W includes the event that is decided on.
  kafka,
  /// Apache Spark: due where end <= W; late is what would be due by itself, whatever it meets.
  spark,
  /// Hazelcast, Bytewax: due as in `exact`; late is what is before W, whatever it meets.
  drops_behind,
};

/// What becomes of an event that is not late by itself, but within the gap of a session that has
/// been closed, and of none that is kept. A closed session is remembered as long as an event with
/// the gap of the options, or with the gap that it ended with, could be both.
enum class AfterClose : unsigned char {
  opens_new,  ///< it opens a session (the default)
  is_late,    ///< it is late
};

/// Which results of a session are emitted.
enum class Emit : unsigned char {
  final_only,   ///< one, when it is closed (the default)
  updates,      ///< when it is due, then at each change during the lateness, and when it is closed
  retractions,  ///< the same, and each result that an update replaces is retracted before
};

/// What a watermark is of.
enum class WatermarkOf : unsigned char {
  stream,  ///< all keys have one (the default)
  /// Each key has its own: a slow user's events are not late because of a fast one's. A key is kept
  /// for its watermark until the one that is given has come as far.
  key,
};

/// What happens to an event that needs one more session, or key, than there may be.
enum class AtMaxSessions : unsigned char {
  rejects_new,  ///< it is rejected, as too_many_sessions or too_many_keys (the default)
  /// The session that something is due of first is closed, as `evicted`. Where there are too many
  /// keys, all of a key goes, one without a session too, and nothing of it is remembered. Takes
  /// time linear in the keys that are remembered without a session.
  closes_next_due,
};

/// The options of SessionWindows.
template <session_clock Clock>
struct WindowOptions {
  using duration = typename Clock::duration;

  /// Two events of a key that are no further apart than this are in one session; not negative. An
  /// event may have its own: see Projections::gap().
  duration gap = std::chrono::seconds{10};
  /// What happens at exactly the gap. Where it splits, the gap is not 0.
  AtGap at_gap = AtGap::continues;
  /// How far behind the largest time seen an event may be and still be on time: the watermark is
  /// that far behind, and moves with the events. Null: only advance_watermark() moves it.
  std::optional<duration> out_of_order = duration{0};
  /// How long a session that is due is kept for events behind the watermark; not negative.
  duration lateness{0};
  /// Which results are emitted.
  Emit emit = Emit::final_only;
  /// When a session is due, and what is late.
  ClosePolicy close = ClosePolicy::exact;
  /// What becomes of events behind a closed session.
  AfterClose after_close = AfterClose::opens_new;
  /// Whether all keys have one watermark.
  WatermarkOf watermark_of = WatermarkOf::stream;
  /// An event that is further ahead than this does not move the watermark by itself: see
  /// SessionWindows. Null: every event moves it.
  std::optional<duration> max_advance{};
  /// How many keys may have state at a time; at least 1.
  std::size_t max_keys = UINT32_MAX - 1;
  /// How many sessions may be open at a time; at least 1. What a maximum duration leaves of one may
  /// be several more.
  std::size_t max_sessions = UINT32_MAX - 1;
  /// What happens when there is one more of either.
  AtMaxSessions at_max = AtMaxSessions::rejects_new;
  /// How many events may be kept one by one, which those under a maximum duration are, and those
  /// that do not keep a session alive while they wait for one. More are rejected, as
  /// too_many_events.
  std::size_t max_kept_events = std::size_t{1} << 20;
};

}  // namespace v0
}  // namespace sessionize

#endif
