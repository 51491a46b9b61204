#ifndef SESSIONIZE_SNAPSHOT_READER_HPP
#define SESSIONIZE_SNAPSHOT_READER_HPP

#include <sessionize/detail/crc32c.hpp>
#include <sessionize/snapshot/error.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <istream>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

template <class T>
struct SnapshotTraits;

namespace detail {

template <class Source>
concept byte_range = std::ranges::contiguous_range<Source> && std::ranges::sized_range<Source> &&
                     sizeof(std::ranges::range_value_t<Source>) == 1;
template <class Source, class Byte>
concept fills = requires(Source& source, std::span<Byte> room) {
  { source(room) } -> std::integral;
};

}  // namespace detail

/// What a snapshot can be read from: a std::istream, a text or another contiguous range of bytes,
/// or a callable with a std::span<char> or std::span<std::byte>, that fills it from its beginning
/// and returns how many bytes it has put there: 0 at the end, less than 0 where reading fails.
template <class Source>
concept byte_source = std::derived_from<Source, std::istream> || detail::byte_range<Source> ||
    detail::fills<Source, char> || detail::fills<Source, std::byte>;

/// Reads what a SnapshotWriter has written, to the end of its source. The first thing that is wrong
/// is kept in error(); from then on nothing more is read. What is read takes no more memory than
/// the source has bytes, whatever a damaged length says.
class SnapshotReader {
 public:
  /// `source` is referred to.
  template <byte_source Source>
  requires(!std::same_as<Source, SnapshotReader>) explicit SnapshotReader(Source& source)
      : source_(const_cast<void*>(static_cast<const void*>(std::addressof(source)))),
        fill_([](void* from, std::size_t done, std::span<char> room) {
          return fill(*static_cast<Source*>(from), done, room);
        }),
        buffer_(block) {}
  SnapshotReader(const SnapshotReader&) = delete;
  SnapshotReader& operator=(const SnapshotReader&) = delete;

  /// Reads a value of a type that has SnapshotTraits; false where there is none.
  template <class T>
  [[nodiscard]] bool get(T& value) {
    if (ok() && !SnapshotTraits<T>::load(*this, value)) damaged();
    return ok();
  }

  /// Reads bytes as they are; false where there are fewer.
  [[nodiscard]] bool bytes(char* to, std::size_t count) {
    if (!ok()) return false;
    while (count != 0) {
      if (at_ == ready_ && !refill()) return damaged();
      const std::size_t piece = std::min(count, ready_ - at_);
      std::memcpy(to, buffer_.data() + at_, piece);
      at_ += piece;
      to += piece;
      count -= piece;
    }
    return ok();
  }
  /// Reads an unsigned integer, the lowest byte first.
  template <std::unsigned_integral Number>
  [[nodiscard]] bool number(Number& value) {
    char text[sizeof(Number)];
    if (!bytes(text, sizeof text)) return false;
    std::uint64_t sum = 0;
    for (std::size_t i = sizeof text; i-- > 0;)
      sum = sum << 8 | static_cast<unsigned char>(text[i]);
    value = static_cast<Number>(sum);
    return true;
  }
  /// Reads a text of `size` bytes.
  [[nodiscard]] bool text(std::string& text, std::uint64_t size) {
    text.clear();
    while (size != 0) {
      // No more at a time than is there: the size may be wrong.
      const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(size, block));
      const std::size_t before = text.size();
      text.resize(before + piece);
      if (!bytes(text.data() + before, piece)) return false;
      size -= piece;
    }
    return ok();
  }

  /// What was wrong first, if anything.
  [[nodiscard]] const std::optional<SnapshotError>& error() const noexcept { return error_; }
  [[nodiscard]] bool ok() const noexcept { return !error_; }
  /// Notes what is wrong, unless something was before. Returns false.
  bool fail(SnapshotReason reason, std::string message) {
    if (!error_) error_ = SnapshotError{reason, std::move(message)};
    return false;
  }
  bool damaged() {
    return fail(SnapshotReason::damaged,
                "the snapshot is damaged: it is cut off, or its bytes have changed");
  }

  /// How many bytes were read so far.
  [[nodiscard]] std::uint64_t position() const noexcept { return before_ + at_; }

  /// Expects the end, and the checksum of all that was read. Returns whether all is well.
  bool finish() {
    if (ok() && (at_ != ready_ || refill() || !sum_is_right())) damaged();
    return ok();
  }
  /// Notes what is wrong with a snapshot that is intact: reads on to its end to see that it is, and
  /// notes that it is damaged where it is not. Returns false.
  bool refuse(SnapshotReason reason, std::string message) {
    if (!ok()) return false;
    do at_ = ready_;
    while (refill());
    if (!sum_is_right()) return damaged();
    return fail(reason, std::move(message));
  }

 private:
  static constexpr std::size_t block = std::size_t{1} << 16;
  static constexpr std::size_t sum_size = 4;  // the last bytes of the source are its checksum

  template <class Source>
  static std::ptrdiff_t fill(Source& source, std::size_t done, std::span<char> room) {
    if constexpr (std::derived_from<Source, std::istream>) {
      source.read(room.data(), static_cast<std::streamsize>(room.size()));
      const bool failed = source.bad() || (source.fail() && !source.eof());
      return failed ? -1 : static_cast<std::ptrdiff_t>(source.gcount());
    } else if constexpr (detail::byte_range<Source>) {
      const std::size_t count = std::min(room.size(), std::ranges::size(source) - done);
      if (count != 0) std::memcpy(room.data(), std::ranges::data(source) + done, count);
      return static_cast<std::ptrdiff_t>(count);
    } else if constexpr (detail::fills<Source, char>) {
      return static_cast<std::ptrdiff_t>(source(room));
    } else {
      return static_cast<std::ptrdiff_t>(
          source(std::span(reinterpret_cast<std::byte*>(room.data()), room.size())));
    }
  }

  /// Makes more bytes ready; false where there are none. Keeps back what may be the checksum.
  bool refill() {
    if (!ok()) return false;
    sum_.add({buffer_.data(), at_});
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    before_ += at_;
    end_ -= at_;
    at_ = 0;
    while (!at_end_ && end_ <= sum_size) {
      const std::ptrdiff_t got = fill_(source_, taken_, std::span(buffer_).subspan(end_));
      if (got < 0)
        return fail(SnapshotReason::cannot_read, "the snapshot cannot be read: reading failed");
      at_end_ = got == 0;
      end_ += static_cast<std::size_t>(got);
      taken_ += static_cast<std::size_t>(got);
    }
    ready_ = end_ > sum_size ? end_ - sum_size : 0;
    return ready_ != 0;
  }
  /// At the end, where all bytes but the checksum have been summed up.
  [[nodiscard]] bool sum_is_right() const noexcept {
    if (!ok() || !at_end_ || end_ - at_ != sum_size) return false;
    std::uint32_t sum = 0;
    for (std::size_t i = sum_size; i-- > 0;)
      sum = sum << 8 | static_cast<unsigned char>(buffer_[at_ + i]);
    return sum == sum_.value();
  }

  void* source_;
  std::ptrdiff_t (*fill_)(void*, std::size_t, std::span<char>);
  std::vector<char> buffer_;
  std::size_t at_ = 0, ready_ = 0, end_ = 0;  // read, can be read, filled
  std::size_t taken_ = 0;                     // from the source
  std::uint64_t before_ = 0;                  // read and no longer in the buffer
  bool at_end_ = false;
  detail::Crc32c sum_;  // of what is no longer in the buffer
  std::optional<SnapshotError> error_;
};

}  // namespace v0
}  // namespace sessionize

#endif
