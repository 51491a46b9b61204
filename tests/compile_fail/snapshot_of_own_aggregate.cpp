// expect: a snapshot cannot hold this type: specialize sessionize::SnapshotTraits for it

#include <sessionize/snapshot/snapshot.hpp>

struct Ticks {
  struct State {
    int ticks = 0;
    void merge(const State& part) { ticks += part.ticks; }
    [[nodiscard]] int result() const { return ticks; }
  };
  template <class Event>
  void add(State& state, const Event&, sessionize::Moment) const {
    ++state.ticks;
  }
};

int main() {
  sessionize::SessionWindows<sessionize::EventClock, int, Ticks> windows;
  static_cast<void>(sessionize::restore(windows, std::string_view("")));
}
