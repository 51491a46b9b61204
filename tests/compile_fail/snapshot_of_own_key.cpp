// expect: a snapshot cannot hold this type: specialize sessionize::SnapshotTraits for it

#include <sessionize/snapshot/snapshot.hpp>

struct Seat {
  int row = 0;
  friend bool operator==(const Seat&, const Seat&) = default;
  friend auto operator<=>(const Seat&, const Seat&) = default;
};
template <>
struct std::hash<Seat> {
  std::size_t operator()(const Seat& seat) const noexcept {
    return static_cast<std::size_t>(seat.row);
  }
};

int main() {
  const sessionize::Sessionizer<sessionize::EventClock, Seat> sessions;
  static_cast<void>(sessionize::save(sessions, [](std::string_view) {}));
}
