#include <sessionize/sessionize.hpp>
#include <sessionize/testing/testing.hpp>

int main() {
  using namespace std::chrono_literals;
  return sessionize::testing::timeline("ann: 0s 10s | 21s").agrees_with(sessionize::gap_rule(10s))
             ? 0
             : 1;
}
