// expect: a snapshot cannot hold this type: specialize sessionize::SnapshotTraits for it

#include <sessionize/snapshot/snapshot.hpp>

struct EveryTenth {
  struct State {
    int events = 0;
  };
  template <class TimePoint, class Event>
  bool operator()(const sessionize::Step<TimePoint>&, const Event&, const State& state) const {
    return state.events % 10 == 0;
  }
  template <class Event>
  void remember(const Event&, State& state) const {
    ++state.events;
  }
};

int main() {
  auto sessions = sessionize::make_sessionizer<sessionize::EventClock, int>({}, EveryTenth{});
  static_cast<void>(sessionize::restore(sessions, std::string_view("")));
}
