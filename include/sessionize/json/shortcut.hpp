#ifndef SESSIONIZE_JSON_SHORTCUT_HPP
#define SESSIONIZE_JSON_SHORTCUT_HPP

#include <sessionize/json/value.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace json {

/// The members of an object that somebody wants, by name, and where their values go.
class WantedMembers {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// The place of a member's value, the same for everybody who asks.
  std::size_t add(std::string_view name) {
    if (const std::size_t known = find(name); known != none) return known;
    names_.emplace_back(name);
    values_.emplace_back();
    return names_.size() - 1;
  }

  /// The place of the member of that name, or `none`. Linear in the members.
  [[nodiscard]] std::size_t find(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (names_[i] == name) return i;
    return none;
  }

  void clear() noexcept { std::fill(values_.begin(), values_.end(), ValueView{}); }
  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
  [[nodiscard]] ValueView& operator[](std::size_t place) noexcept { return values_[place]; }
  [[nodiscard]] const ValueView& operator[](std::size_t place) const noexcept {
    return values_[place];
  }

 private:
  std::vector<std::string> names_;
  std::vector<ValueView> values_;
};

/// A quick way to read the lines that it knows to be right: `read(line, max_nesting, members)` sets
/// what the line has of the members, which are absent before, and returns true; or false, whatever
/// it has set, where it does not know. It takes no line that read_members() rejects, and sets what
/// read_members() would. The texts are good until the next call, and while the line is.
template <class T>
concept shortcut = requires(T& taken, std::string_view line, WantedMembers& members) {
  { taken.read(line, std::size_t{}, members) } -> std::same_as<bool>;
};

/// Knows no line: all are read by read_members().
struct NoShortcut {
  static constexpr bool read(std::string_view, std::size_t, const WantedMembers&) noexcept {
    return false;
  }
};

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
