#include "lambda_store.hpp"

#include <sessionize/detail/json_text.hpp>
#include <sessionize/session_id.hpp>
#include <sessionize/sinks/json_lines.hpp>

#include <curl/curl.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace lambda {
namespace {

using sessionize::StoreAnswer;
using sessionize::StoreResult;

std::string time_of_day(EventClock::time_point time) {
  std::string text(8, '\0');
  sessionize::IdWriter(text).time_of_day(time);
  return text;
}

/// The UUID of an invocation, of a version whose content is the sender's own.
std::string invocation_id(std::uint64_t sender, std::uint64_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id = "00000000-0000-8000-8000-000000000000";
  const auto put = [&](std::size_t from, std::size_t to, std::uint64_t value) {
    while (to-- > from) {
      if (id[to] == '-') continue;
      id[to] = digits[value & 15U];
      value >>= 4U;
    }
  };
  put(0, 13, sender);
  put(24, id.size(), number);
  return id;
}

/// An answer on its way in.
struct Received {
  std::string* text;
  std::size_t most;
};

std::size_t receive(const char* piece, std::size_t one, std::size_t size, void* into) {
  auto& received = *static_cast<Received*>(into);
  if (size * one > received.most - received.text->size()) return 0;
  received.text->append(piece, size * one);
  return size * one;
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

struct LambdaStore::Sent {
  const SessionRow* row;
  StoreAnswer* answer;
};

SessionRow row_of(const sessionize::SummaryView<EventClock, std::string>& session) {
  namespace s = sessionize;
  SessionRow row;
  auto written = s::write_id(s::unique_id, row.record_id, session);
  row.record_id.resize(written.size());
  static_cast<void>(s::write_id(s::unique_id, row.record_id, session));
  auto line =
      s::json_lines([&](std::string_view bytes) { row.data += bytes; },
                    s::summaries(s::unique_id, s::column("session_time", [](const auto& closed) {
                                   return time_of_day(closed.start);
                                 })));
  static_cast<void>(line.emit(session));
  row.data.pop_back();  // the line end
  return row;
}

LambdaStore::LambdaStore(FunctionOptions options)
    : options_(std::move(options)), curl_(curl_easy_init()), sender_(std::random_device{}()) {}

void LambdaStore::Close::operator()(void* handle) const { curl_easy_cleanup(handle); }

std::size_t LambdaStore::size_of(const SessionRow& row) {
  return size_in_request(row.record_id, row.data);
}

std::size_t LambdaStore::room() const {
  const std::size_t envelope =
      size_of_envelope(invocation_id(sender_, invocations_), options_.application_arn);
  return options_.max_request - std::min(envelope, options_.max_request);
}

void LambdaStore::operator()(std::span<const SessionRow> batch, std::span<StoreAnswer> answers) {
  std::map<std::string_view, std::size_t> first_with;
  std::vector<Sent> request;
  std::size_t room_left = room();
  bool goes_on = true;
  const auto send = [&] {
    if (goes_on && !request.empty()) goes_on = invoke(request);
    request.clear();
    room_left = room();
  };
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const SessionRow& row = batch[i];
    const std::size_t size = size_of(row);
    if (size > room()) {
      answers[i] = {StoreResult::unstorable, "the record takes " + std::to_string(size) +
                                                 " bytes, a request has room for " +
                                                 std::to_string(room())};
    } else if (sessionize::detail::valid_utf8_prefix(row.record_id) != row.record_id.size()) {
      answers[i] = {StoreResult::unstorable, "the record's id is no UTF-8"};
    } else if (!first_with.emplace(row.record_id, i).second) {
      answers[i].message = "another record of the batch has the same id, and goes first";
    } else {
      if (size > room_left) send();
      room_left -= size;
      request.push_back({&row, &answers[i]});
    }
  }
  send();

  decltype(failures_) failures;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (answers[i].result != StoreResult::failed) continue;
    const auto before = failures_.find(batch[i].record_id);
    failures[batch[i].record_id] = 1 + (before == failures_.end() ? 0 : before->second);
  }
  failures_ = std::move(failures);
}

/// Sends one request; false where it has failed as a whole.
bool LambdaStore::invoke(std::span<const Sent> rows) {
  std::vector<OutgoingRecord> records;
  std::vector<std::string_view> ids;
  for (const auto& [row, unused] : rows) {
    const auto failures = failures_.find(row->record_id);
    records.push_back(
        {row->record_id, row->data, failures == failures_.end() ? 0 : failures->second});
    ids.push_back(row->record_id);
  }
  const auto id = invocation_id(sender_, ++invocations_);
  std::string body;
  const std::string wrong = post(write_request(id, options_.application_arn, records), body);
  if (!wrong.empty()) {
    for (const auto& sent : rows) sent.answer->message = wrong;
    return false;
  }
  Answer answer = read_answer(body, ids);
  for (const auto& stray : answer.strays) options_.stray(stray);
  bool any = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    any = any || answer.records[i].ok;
    if (answer.records[i].ok) rows[i].answer->result = StoreResult::stored;
    rows[i].answer->message = std::move(answer.records[i].message);
  }
  return any;
}

/// Returns what went wrong; nothing where `answer` has the body of an answer.
std::string LambdaStore::post(std::string_view body, std::string& answer) {
  CURL* const curl = curl_.get();
  if (curl == nullptr) return "libcurl cannot be used";
  curl_easy_reset(curl);  // its connections stay
  Received received{&answer, options_.max_answer};
  char error[CURL_ERROR_SIZE] = "";
  std::unique_ptr<curl_slist, FreeList> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"));
  std::string user, scope;
  if (const auto& signature = options_.signature) {
    user = signature->access_key + ':' + signature->secret_key;
    scope = "aws:amz:" + signature->region + ":lambda";
    if (!signature->session_token.empty())
      curl_slist_append(headers.get(),
                        ("X-Amz-Security-Token: " + signature->session_token).c_str());
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, scope.c_str());
    curl_easy_setopt(curl, CURLOPT_USERPWD, user.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_URL, options_.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));

  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_WRITE_ERROR)
    return "the answer has more than " + std::to_string(options_.max_answer) + " bytes";
  if (code != CURLE_OK)
    return "the function cannot be invoked: " +
           std::string(*error != '\0' ? error : curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  constexpr long first_success = 200, first_redirection = 300;
  if (status < first_success || status >= first_redirection)
    return "the function's address answers HTTP " + std::to_string(status) + ": " + shown(answer);
  return {};
}

}  // namespace lambda
