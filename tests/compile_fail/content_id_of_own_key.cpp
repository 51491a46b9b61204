// expect: content_id() is given a key that is no integer, no text, and no pair or tuple of these
#include <sessionize/content_id.hpp>

#include <chrono>

struct Place {
  int street = 0;
};

int main() {
  return sessionize::content_id(Place{}, std::chrono::system_clock::time_point{}).first == 0;
}
