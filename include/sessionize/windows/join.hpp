#ifndef SESSIONIZE_WINDOWS_JOIN_HPP
#define SESSIONIZE_WINDOWS_JOIN_HPP

#include <sessionize/rules/rules.hpp>
#include <sessionize/windows/options.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

/// How the sessions were made that a SessionJoin joins: the options of their runs, which are those
/// of the one run whose result it gives.
template <class TimePoint>
struct JoinOptions {
  using duration = typename TimePoint::duration;

  /// The gap of the runs; not negative. Not asked for sessions that have an `end`.
  duration gap = std::chrono::seconds{10};
  AtGap at_gap = AtGap::continues;
  /// The bound of disorder: at the end of the run, its watermark is the largest `last` minus this.
  /// Null where only the caller moves the watermark.
  std::optional<duration> out_of_order = duration{0};
  /// How long after that a session is closed; not negative.
  duration lateness{0};
  /// What a watermark is of. For a Sessionizer over sorted events, whose sessions are closed by
  /// their key's next event alone, it is in effect the key; out_of_order is 0 there.
  WatermarkOf watermark_of = WatermarkOf::stream;
  /// Where the watermark stands at the end, if further than that: the caller moved it, or the
  /// largest time was that of an event in no session.
  TimePoint watermark = TimePoint::min();
};

namespace detail {

template <template <class...> class Template, class T>
inline constexpr bool is_made_of = false;
template <template <class...> class Template, class... Ts>
inline constexpr bool is_made_of<Template, Template<Ts...>> = true;

/// True of the rules that say of two sessions what they would say of their events; any other stops
/// the compiler with a sentence.
template <class Rule>
struct JoinableRule {
  static_assert(!is_made_of<MaxDuration, Rule>,
                "a join cannot honour max_duration: where a session is cut depends on its events, "
                "and a cut in one shard moves all later ones: run over all events instead");
  static_assert(!is_made_of<ValueChange, Rule>,
                "a join cannot honour value_change: a session does not say which value it had");
  static_assert(!is_made_of<EndMarker, Rule>,
                "a join cannot honour end_marker: the last session of a shard does not say whether "
                "its last event was marked");
  static_assert(is_made_of<MaxDuration, Rule> || is_made_of<ValueChange, Rule> ||
                    is_made_of<EndMarker, Rule>,
                "a join cannot honour a rule of the caller's own: it asks about events, which a "
                "session no longer has; a join knows the gap and day_boundary");
  static constexpr bool value = false;
};
template <>
struct JoinableRule<NoRule> : std::true_type {};
template <>
struct JoinableRule<DayBoundary> : std::true_type {};
template <class Rule>
struct JoinableRule<std::optional<Rule>> : JoinableRule<Rule> {};
template <class... Rules>
struct JoinableRule<AnyOf<Rules...>> : std::conjunction<JoinableRule<Rules>...> {};

}  // namespace detail

/// What a join asks of a session: its members are named as those of a Summary. It may also have
/// `ordinal`, `aggregate` (the State of an aggregate), `id_time`, and `end`: the largest of its
/// events' times plus their own gaps, which then takes the place of `last` plus the gap.
template <class T>
concept joinable_session = std::copyable<T> && std::totally_ordered<decltype(T::key)> &&
    requires(T& session) {
  { session.last } -> std::same_as<decltype((session.start))>;
  { session.start.time_since_epoch() } -> std::same_as<typename decltype(T::start)::duration>;
  { session.events } -> std::same_as<std::optional<std::uint64_t>&>;
  { session.reason } -> std::same_as<CloseReason&>;
};

