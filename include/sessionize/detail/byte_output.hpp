#ifndef SESSIONIZE_DETAIL_BYTE_OUTPUT_HPP
#define SESSIONIZE_DETAIL_BYTE_OUTPUT_HPP

#include <sessionize/sink.hpp>

#include <concepts>
#include <ostream>
#include <string_view>
#include <type_traits>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Writes bytes to a std::ostream, or to a callable with a std::string_view that returns void, a
/// Delivery, or false where it does not have them.
template <class Output>
Delivery write_bytes(Output& output, std::string_view bytes) {
  if constexpr (std::derived_from<Output, std::ostream>) {
    output.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return output ? Delivery::ok : Delivery::refused;
  } else if constexpr (std::is_void_v<std::invoke_result_t<Output&, std::string_view>>) {
    output(bytes);
    return Delivery::ok;
  } else if constexpr (std::same_as<std::invoke_result_t<Output&, std::string_view>, Delivery>) {
    return output(bytes);
  } else {
    static_assert(std::same_as<std::invoke_result_t<Output&, std::string_view>, bool>,
                  "a sink for bytes returns void, a Delivery, or a bool that is false where it has "
                  "not all of them: a count of bytes, or -1, would be true");
    return output(bytes) ? Delivery::ok : Delivery::refused;
  }
}

template <class Output>
Delivery flush_bytes(Output& output) {
  if constexpr (std::derived_from<Output, std::ostream>)
    return output.flush() ? Delivery::ok : Delivery::refused;
  else
    return Delivery::ok;
}

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
