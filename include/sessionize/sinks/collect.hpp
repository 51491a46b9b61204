#ifndef SESSIONIZE_SINKS_COLLECT_HPP
#define SESSIONIZE_SINKS_COLLECT_HPP

#include <sessionize/record.hpp>
#include <sessionize/rejection.hpp>

#include <concepts>
#include <cstdint>

namespace sessionize {
inline namespace v0 {

/// Appends an owned copy of each value to a container of the caller's. The container's element
/// type says what is collected: records, summaries, or what either converts to.
template <class Container>
class Collect {
 public:
  using value_type = typename Container::value_type;

  constexpr explicit Collect(Container& container) noexcept : container_(&container) {}

  template <class T>
  requires(record<T> || summary<T>) void emit(const T& value) requires requires {
    { value.owned() } -> std::convertible_to<value_type>;
  }
  { container_->push_back(value.owned()); }

 private:
  Container* container_;
};

/// Collects into `container`, which must outlive the sink: `collect(table)` with a
/// `std::vector<Summary<EventClock, std::string>> table`.
template <class Container>
[[nodiscard]] constexpr Collect<Container> collect(Container& container) noexcept {
  return Collect<Container>(container);
}

/// Counts what it is given. Pass it as an lvalue, and ask it afterwards.
struct Count {
  std::uint64_t records = 0;
  std::uint64_t starts = 0;  ///< records that start a session
  std::uint64_t summaries = 0;
  std::uint64_t rejections = 0;

  template <record R>
  constexpr void emit(const R& value) noexcept {
    ++records;
    starts += value.starts_session() ? 1 : 0;
  }
  template <summary S>
  constexpr void emit(const S&) noexcept {
    ++summaries;
  }
  constexpr void emit(const Rejection&) noexcept { ++rejections; }
};

}  // namespace v0
}  // namespace sessionize

#endif