/// Joins the closed sessions of shards into those of one run over all their events, so that a year
/// can be cut by day, run on many machines, and joined:
///
///     SessionJoin<Summary<EventClock, std::string>> year({.gap = 30min, .out_of_order = 1min});
///     for (const auto& day : days)
///       if (const auto reason = year.add(day)) return refuse(to_string(*reason));
///     for (const auto& session : year.sessions()) ...
///
/// It is exact, for the gap and for day_boundary, whatever cut the events into shards (times, keys
/// or chance) as long as each event is in one and nothing was late, in event time or in a
/// Sessionizer over sorted events. It is associative: what some shards come to can be joined with
/// what others come to. Rules that cannot be joined do not compile, and say why.
template <joinable_session Session, class Rule = NoRule>
class SessionJoin {
 public:
  using time_point = decltype(Session::start);
  using options_type = JoinOptions<time_point>;
  static_assert(detail::JoinableRule<Rule>::value);

  /// `rule` is NoRule, a day_boundary(), or an any_of() or std::optional of such.
  explicit SessionJoin(options_type options = {}, Rule rule = {})
      : options_(std::move(options)), rule_(std::move(rule)) {
    assert(options_.gap.count() >= 0 && "a gap is not negative");
    assert(options_.lateness.count() >= 0 && "a lateness is not negative");
    assert((!options_.out_of_order || options_.out_of_order->count() >= 0) &&
           "a bound of disorder is not negative");
  }

  /// Adds the sessions of a shard, in any order, and of shards in any order. All or, where one was
  /// closed for a reason that a join cannot honour (a rule's, `evicted`, `erased`), none; returns
  /// that reason. Of a run that reports open sessions, only the final results count. Linear.
  template <std::ranges::forward_range Shard>
  requires std::constructible_from<Session, std::ranges::range_reference_t<Shard>>
  [[nodiscard]] std::optional<CloseReason> add(Shard&& shard) {
    for (const auto& session : shard)
      if (!honours(session.reason)) return session.reason;
    std::vector<Session> taken;  // by itself, so that a shard that throws adds nothing
    for (auto&& session : shard)
      if (is_final(session)) taken.push_back(Session(session));
    parts_.insert(parts_.end(), std::make_move_iterator(taken.begin()),
                  std::make_move_iterator(taken.end()));
    return std::nullopt;
  }

  /// The sessions of one run, in order of (start, key), each with the reason for which that run
  /// closes it at its end. An `ordinal` that is not 0 counts the key's sessions from 1; `events` is
  /// null where a part's is; `id_time` is the start. n log n.
  [[nodiscard]] std::vector<Session> sessions() const& { return joined(parts_); }
  [[nodiscard]] std::vector<Session> sessions() && { return joined(std::move(parts_)); }

 private:
  static constexpr bool has_end = requires(const Session& session) {
    { session.end } -> std::convertible_to<time_point>;
  };

  /// Whether a session has ended without any other of its key having to be known.
  [[nodiscard]] static constexpr bool honours(CloseReason reason) noexcept {
    return reason == CloseReason::idle || reason == CloseReason::flush ||
           (reason == CloseReason::day_boundary && !std::same_as<Rule, NoRule>);
  }
  template <class Given>
  [[nodiscard]] static constexpr bool is_final(const Given& given) noexcept {
    if constexpr (requires { given.op == std::remove_cvref_t<decltype(given.op)>::final; })
      return given.op == std::remove_cvref_t<decltype(given.op)>::final;
    else
      return true;
  }

