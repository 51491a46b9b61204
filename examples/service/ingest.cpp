#include "ingest.hpp"

#include "summary_row.hpp"

#include <sessionize/detail/json_text.hpp>
#include <sessionize/rules/reason.hpp>

#include <algorithm>
#include <utility>

namespace service {
namespace {

constexpr std::string_view sessions_path = "/sessions/";

void add_member(std::string& json, std::string_view name, std::string_view text) {
  json += json.empty() || json.back() == '{' ? "\"" : ",\"";
  json += name;
  json += "\":";
  sessionize::detail::append_json_string(json, text);
}

template <std::integral Number>
void add_member(std::string& json, std::string_view name, Number number) {
  json += json.empty() || json.back() == '{' ? "\"" : ",\"";
  json += name;
  json += "\":";
  json += std::to_string(number);
}

http::Answer failure(int status, std::string_view message) {
  http::Answer answer{.status = status, .body = "{"};
  add_member(answer.body, "error", message);
  answer.body += "}\n";
  return answer;
}

sessionize::json::Mapping with_id(sessionize::json::Mapping mapping,
                                  const std::optional<std::string>& id) {
  if (id) mapping.fields.insert(mapping.fields.begin(), *id);
  return mapping;
}

void add_rejections(std::string& json, const std::vector<RejectedItem>& rejected,
                    std::size_t most) {
  json += R"(,"rejections":[)";
  const std::size_t told = std::min(rejected.size(), most);
  for (std::size_t i = 0; i < told; ++i) {
    json += i == 0 ? "{" : ",{";
    add_member(json, "index", rejected[i].index);
    add_member(json, "reason", to_string(rejected[i].reason));
    add_member(json, "message", rejected[i].message);
    json += '}';
  }
  json += ']';
  if (told < rejected.size()) add_member(json, "untold", rejected.size() - told);
}

/// Lines of the Prometheus text format.
class Metrics {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP " + name_ + ' ';
    text_ += help;
    text_ += "\n# TYPE " + name_ + ' ';
    text_ += type;
    text_ += '\n';
  }
  void value(std::uint64_t number) { text_ += name_ + ' ' + std::to_string(number) + '\n'; }
  void value(std::string_view label, std::string_view its_value, std::uint64_t number) {
    text_ += name_ + '{';
    text_ += label;
    text_ += "=\"";
    text_ += its_value;
    text_ += "\"} " + std::to_string(number) + '\n';
  }
  void single(std::string_view name, std::string_view type, std::string_view help,
              std::uint64_t number) {
    family(name, type, help);
    value(number);
  }
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  std::string name_{};
  std::string text_{};
};

}  // namespace

ReaderPool::ReaderPool(const IngestOptions& options)
    : mapping_(with_id(options.mapping, options.id)),
      limits_(options.limits),
      max_events_(options.max_events),
      has_ids_(options.id.has_value()) {}

sessionize::Result<EventBatch, BadBody> ReaderPool::read(std::string_view body) {
  std::unique_ptr<EventReader> reader;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      reader = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!reader) reader = std::make_unique<EventReader>(mapping_, limits_);
  auto batch = read_events(body, *reader, max_events_, has_ids_);
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(reader));
  return batch;
}

Ingest::Ingest(IngestOptions options, SessionShards& shards)
    : options_(std::move(options)), shards_(shards), readers_(options_) {}

http::Service Ingest::service() {
  return {.turn_away = [this](const http::Request& request) { return turn_away(request); },
          .answer = [this](const http::Request& request) { return answer(request); },
          .refuse = failure,
          .answered =
              [this](int status) {
                const std::lock_guard lock(counting_);
                ++answers_[status];
              }};
}

std::optional<http::Answer> Ingest::turn_away(const http::Request& request) const {
  const bool is_events = request.path == "/events";
  if (!is_events && request.path != "/metrics" && request.path != "/healthz" &&
      !request.path.starts_with(sessions_path))
    return failure(404, "there are /events, /sessions/{user}, /metrics and /healthz");
  const bool gets = request.method == "GET" || request.method == "HEAD";
  if (is_events ? request.method != "POST" : !gets) {
    auto answer = failure(405, is_events ? "events are posted" : "this is only to be read");
    answer.headers["Allow"] = is_events ? "POST" : "GET, HEAD";
    return answer;
  }
  if (is_events && shards_.is_full()) return busy("the database does not keep up");
  return std::nullopt;
}

