#ifndef SESSIONIZE_DETAIL_SNAPSHOT_ACCESS_HPP
#define SESSIONIZE_DETAIL_SNAPSHOT_ACCESS_HPP

namespace sessionize {
inline namespace v0 {
namespace detail {

/// How the state of an `Object` is saved and restored: a specialization for each type that can be,
/// which is a friend of the classes it is made of; see snapshot/save.hpp.
template <class Object>
struct SnapshotAccess;

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