  /// What the gap is measured from, and how long it is.
  [[nodiscard]] static time_point gap_start(const Session& session) noexcept {
    if constexpr (has_end)
      return session.end;
    else
      return session.last;
  }
  [[nodiscard]] typename options_type::duration gap() const noexcept {
    return has_end ? options_type::duration::zero() : options_.gap;
  }
  [[nodiscard]] bool meet(const Session& session, const Session& next) const noexcept {
    return !exceeds(gap_start(session), next.start, gap(), options_.at_gap);
  }
  /// Whether a watermark closes a session. In unsigned ticks, which hold the sum of two durations.
  [[nodiscard]] bool is_due(const Session& session, time_point watermark) const noexcept {
    using Rep = typename time_point::rep;
    using Ticks = std::make_unsigned_t<Rep>;
    const auto from = gap_start(session).time_since_epoch().count();
    const auto to = watermark.time_since_epoch().count();
    const auto ticks = ticks_between<Rep>(from, to);
    const auto allowed = static_cast<Ticks>(static_cast<Ticks>(gap().count()) +
                                            static_cast<Ticks>(options_.lateness.count()));
    return options_.at_gap == AtGap::continues ? ticks > allowed : to >= from && ticks >= allowed;
  }
  /// The watermark at the end of a run, or of a key's, whose largest time is `last`.
  [[nodiscard]] time_point watermark(time_point last) const noexcept {
    if (!options_.out_of_order) return options_.watermark;
    return std::max(detail::minus(last, *options_.out_of_order), options_.watermark);
  }
  [[nodiscard]] SplitReason split(const Session& session, const Session& next) const {
    return ask_rule(rule_, Step<time_point>{next.start, session.last, session.start}, NoEvent{},
                    rule_state_t<Rule>{});
  }

  /// Takes a part that starts no earlier into `session`. What an idle part has seen pass, the whole
  /// has, unless another part ends later.
  static void merge(Session& session, const Session& part) {
    const auto ends = gap_start(session), part_ends = gap_start(part);
    if (part_ends > ends || (part_ends == ends && part.reason == CloseReason::idle))
      session.reason = part.reason;
    session.last = std::max(session.last, part.last);
    if constexpr (has_end) session.end = std::max(session.end, part.end);
    if (session.events && part.events)
      *session.events += *part.events;
    else
      session.events.reset();
    if constexpr (requires { session.aggregate.merge(part.aggregate); })
      session.aggregate.merge(part.aggregate);
  }

  [[nodiscard]] std::vector<Session> joined(std::vector<Session> parts) const {
    if (parts.empty()) return parts;
    std::sort(parts.begin(), parts.end(), [](const Session& a, const Session& b) {
      const auto a_start = gap_start(a), b_start = gap_start(b);
      return std::tie(a.key, a.start, a_start) < std::tie(b.key, b.start, b_start);
    });
    std::vector<Session> whole;
    for (Session& part : parts) {
      if (!whole.empty() && whole.back().key == part.key && meet(whole.back(), part) &&
          split(whole.back(), part) == SplitReason::none)
        merge(whole.back(), part);
      else
        whole.push_back(std::move(part));
    }
    const auto by_last = [](const Session& a, const Session& b) { return a.last < b.last; };
    const time_point last = std::max_element(whole.begin(), whole.end(), by_last)->last;
    for (auto begin = whole.begin(); begin != whole.end();) {
      const auto end = std::find_if(
          begin, whole.end(), [&](const Session& session) { return session.key != begin->key; });
      close(begin, end,
            watermark(options_.watermark_of == WatermarkOf::key ? std::prev(end)->last : last));
      begin = end;
    }
    std::stable_sort(whole.begin(), whole.end(), [](const Session& a, const Session& b) {
      return std::tie(a.start, a.key) < std::tie(b.start, b.key);
    });
    return whole;
  }
  /// Says of the sessions of a key what the end of the run says.
  template <class Iterator>
  void close(Iterator session, Iterator end, time_point watermark) const {
    for (std::uint64_t ordinal = 1; session != end; ++session, ++ordinal) {
      const auto next = std::next(session);
      if (next != end && meet(*session, *next))
        session->reason = close_reason(split(*session, *next));
      else if (session->reason != CloseReason::idle)
        session->reason = is_due(*session, watermark) ? CloseReason::idle : CloseReason::flush;
      if constexpr (requires { session->ordinal; })
        if (session->ordinal != 0) session->ordinal = ordinal;
      if constexpr (requires { session->id_time = session->start; })
        session->id_time = session->start;
    }
  }

  options_type options_;
  [[no_unique_address]] Rule rule_;
  std::vector<Session> parts_;
};

}  // namespace v0
}  // namespace sessionize

#endif