http::Answer Ingest::answer(const http::Request& request) {
  if (request.path == "/events") return take_events(request);
  if (request.path == "/metrics") return metrics();
  if (request.path == "/healthz") return health();
  return session(std::string_view(request.path).substr(sessions_path.size()));
}

http::Answer Ingest::take_events(const http::Request& request) {
  auto batch = readers_.read(request.body);
  if (!batch) return failure(batch.error().status, batch.error().message);
  const auto taken = shards_.take(*batch);
  auto& rejected = batch->rejected;
  std::stable_sort(rejected.begin(), rejected.end(),
                   [](const auto& a, const auto& b) { return a.index < b.index; });
  for (const auto& item : rejected) ++rejected_[static_cast<std::size_t>(item.reason)];
  if (options_.durable && taken.accepted + taken.duplicates != 0 && !shards_.wait_until_saved())
    return busy("the events are in memory, and could not be saved: they may count all the same");

  http::Answer answer{.body = "{"};
  add_member(answer.body, "accepted", taken.accepted);
  add_member(answer.body, "duplicates", taken.duplicates);
  add_member(answer.body, "rejected", rejected.size());
  if (request.asks_for("details")) add_rejections(answer.body, rejected, options_.max_details);
  answer.body += "}\n";
  return answer;
}

http::Answer Ingest::session(std::string_view user) const {
  const auto session = shards_.find(user);
  if (!session) return failure(404, "the user has no open session");
  std::string id;
  const auto row = command::row_of(*session, "open", id);
  http::Answer answer{.body = "{"};
  add_member(answer.body, "user_id", row.user_id);
  add_member(answer.body, "session_id", row.session_id);
  add_member(answer.body, "session_start", row.session_start);
  add_member(answer.body, "session_end", row.session_end);
  add_member(answer.body, "events", row.events);
  add_member(answer.body, "duration_ms", row.duration_ms);
  answer.body += "}\n";
  return answer;
}

http::Answer Ingest::metrics() {
  const auto stats = shards_.stats();
  const auto& events = stats.events;
  Metrics out;
  out.single("sessionize_events_accepted_total", "counter", "Events counted in sessions.",
             events.accepted);
  out.single("sessionize_events_duplicate_total", "counter", "Events that were counted before.",
             stats.duplicates);
  out.family("sessionize_events_rejected_total", "counter",
             "Events rejected since this process has started.");
  for (std::size_t i = 0; i < rejected_.size(); ++i)
    out.value("reason", to_string(static_cast<sessionize::RejectReason>(i)), rejected_[i]);
  out.single("sessionize_events_emitted_total", "counter", "Events in closed sessions.",
             events.events_emitted);
  out.single("sessionize_events_open", "gauge", "Events in open sessions.", events.events_open);
  out.single("sessionize_sessions_started_total", "counter", "Sessions started.",
             events.sessions_started);
  out.family("sessionize_sessions_closed_total", "counter", "Sessions closed.");
  for (std::size_t i = 0; i < sessionize::close_reason_count; ++i)
    out.value("reason", to_string(static_cast<sessionize::CloseReason>(i)),
              events.sessions_closed_by_reason[i]);
  out.single("sessionize_sessions_open", "gauge", "Open sessions.", stats.open_sessions);
  out.single("sessionize_rows_pending", "gauge", "Closed sessions not in the database yet.",
             stats.rows_pending);
  out.single("sessionize_rows_stored_total", "counter",
             "Closed sessions stored since this process has started.", stats.rows_stored);
  out.single("sessionize_saves_total", "counter", "Saves since this process has started.",
             stats.saves);
  out.single("sessionize_failed_saves_total", "counter", "Those of them that have failed.",
             stats.failed_saves);
  out.family("sessionize_http_answers_total", "counter",
             "Requests answered since this process has started.");
  {
    const std::lock_guard lock(counting_);
    for (const auto& [status, count] : answers_) out.value("code", std::to_string(status), count);
  }
  return {.body = std::move(out).text(), .type = "text/plain; version=0.0.4; charset=utf-8"};
}

http::Answer Ingest::health() const {
  if (const auto complaint = shards_.complaint(); !complaint.empty())
    return failure(503, complaint);
  return {.body = "{\"status\":\"ok\"}\n"};
}

http::Answer Ingest::busy(std::string_view why) const {
  auto answer = failure(503, why);
  answer.headers["Retry-After"] = std::to_string(options_.retry_after_s);
  return answer;
}

}  // namespace service
