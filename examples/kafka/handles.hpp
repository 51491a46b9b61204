#ifndef SESSIONIZE_KAFKA_HANDLES_HPP
#define SESSIONIZE_KAFKA_HANDLES_HPP

#include <librdkafka/rdkafka.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// What librdkafka's C interface hands out, as objects that free it.

namespace kafka {

template <auto function>
struct Calls {
  template <class T>
  void operator()(T* object) const {
    function(object);
  }
};
using Client = std::unique_ptr<rd_kafka_t, Calls<rd_kafka_destroy>>;
using Config = std::unique_ptr<rd_kafka_conf_t, Calls<rd_kafka_conf_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Calls<rd_kafka_topic_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Calls<rd_kafka_message_destroy>>;
using Error = std::unique_ptr<rd_kafka_error_t, Calls<rd_kafka_error_destroy>>;
using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Calls<rd_kafka_topic_partition_list_destroy>>;

/// Properties of librdkafka and their values; later ones count.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// Throws std::runtime_error where there is no such property or value.
inline Config make_config(const Settings& settings) {
  Config config(rd_kafka_conf_new());
  std::array<char, 512> why{};
  for (const auto& [name, value] : settings)
    if (rd_kafka_conf_set(config.get(), name.c_str(), value.c_str(), why.data(), why.size()) !=
        RD_KAFKA_CONF_OK)
      throw std::runtime_error(why.data());
  return config;
}

inline Client make_client(rd_kafka_type_t type, Config config) {
  std::array<char, 512> why{};
  Client client(rd_kafka_new(type, config.get(), why.data(), why.size()));
  if (!client) throw std::runtime_error(why.data());
  static_cast<void>(config.release());  // it is the client's now
  return client;
}

}  // namespace kafka

#endif
