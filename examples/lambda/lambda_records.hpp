#ifndef SESSIONIZE_LAMBDA_LAMBDA_RECORDS_HPP
#define SESSIONIZE_LAMBDA_LAMBDA_RECORDS_HPP

#include <sessionize/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a stream's Lambda destination and its function say to each other, as pure functions:
//
//   request  {"invocationId": "...", "applicationArn": "...", "records": [{"recordId": "...",
//            "data": base64, "lambdaDeliveryRecordMetadata": {"retryHint": 0}}, ...]}
//   answer   {"records": [{"recordId": "...", "result": "Ok" | "DeliveryFailed"}, ...]}
//
// The records of an invocation stand or fall each for itself: what is wrong with one is said of
// that one. Only what is no request, or no answer, at all fails them together.

namespace lambda {

/// How large a request may be, in bytes: the vendor takes 6 MB, whichever way they are counted.
inline constexpr std::size_t max_payload = 6'000'000;

/// What is taken of one request or answer. A body beyond it is refused as a whole, by a reader that
/// then has allocated nothing for it.
struct Limits {
  std::size_t records = 10'000;
  std::size_t id = 1'024;  ///< bytes in a recordId; a longer one fails its record alone
};

/// A record as the function gets it.
struct IncomingRecord {
  std::string id{};    ///< empty where it has none: it then cannot be answered, which is a failure
  std::string data{};  ///< decoded
  std::uint64_t retry_hint = 0;
  std::string complaint{};  ///< what is wrong with it, and where; empty where it can be used
};

struct Request {
  std::string invocation_id{};  ///< empty where it is absent or no text: nothing hangs on it
  std::string application_arn{};
  std::vector<IncomingRecord> records{};  ///< in their order
};

/// Reads a request, or says why it is none. All records that share an id have a complaint, for
/// nobody could tell which of them an answer is about. Of a repeated member the last counts, and
/// unknown ones are skipped. n log n in the body.
[[nodiscard]] sessionize::Result<Request, std::string> read_request(std::string_view body,
                                                                    Limits limits = {});

/// An untrusted text as a person reads it: quoted, escaped, its first 64 bytes.
[[nodiscard]] std::string shown(std::string_view text);

/// What is said of one record.
struct RecordAnswer {
  std::string id{};
  bool ok = false;
  std::string message{};  ///< why not; the contract has no place for it, logs do
};

/// The body of an answer. A record without an id is left out.
[[nodiscard]] std::string write_answer(std::span<const RecordAnswer> records);

/// A record on its way to a function. Both texts are looked at while the request is written.
struct OutgoingRecord {
  std::string_view id{};  ///< UTF-8
  std::string_view data{};
  std::uint64_t retry_hint = 0;
};

/// The body of a request.
[[nodiscard]] std::string write_request(std::string_view invocation_id,
                                        std::string_view application_arn,
                                        std::span<const OutgoingRecord> records);

/// How many bytes a record takes in a request, at most; whatever its retry hint.
[[nodiscard]] std::size_t size_in_request(std::string_view id, std::string_view data);
/// How many bytes a request takes without its records, at most.
[[nodiscard]] std::size_t size_of_envelope(std::string_view invocation_id,
                                           std::string_view application_arn);

struct Answer {
  std::vector<RecordAnswer> records{};  ///< one for each id that was asked about, in their order
  /// What else is in the answer: ids that nobody asked about, entries that are none.
  std::vector<std::string> strays{};
};

/// Reads the answer to a request with these ids, which are different. A record is Ok where the
/// answer says so exactly once and nothing else of it; what is not answered, or answered twice, or
/// by another word, has failed. So have all where the body is no answer, as where the function has
/// failed itself ({"errorMessage": ..., "errorType": ...}). n log n in body and ids.
[[nodiscard]] Answer read_answer(std::string_view body, std::span<const std::string_view> ids);

}  // namespace lambda

#endif
