// expect: this is not an aggregate: an aggregate has a type State
#include <sessionize/windows/aggregates.hpp>

namespace sz = sessionize;

struct Click {};
struct Total {
  void add(long& state, const Click&, sz::Moment) const { ++state; }
};

int main() { return sz::detail::check_aggregate<Total, Click>() ? 0 : 1; }
