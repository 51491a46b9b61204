#include <sessionize/sessionize.hpp>
#include <sessionize/simdjson/event_reader.hpp>

int main() {
  sessionize::simdjson::EventReader<> reader;
  const auto event = reader.read(R"({"user_id":"a\nnn","event_timestamp":1,"tags":[]})");
  return event && event->key == "a\nnn" ? 0 : 1;
}
