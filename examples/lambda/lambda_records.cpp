#include "lambda_records.hpp"

#include "../aws/base64.hpp"

#include <sessionize/detail/json_text.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace lambda {
namespace {

using Json = nlohmann::json;
using sessionize::Failure;

constexpr std::string_view ok_word = "Ok";
constexpr std::string_view failed_word = "DeliveryFailed";

/// Goes through a body before it is read, and stops where that would take more memory than a body
/// of the right shape needs: a few megabytes can hold millions of values, or of nested arrays.
class Bounds final : public nlohmann::json_sax<Json> {
 public:
  explicit Bounds(std::size_t records) : values_left_(values_of(records)) {}

  [[nodiscard]] std::string complaint() && { return std::move(complaint_); }

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return opens(); }
  bool end_object() override { return closes(); }
  bool start_array(std::size_t) override { return opens(); }
  bool end_array() override { return closes(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    complaint_ = "it is no JSON at byte " + std::to_string(position);
    return false;
  }

 private:
  static constexpr std::size_t max_nesting = 64;
  /// More than a record has in any dialect of the contract, and some for what is around them, such
  /// as the stack trace of a function that has failed.
  static constexpr std::size_t values_a_record = 16;
  static constexpr std::size_t values_around = 1'000;

  static std::size_t values_of(std::size_t records) {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / (2 * values_a_record);
    return std::min(records, most) * values_a_record + values_around;
  }
  bool value() {
    if (values_left_ == 0) {
      complaint_ = "it has too many values for its records";
      return false;
    }
    --values_left_;
    return true;
  }
  bool opens() {
    if (++nesting_ <= max_nesting) return value();
    complaint_ = "it is nested more than " + std::to_string(max_nesting) + " deep";
    return false;
  }
  bool closes() {
    --nesting_;
    return true;
  }

  std::size_t values_left_;
  std::size_t nesting_ = 0;
  std::string complaint_;
};

/// The `records` of a body, which is read into `body`; or why there are none.
sessionize::Result<Json::array_t*, std::string> read_records(std::string_view text,
                                                             std::size_t max_records, Json& body) {
  Bounds bounds(max_records);
  if (!Json::sax_parse(text, &bounds)) return Failure{std::move(bounds).complaint()};
  body = Json::parse(text, nullptr, false);
  if (!body.is_object())
    return Failure{"it is " + std::string(body.type_name()) + ", and no JSON object"};
  const auto records = body.find("records");
  if (records == body.end()) {
    const auto error = body.find("errorMessage");
    if (error == body.end() || !error->is_string())
      return Failure<std::string>{"it has no \"records\""};
    constexpr std::size_t most = 256;
    return Failure{"the function failed: " +
                   sessionize::detail::sanitize_utf8(error->get_ref<std::string&>(), most)};
  }
  if (!records->is_array())
    return Failure{"its \"records\" is " + std::string(records->type_name()) + ", and no array"};
  if (records->size() > max_records)
    return Failure{"it has " + std::to_string(records->size()) + " records, the limit is " +
                   std::to_string(max_records)};
  return records->get_ptr<Json::array_t*>();
}

/// The text of a member; null where it is absent or something else.
std::string* text_of(Json& object, const char* name) {
  const auto member = object.find(name);
  return member == object.end() ? nullptr : member->get_ptr<std::string*>();
}

/// What a member is, for a complaint that it is no text.
std::string kind_of(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member == object.end() ? "absent" : member->type_name();
}

std::string place_of(std::size_t index, std::string_view id) {
  return "records[" + std::to_string(index) + "]" + (id.empty() ? "" : " " + shown(id)) + ": ";
}

/// Fills in a record; returns what is wrong with it.
std::optional<std::string> read_record(Json& from, const Limits& limits, IncomingRecord& record) {
  if (!from.is_object()) return "it is " + std::string(from.type_name()) + ", and no object";
  std::string* const id = text_of(from, "recordId");
  if (id == nullptr) return "its recordId is " + kind_of(from, "recordId") + ", and no string";
  if (id->empty()) return "its recordId is empty";
  record.id = std::move(*id);
  if (record.id.size() > limits.id)
    return "its recordId has " + std::to_string(record.id.size()) + " bytes, the limit is " +
           std::to_string(limits.id);
  const std::string* const data = text_of(from, "data");
  if (data == nullptr) return "its data is " + kind_of(from, "data") + ", and no string";
  auto decoded = aws::base64_decode(*data);
  if (!decoded) return "its data is not base64: " + shown(*data);
  record.data = std::move(*decoded);
  const auto metadata = from.find("lambdaDeliveryRecordMetadata");
  if (metadata == from.end()) return std::nullopt;
  if (!metadata->is_object())
    return "its lambdaDeliveryRecordMetadata is " + std::string(metadata->type_name()) +
           ", and no object";
  const auto hint = metadata->find("retryHint");
  if (hint == metadata->end()) return std::nullopt;
  if (!hint->is_number_unsigned())
    return "its retryHint is no whole number from 0 on, but " + std::string(hint->type_name());
  record.retry_hint = hint->get<std::uint64_t>();
  return std::nullopt;
}

}  // namespace

std::string shown(std::string_view text) {
  constexpr std::size_t most = 64;
  std::string out;
  sessionize::detail::append_json_string(out, sessionize::detail::sanitize_utf8(text, most));
  return out;
}

