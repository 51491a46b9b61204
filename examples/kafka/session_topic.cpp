#include "session_topic.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace kafka {

SessionTopic::SessionTopic(Settings settings, std::string topic) : name_(std::move(topic)) {
  settings.emplace_back("enable.idempotence", "true");
  auto config = make_config(settings);
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_dr_msg_cb(config.get(),
                              [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
                                auto& self = *static_cast<SessionTopic*>(opaque);
                                if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
                                  ++self.published_;
                                else if (self.complaint_.empty())
                                  self.complaint_ = rd_kafka_err2str(message->err);
                              });
  client_ = make_client(RD_KAFKA_PRODUCER, std::move(config));
  topic_.reset(rd_kafka_topic_new(client_.get(), name_.c_str(), nullptr));
  if (!topic_) complaint_ = rd_kafka_err2str(rd_kafka_last_error());
}

bool SessionTopic::publish(std::string_view lines, bool (*is_stopped)()) {
  constexpr int piece_ms = 100;
  int patience = 10;
  const auto may_wait = [&] { return !is_stopped() || patience-- > 0; };
  while (!lines.empty() && complaint_.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    const auto user = nlohmann::json::parse(line).at("user_id").get<std::string>();
    // The values are copied: librdkafka takes no const pointer.
    if (rd_kafka_produce(topic_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         const_cast<char*>(line.data()), line.size(), user.data(), user.size(),
                         nullptr) == 0) {
      lines.remove_prefix(line.size() + 1);
    } else if (const auto error = rd_kafka_last_error(); error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      if (!may_wait()) return false;
      rd_kafka_poll(client_.get(), piece_ms);
    } else {
      complaint_ = rd_kafka_err2str(error);
    }
  }
  while (complaint_.empty() &&
         rd_kafka_flush(client_.get(), piece_ms) == RD_KAFKA_RESP_ERR__TIMED_OUT)
    if (!may_wait()) return false;
  if (!complaint_.empty()) throw std::runtime_error("the topic " + name_ + ": " + complaint_);
  return true;
}

}  // namespace kafka
