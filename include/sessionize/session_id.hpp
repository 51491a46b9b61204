#ifndef SESSIONIZE_SESSION_ID_HPP
#define SESSIONIZE_SESSION_ID_HPP

#include <sessionize/detail/json_text.hpp>
#include <sessionize/detail/nullable.hpp>
#include <sessionize/key_text.hpp>
#include <sessionize/record.hpp>
#include <sessionize/utc.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

// An id form is a callable `form(IdWriter& out, const Record& or const Summary&)` that writes an
// id, or calls out.null(). Two are built in, time_of_day_id() and unique_id; a form of your own is
// a lambda of that shape.

namespace sessionize {
inline namespace v0 {

/// Writes an id into a caller's buffer. What does not fit is counted and not written, so that the
/// caller learns the size that would do. Allocates nothing.
class IdWriter {
 public:
  constexpr explicit IdWriter(std::span<char> buffer) noexcept : buffer_(buffer) {}

  /// Appends a text as it is.
  constexpr void text(std::string_view piece) noexcept {
    if (size_ <= buffer_.size() && piece.size() <= buffer_.size() - size_) {
      if (std::is_constant_evaluated())
        std::copy_n(piece.data(), piece.size(), buffer_.data() + size_);
      else
        detail::copy_short(buffer_.data() + size_, piece.data(), piece.size());
    }
    size_ += piece.size();
  }
  /// Appends a number in decimal, filled up with zeros to at least `width` digits.
  constexpr void number(std::uint64_t value, unsigned width = 1) noexcept {
    char digits[20];
    char* const end = digits + sizeof digits;
    char* at = end;
    for (; value != 0 || end - at < static_cast<std::ptrdiff_t>(width); value /= 10)
      *--at = static_cast<char>('0' + value % 10);
    text({at, static_cast<std::size_t>(end - at)});
  }
  /// Appends the text of a key; see write_key().
  template <class Key>
  constexpr void key(const Key& key) {
    write_key(key, [this](std::string_view piece) { text(piece); });
  }
  /// Appends the text of a key with '_' and '%' percent-escaped.
  template <class Key>
  constexpr void escaped_key(const Key& key) {
    write_key(key, [this](std::string_view piece) {
      detail::put_escaped(piece, "_%", [this](std::string_view escaped) { text(escaped); });
    });
  }
  /// Appends the UTC time of day, HH:mm:ss; floored, also before 1970.
  template <utc_time_point TimePoint>
  constexpr void time_of_day(TimePoint time) noexcept {
    // Without the date, which is most of the work of utc_fields().
    const auto second = static_cast<unsigned>(
        detail::floor_mod(time.time_since_epoch().count(), detail::ticks_per_day<TimePoint>) /
        detail::ticks_per_second<TimePoint>);
    // All at once, in a register: what is stored byte by byte is slow to load as a whole. The
    // lowest byte is the first character; each part has the two bytes of its digits and the
    // colon's.
    const std::uint64_t parts =
        second / 3'600 | std::uint64_t{second / 60 % 60} << 24 | std::uint64_t{second % 60} << 48;
    const std::uint64_t tens =
        parts * 103 >> 10 & 0x000F'0000'0F00'000F;  // n * 103 / 1024 is n / 10
    const std::uint64_t written = (parts - tens * 10) << 8 | tens | 0x3030'3A30'303A'3030;
    auto characters = std::bit_cast<std::array<char, 8>>(written);
    if constexpr (std::endian::native == std::endian::big)
      std::reverse(characters.begin(), characters.end());
    text({characters.data(), characters.size()});
  }
  /// Appends the UTC date and time to the clock's precision, 2022-07-01T00:00:02.000Z; years
  /// before 0 or after 9999 have a sign.
  template <utc_time_point TimePoint>
  constexpr void utc(TimePoint time) noexcept {
    const UtcFields utc = utc_fields(time);
    if (utc.year < 0 || utc.year > 9999) text(utc.year < 0 ? "-" : "+");
    number(static_cast<std::uint64_t>(utc.year < 0 ? -utc.year : utc.year), 4);
    text("-");
    number(utc.month, 2);
    text("-");
    number(utc.day, 2);
    text("T");
    time_of_day(time);
    unsigned width = 0;
    for (auto ticks = detail::ticks_per_second<TimePoint>; ticks > 1; ticks /= 10) ++width;
    if (width != 0) {
      text(".");
      number(static_cast<std::uint64_t>(utc.subsecond_ticks), width);
    }
    text("Z");
  }
  /// Makes the id null, whatever was written.
  constexpr void null() noexcept { null_ = true; }

  [[nodiscard]] constexpr bool is_null() const noexcept { return null_; }
  /// How many characters the id has, also where they did not fit.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return null_ ? 0 : size_; }
  [[nodiscard]] constexpr bool fits() const noexcept { return size() <= buffer_.size(); }
  /// The id; empty where it is null or does not fit.
  [[nodiscard]] constexpr std::string_view view() const noexcept {
    return null_ || !fits() ? std::string_view{} : std::string_view{buffer_.data(), size_};
  }

 private:
  std::span<char> buffer_;
  std::size_t size_ = 0;
  bool null_ = false;
};

/// Writes the id that `form` gives to a record or a summary into `buffer`, and returns the writer
/// to be asked for it: `write_id(unique_id, buffer, record).view()`. Allocates nothing.
template <class Form, class Value>
constexpr IdWriter write_id(const Form& form, std::span<char> buffer, const Value& value) {
  IdWriter out(buffer);
  if constexpr (std::invocable<const Form&, IdWriter&, const Value&>)
    form(out, value);
  else
    static_assert(detail::always_false<Form>,
                  "this id form cannot be called with an IdWriter& and this record or summary");
  return out;
}

/// The SQL recipe's id: key '_' device '_' HH:mm:ss of the carried start. It repeats from day to
/// day and changes with the device; null where the device or the start is null. Good for tables
/// that the recipe has filled, nothing else: see unique_id.
template <class DeviceOf>
struct TimeOfDayId {
  [[no_unique_address]] DeviceOf device_of;

  template <record R>
  constexpr void operator()(IdWriter& out, const R& record) const {
    const auto& projected = std::invoke(device_of, record.event);
    const auto device = detail::nullable_view(projected);
    if (!device || !record.session_start) return out.null();
    out.key(record.key);
    out.text("_");
    out.key(*device);
    out.text("_");
    out.time_of_day(*record.session_start);
  }
  template <summary S>
  constexpr void operator()(IdWriter&, const S&) const {
    static_assert(detail::always_false<S>,
                  "a summary has no device: write summaries with unique_id, or write the records "
                  "that start a session, filter(starts_only, ...), as the recipe does");
  }
};

/// The recipe's id form, by a projection of the event to its device: a text or an integer, or an
/// empty std::optional where it has none.
template <class DeviceOf>
[[nodiscard]] constexpr TimeOfDayId<DeviceOf> time_of_day_id(DeviceOf device_of) {
  return {std::move(device_of)};
}

/// An id that is unique, and the same for all records of a session: KEY_START_N. KEY has '_' and
/// '%' percent-escaped; START is UTC to the clock's precision; N counts the key's sessions since
/// its state was created, for times can go back and two sessions can start at one time. Where
/// nothing counts them (ordinal 0) it is KEY_START.
struct UniqueId {
  template <record R>
  constexpr void operator()(IdWriter& out, const R& record) const {
    write(out, record.key, record.opened_at, record.ordinal);
  }
  template <summary S>
  constexpr void operator()(IdWriter& out, const S& summary) const {
    if constexpr (requires { summary.id_time; })
      write(out, summary.key, summary.id_time, summary.ordinal);
    else
      write(out, summary.key, summary.start, summary.ordinal);
  }

 private:
  template <class Key, class TimePoint>
  static constexpr void write(IdWriter& out, const Key& key, TimePoint start,
                              std::uint64_t ordinal) {
    out.escaped_key(key);
    out.text("_");
    out.utc(start);
    if (ordinal == 0) return;
    out.text("_");
    out.number(ordinal);
  }
};
inline constexpr UniqueId unique_id{};

}  // namespace v0
}  // namespace sessionize

#endif