sessionize::Result<Request, std::string> read_request(std::string_view body, Limits limits) {
  Json json;
  const auto records = read_records(body, limits.records, json);
  if (!records) return Failure{"the body is no request: " + records.error()};

  Request request;
  if (auto* const id = text_of(json, "invocationId")) request.invocation_id = std::move(*id);
  if (auto* const arn = text_of(json, "applicationArn")) request.application_arn = std::move(*arn);
  request.records.resize((*records)->size());
  std::map<std::string_view, std::size_t> first_with;
  for (std::size_t i = 0; i < request.records.size(); ++i) {
    auto& record = request.records[i];
    if (const auto wrong = read_record((**records)[i], limits, record))
      record.complaint = place_of(i, record.id) + *wrong;
    if (record.id.empty()) continue;
    const auto [other, is_first] = first_with.emplace(record.id, i);
    if (is_first) continue;
    record.complaint = place_of(i, record.id) + "records[" + std::to_string(other->second) +
                       "] has the same recordId";
    auto& first = request.records[other->second].complaint;
    if (first.empty())
      first = place_of(other->second, record.id) + "records[" + std::to_string(i) +
              "] has the same recordId";
  }
  return request;
}

std::string write_answer(std::span<const RecordAnswer> records) {
  std::string body = R"({"records":[)";
  bool first = true;
  for (const auto& record : records) {
    if (record.id.empty()) continue;
    body += std::exchange(first, false) ? R"({"recordId":)" : R"(,{"recordId":)";
    sessionize::detail::append_json_string(body, record.id);
    body += R"(,"result":")";
    body += record.ok ? ok_word : failed_word;
    body += "\"}";
  }
  body += "]}";
  return body;
}

std::string write_request(std::string_view invocation_id, std::string_view application_arn,
                          std::span<const OutgoingRecord> records) {
  std::string body = R"({"invocationId":)";
  sessionize::detail::append_json_string(body, invocation_id);
  body += R"(,"applicationArn":)";
  sessionize::detail::append_json_string(body, application_arn);
  body += R"(,"records":[)";
  for (const auto& record : records) {
    if (&record != records.data()) body += ',';
    body += R"({"recordId":)";
    sessionize::detail::append_json_string(body, record.id);
    body += R"(,"data":")";
    body += aws::base64_encode(record.data);
    body += R"(","lambdaDeliveryRecordMetadata":{"retryHint":)";
    body += std::to_string(record.retry_hint);
    body += "}}";
  }
  body += "]}";
  return body;
}

std::size_t size_in_request(std::string_view id, std::string_view data) {
  const OutgoingRecord empty{id, {}, std::numeric_limits<std::uint64_t>::max()};
  const std::size_t base64 = data.size() / 3 * 4 + (data.size() % 3 == 0 ? 0 : 4);
  // The comma in front of it takes a byte as well.
  return write_request({}, {}, {&empty, 1}).size() - size_of_envelope({}, {}) + base64 + 1;
}

std::size_t size_of_envelope(std::string_view invocation_id, std::string_view application_arn) {
  return write_request(invocation_id, application_arn, {}).size();
}

Answer read_answer(std::string_view body, std::span<const std::string_view> ids) {
  Answer answer;
  std::map<std::string_view, RecordAnswer*> wanted;
  answer.records.reserve(ids.size());
  for (const auto id : ids) {
    answer.records.push_back({std::string(id), false, {}});
    wanted.emplace(id, &answer.records.back());
  }

  Json json;
  // As many strays as records are read, so that they can be told.
  const auto records = read_records(body, 2 * ids.size() + 1, json);
  if (!records) {
    for (auto& record : answer.records)
      record.message = "the body is no answer: " + records.error();
    return answer;
  }

  std::map<std::string_view, std::size_t> answered_by;
  for (std::size_t i = 0; i < (*records)->size(); ++i) {
    Json& entry = (**records)[i];
    const std::string* const id = entry.is_object() ? text_of(entry, "recordId") : nullptr;
    if (id == nullptr) {
      answer.strays.push_back(place_of(i, {}) + "it has no recordId that is a string");
      continue;
    }
    const auto found = wanted.find(*id);
    if (found == wanted.end()) {
      answer.strays.push_back(place_of(i, *id) + "nobody has asked about this recordId");
      continue;
    }
    RecordAnswer& record = *found->second;
    const auto [other, is_first] = answered_by.emplace(found->first, i);
    const std::string* const result = text_of(entry, "result");
    record.ok = is_first && result != nullptr && *result == ok_word;
    if (!is_first)
      record.message = place_of(i, *id) + "records[" + std::to_string(other->second) +
                       "] answers the same recordId";
    else if (result == nullptr)
      record.message =
          place_of(i, *id) + "its result is " + kind_of(entry, "result") + ", and no string";
    else if (*result == failed_word)
      record.message = place_of(i, *id) + "the function says DeliveryFailed";
    else if (!record.ok)
      record.message = place_of(i, *id) + "its result is " + shown(*result) +
                       ", which is neither Ok nor DeliveryFailed";
  }
  for (auto& record : answer.records)
    if (!record.ok && record.message.empty())
      record.message = "the function has not answered recordId " + shown(record.id);
  return answer;
}

}  // namespace lambda
