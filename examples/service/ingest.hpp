#ifndef SESSIONIZE_SERVICE_INGEST_HPP
#define SESSIONIZE_SERVICE_INGEST_HPP

#include "event_batch.hpp"
#include "http_server.hpp"
#include "session_shards.hpp"

#include <sessionize/json/mapping.hpp>
#include <sessionize/rejection.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace service {

struct IngestOptions {
  sessionize::json::Mapping mapping{};
  /// The member that is an event's id: an event whose user and id are known is counted once.
  std::optional<std::string> id{};
  sessionize::json::Limits limits{.line = 65'536, .key = 1'024, .nesting = 64};
  std::size_t max_events = 10'000;  ///< in a request
  std::size_t max_details = 1'000;  ///< rejections told one by one; the rest is a number
  /// Events are acknowledged when they are in the database; otherwise when they are in memory.
  bool durable = false;
  unsigned retry_after_s = 1;
};

/// Readers that keep their buffers from request to request, as many as there are requests at a
/// time. Thread-safe.
class ReaderPool {
 public:
  explicit ReaderPool(const IngestOptions& options);

  /// Reads a body with a reader that is free.
  [[nodiscard]] sessionize::Result<EventBatch, BadBody> read(std::string_view body);

 private:
  sessionize::json::Mapping mapping_;
  sessionize::json::Limits limits_;
  std::size_t max_events_;
  bool has_ids_;
  std::mutex mutex_{};
  std::vector<std::unique_ptr<EventReader>> free_{};
};

/// The service's answers, without a network:
///
///     POST /events           JSON Lines or an array: {"accepted":2,"duplicates":0,"rejected":1};
///                            with ?details=1 also which were rejected, and why
///     GET /sessions/{user}   the user's open session, or 404
///     GET /metrics           counters in the Prometheus text format
///     GET /healthz           200, or 503 where the last save has failed
///
/// Thread-safe.
class Ingest {
 public:
  Ingest(IngestOptions options, SessionShards& shards);

  /// What an http::serve() serves; it refers to the object.
  [[nodiscard]] http::Service service();

 private:
  [[nodiscard]] std::optional<http::Answer> turn_away(const http::Request& request) const;
  [[nodiscard]] http::Answer answer(const http::Request& request);
  [[nodiscard]] http::Answer take_events(const http::Request& request);
  [[nodiscard]] http::Answer session(std::string_view user) const;
  [[nodiscard]] http::Answer metrics();
  [[nodiscard]] http::Answer health() const;
  [[nodiscard]] http::Answer busy(std::string_view why) const;

  IngestOptions options_;
  SessionShards& shards_;
  ReaderPool readers_;
  std::array<std::atomic<std::uint64_t>, sessionize::reject_reason_count> rejected_{};
  std::mutex counting_{};
  std::map<int, std::uint64_t> answers_{};  // by status
};

}  // namespace service

#endif
