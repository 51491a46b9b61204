#ifndef SESSIONIZE_SNAPSHOT_SEVERAL_HPP
#define SESSIONIZE_SNAPSHOT_SEVERAL_HPP

#include <sessionize/snapshot/save.hpp>

#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Objects that belong together, such as a Reorder or a DuplicateFilter and the Sessionizer behind
/// it, as one snapshot:
///
///     auto both = std::tie(front, sessions);
///     save_file(both, path);
///
/// They are all restored or none is.
template <class... Objects>
struct SnapshotAccess<std::tuple<Objects&...>> {
  using Object = std::tuple<Objects&...>;
  using Parts = std::tuple<typename SnapshotAccess<Objects>::Parts...>;

  static void describe(const Object& objects, SnapshotDescription& to) {
    std::apply([&](const auto&... each) { (SnapshotAccess<Objects>::describe(each, to), ...); },
               objects);
  }
  static std::string_view busy(const Object& objects) {
    std::string_view why;
    std::apply(
        [&](const auto&... each) {
          static_cast<void>((... || !(why = SnapshotAccess<Objects>::busy(each)).empty()));
        },
        objects);
    return why;
  }
  static void save(const Object& objects, SnapshotWriter& out) {
    std::apply([&](const auto&... each) { (SnapshotAccess<Objects>::save(each, out), ...); },
               objects);
  }
  static bool load(const Object& objects, SnapshotReader& in, Parts& parts) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (... && SnapshotAccess<Objects>::load(std::get<I>(objects), in, std::get<I>(parts)));
    }
    (std::index_sequence_for<Objects...>{});
  }
  static void adopt(Object& objects, Parts&& parts) noexcept {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (SnapshotAccess<Objects>::adopt(std::get<I>(objects), std::move(std::get<I>(parts))), ...);
    }
    (std::index_sequence_for<Objects...>{});
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
