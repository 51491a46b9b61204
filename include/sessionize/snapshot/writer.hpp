#ifndef SESSIONIZE_SNAPSHOT_WRITER_HPP
#define SESSIONIZE_SNAPSHOT_WRITER_HPP

#include <sessionize/detail/byte_output.hpp>
#include <sessionize/detail/crc32c.hpp>
#include <sessionize/key.hpp>
#include <sessionize/sink.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {

template <class T>
struct SnapshotTraits;

/// What a snapshot can be written to: a std::ostream, or a callable with a std::string_view or a
/// std::span<const std::byte>, that returns void, a Delivery, or a bool that is false where it has
/// not the bytes.
template <class Sink>
concept byte_sink = std::derived_from<Sink, std::ostream> ||
    std::invocable<Sink&, std::string_view> || std::invocable<Sink&, std::span<const std::byte>>;

/// Writes values as bytes that are the same on every machine: integers in little-endian order and
/// of fixed width, everything else made of those; see traits.hpp. Gathers the bytes in blocks of
/// 64 KiB. Once the sink has refused a block or thrown, nothing more is written.
class SnapshotWriter {
 public:
  /// `sink` is referred to.
  template <class Sink>
  requires(byte_sink<Sink> &&
           !std::same_as<Sink, SnapshotWriter>) explicit SnapshotWriter(Sink& sink)
      : sink_(const_cast<void*>(static_cast<const void*>(std::addressof(sink)))),
        write_([](void* to, std::string_view bytes) {
          return write_block(*static_cast<Sink*>(to), bytes);
        }) {}
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  /// Writes a value of any type that has SnapshotTraits; of a key, its view will do.
  template <class T>
  void put(const T& value) {
    SnapshotTraits<owned_key_t<T>>::save(*this, value);
  }

  /// Writes bytes as they are.
  void bytes(std::string_view more) {
    while (!more.empty() && ok_) {
      const std::string_view piece = more.substr(0, block - buffer_.size());
      buffer_ += piece;
      more.remove_prefix(piece.size());
      if (buffer_.size() == block) flush();
    }
  }
  /// Writes an unsigned integer, the lowest byte first.
  template <std::unsigned_integral Number>
  void number(Number value) {
    char text[sizeof(Number)];
    for (std::size_t i = 0; i < sizeof text; ++i)
      text[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
    bytes({text, sizeof text});
  }

  /// Writes the checksum of all bytes before, and then what is left. Returns whether the sink has
  /// everything.
  bool finish() {
    detail::Crc32c sum = sum_;
    sum.add(buffer_);
    number(sum.value());
    flush();
    return ok_;
  }
  /// Whether the sink has taken everything so far.
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// How many bytes the sink has taken.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t block = std::size_t{1} << 16;

  template <class Sink>
  static Delivery write_block(Sink& sink, std::string_view bytes) {
    if constexpr (std::derived_from<Sink, std::ostream> ||
                  std::invocable<Sink&, std::string_view>) {
      return detail::write_bytes(sink, bytes);
    } else {
      auto as_text = [&sink](std::string_view text) {
        return sink(std::as_bytes(std::span(text.data(), text.size())));
      };
      return detail::write_bytes(as_text, bytes);
    }
  }
  void flush() {
    const bool was_ok = std::exchange(ok_, false);  // where the sink throws, it stays so
    ok_ = was_ok && write_(sink_, buffer_) == Delivery::ok;
    if (ok_) size_ += buffer_.size();
    sum_.add(buffer_);
    buffer_.clear();
  }

  void* sink_;
  Delivery (*write_)(void*, std::string_view);
  std::string buffer_;
  detail::Crc32c sum_;
  std::uint64_t size_ = 0;
  bool ok_ = true;
};

}  // namespace v0
}  // namespace sessionize

#endif
