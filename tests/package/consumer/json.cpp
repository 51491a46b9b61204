#include <sessionize/json/json.hpp>
#include <sessionize/sessionize.hpp>

int main() {
  sessionize::json::EventReader reader;
  const auto event = reader.read(R"({"user_id":"ann","event_timestamp":1})");
  return event && event->key == "ann" ? 0 : 1;
}
