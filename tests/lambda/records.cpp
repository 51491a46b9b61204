#include "../../examples/lambda/lambda_records.hpp"

#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

// The contract of the Lambda destination, as pure functions.

namespace lambda_records_test {
namespace {

using lambda::IncomingRecord;
using lambda::Limits;
using lambda::read_answer;
using lambda::read_request;
using Json = nlohmann::ordered_json;
using Ids = std::vector<std::string_view>;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string request(const std::string& records) {
  return R"({"invocationId":"i","applicationArn":"a","records":[)" + records + "]}";
}
const std::string good = R"({"recordId":"good","data":"aGk="})";

// Promise: a request of the vendor's shape gives its records, decoded, in order. Catches: data that
// is passed on undecoded, a hint that is not read.
TEST_CASE("a request is read", "[lambda]") {
  const auto read = read_request(R"({
    "invocationId": "00540a87-5050-496a-84e4-e7d92bbaf5e2",
    "applicationArn": "arn:aws:kinesisanalytics:us-east-1:12345678911:application/lambda-test",
    "records": [
      {"recordId": "49572672223665514422805246926656954630972486059535892482",
       "data": "aGVsbG8gd29ybGQ=", "lambdaDeliveryRecordMetadata": {"retryHint": 0}},
      {"recordId": "\u00e4", "data": "", "lambdaDeliveryRecordMetadata": {"retryHint": 7}},
      {"data": "aGk=", "recordId": "no metadata"}]})");
  REQUIRE(read);
  CHECK(read->invocation_id == "00540a87-5050-496a-84e4-e7d92bbaf5e2");
  CHECK(read->application_arn ==
        "arn:aws:kinesisanalytics:us-east-1:12345678911:application/lambda-test");
  REQUIRE(read->records.size() == 3);
  for (const auto& record : read->records) CHECK(record.complaint.empty());
  CHECK(read->records[0].id == "49572672223665514422805246926656954630972486059535892482");
  CHECK(read->records[0].data == "hello world");
  CHECK(read->records[1].id == "ä");
  CHECK(read->records[1].data.empty());
  CHECK(read->records[1].retry_hint == 7);
  CHECK(read->records[2].data == "hi");
}

struct BadRecord {
  const char* record;
  std::string_view id;  // as it is to be answered; empty where it cannot be
  const char* message;  // a part of it
};
const BadRecord bad_records[] = {
    {"17", "", "it is number, and no object"},
    {"null", "", "it is null"},
    {"[]", "", "it is array"},
    {"{}", "", "its recordId is absent, and no string"},
    {R"({"data":"aGk="})", "", "its recordId is absent"},
    {R"({"recordId":5,"data":"aGk="})", "", "its recordId is number"},
    {R"({"recordId":null,"data":"aGk="})", "", "its recordId is null"},
    {R"({"recordId":"","data":"aGk="})", "", "its recordId is empty"},
    {R"({"recordId":"x"})", "x", "\"x\": its data is absent, and no string"},
    {R"({"recordId":"x","data":null})", "x", "its data is null"},
    {R"({"recordId":"x","data":{"a":[]}})", "x", "its data is object"},
    {R"({"recordId":"x","data":"aGk"})", "x", "its data is not base64: \"aGk\""},
    {R"({"recordId":"x","data":"a-k="})", "x", "not base64"},
    {R"({"recordId":"x","data":"aGk=\n"})", "x", "not base64"},
    {R"({"recordId":"x","data":"aGl="})", "x", "not base64"},
    {R"({"recordId":"x","data":"===="})", "x", "not base64"},
    {R"({"recordId":"x","data":"aGk=","data":7})", "x", "its data is number"},
    {R"({"recordId":"x","data":"aGk=","lambdaDeliveryRecordMetadata":[]})", "x",
     "its lambdaDeliveryRecordMetadata is array, and no object"},
    {R"({"recordId":"x","data":"aGk=","lambdaDeliveryRecordMetadata":{"retryHint":"1"}})", "x",
     "its retryHint is no whole number from 0 on, but string"},
    {R"({"recordId":"x","data":"aGk=","lambdaDeliveryRecordMetadata":{"retryHint":-1}})", "x",
     "its retryHint"},
    {R"({"recordId":"x","data":"aGk=","lambdaDeliveryRecordMetadata":{"retryHint":1.5}})", "x",
     "its retryHint"},
    {R"({"recordId":"x","data":"aGk=","lambdaDeliveryRecordMetadata":{"retryHint":1e3}})", "x",
     "its retryHint"},
    {R"({"recordId":"x\u0000y\n","data":1})", std::string_view("x\0y\n", 4),
     R"(records[1] "x\u0000y\n": its data)"},
};

// Promise: a record that is none fails alone, with what is wrong and where; those around it do not.
// Catches: one bad record that fails a batch, which is then sent again for ever; an exception.
TEST_CASE("a bad record fails alone", "[lambda]") {
  for (const auto& bad : bad_records) {
    CAPTURE(bad.record);
    const auto read =
        read_request(request(good + ',' + bad.record + R"(,{"recordId":"last","data":"aGk="})"));
    REQUIRE(read);
    REQUIRE(read->records.size() == 3);
    CHECK(read->records[0].complaint.empty());
    CHECK(read->records[2].complaint.empty());
    const auto& record = read->records[1];
    CHECK(record.id == bad.id);
    CAPTURE(record.complaint);
    CHECK(record.complaint.starts_with("records[1]"));
    CHECK(contains(record.complaint, bad.message));
  }
}

// Promise: an id that is there more than once fails each of its records, and no other. Catches: the
// Ok of one that is taken as the other's, which is then lost.
TEST_CASE("records that share an id fail", "[lambda]") {
  const std::string twin = R"({"recordId":"twin","data":"aGk="})";
  const auto read = read_request(request(twin + ',' + good + ',' + twin + ',' + twin));
  REQUIRE(read);
  REQUIRE(read->records.size() == 4);
  CHECK(read->records[0].complaint == R"(records[0] "twin": records[2] has the same recordId)");
  CHECK(read->records[1].complaint.empty());
  CHECK(read->records[2].complaint == R"(records[2] "twin": records[0] has the same recordId)");
  CHECK(read->records[3].complaint == R"(records[3] "twin": records[0] has the same recordId)");
}

// Promise: a body fails as a whole where it has no array of records, and says what it is. Catches:
// a crash, or an answer of no records to it, which would leave the caller to guess.
TEST_CASE("a body that is no request", "[lambda]") {
  const struct {
    std::string body;
    const char* message;
  } bodies[] = {
      {"", "no JSON"},
      {"hello", "no JSON"},
      {R"({"records":[)", "no JSON"},
      {R"({"records":[]} x)", "no JSON"},
      {"{\"records\":[{\"recordId\":\"\xff\"}]}", "no JSON"},
      {"null", "it is null, and no JSON object"},
      {"[]", "it is array"},
      {R"("records")", "it is string"},
      {"{}", "it has no \"records\""},
      {R"({"Records":[]})", "it has no \"records\""},
      {R"({"records":null})", "its \"records\" is null, and no array"},
      {R"({"records":{"recordId":"x"}})", "its \"records\" is object"},
      {R"({"records":[],"records":1})", "its \"records\" is number"},
  };
  for (const auto& [body, message] : bodies) {
    CAPTURE(body);
    const auto read = read_request(body);
    REQUIRE_FALSE(read);
    CHECK(read.error().starts_with("the body is no request: "));
    CAPTURE(read.error());
    CHECK(contains(read.error(), message));
  }
  CHECK(read_request(R"({"records":[]})"));
  CHECK(read_request(R"({"records":[],"invocationId":7,"applicationArn":{}})"));
}

// Promise: a body within its size that would take a hundred times as much memory is refused before
// it does; what is within the limits is not. Catches: a reader that builds what it then refuses.
TEST_CASE("a body that is large where it looks small", "[lambda]") {
  const auto repeated = [](std::string_view text, std::size_t times) {
    std::string all;
    for (; times != 0; --times) all += text;
    return all;
  };
  const auto refused = [](const std::string& body, const char* message, Limits limits = {}) {
    const auto read = read_request(body, limits);
    REQUIRE_FALSE(read);
    CHECK(contains(read.error(), message));
  };
  constexpr std::size_t many = 1'000'000;
  refused(repeated("[", many), "nested more than 64 deep");
  refused(R"({"records":)" + repeated("[", many) + repeated("]", many) + "}", "64 deep");
  refused(request(repeated("{},", many) + "{}"), "too many values");
  refused(request(good + "," + good), "it has 2 records, the limit is 1", {.records = 1});

  std::string records = good;
  for (std::size_t i = 1; i < Limits{}.records; ++i)
    records += R"(,{"recordId":")" + std::to_string(i) +
               R"(","data":"aGk=","lambdaDeliveryRecordMetadata":{"retryHint":1}})";
  CHECK(read_request(request(records)));

  const std::string id(Limits{}.id, 'x');
  const auto read = read_request(
      request(R"({"recordId":")" + id + R"(","data":""},{"recordId":")" + id + R"(x","data":""})"));
  REQUIRE(read);
  CHECK(read->records[0].complaint.empty());
  CHECK(contains(read->records[1].complaint, "its recordId has 1025 bytes, the limit is 1024"));
  CHECK(read->records[1].complaint.size() < 200);
}

// Promise: an answer is the vendor's, byte for byte. Catches: a third word, a record that nobody
// can tell from another.
TEST_CASE("an answer is written", "[lambda]") {
  CHECK(lambda::write_answer({}) == R"({"records":[]})");
  const std::vector<lambda::RecordAnswer> records = {
      {"a", true, {}}, {"", true, {}}, {"\"\n", false, "why"}};
  CHECK(lambda::write_answer(records) == R"({"records":[{"recordId":"a","result":"Ok"},)"
                                         R"({"recordId":"\"\n","result":"DeliveryFailed"}]})");
}

// Promise: a request is the vendor's, byte for byte, and as large as was said of its records.
// Catches: a batch that is cut by a size that is not the request's, and refused as too large.
TEST_CASE("a request is written", "[lambda]") {
  const std::vector<lambda::OutgoingRecord> records = {
      {"a", "hello world", 0}, {"\"\x01", std::string_view("\0\xff", 2), UINT64_MAX}};
  const auto body = lambda::write_request("i", "a\\b", records);
  CHECK(
      body ==
      R"({"invocationId":"i","applicationArn":"a\\b","records":[)"
      R"({"recordId":"a","data":"aGVsbG8gd29ybGQ=","lambdaDeliveryRecordMetadata":{"retryHint":0}},)"
      R"({"recordId":"\"\u0001","data":"AP8=",)"
      R"("lambdaDeliveryRecordMetadata":{"retryHint":18446744073709551615}}]})");
  std::size_t most = lambda::size_of_envelope("i", "a\\b");
  for (const auto& record : records) most += lambda::size_in_request(record.id, record.data);
  // One comma that is not there, and the hint of one digit that might have 20.
  CHECK(body.size() + 1 + 19 == most);

  const auto read = read_request(body);
  REQUIRE(read);
  REQUIRE(read->records.size() == 2);
  CHECK(read->records[1].id == "\"\x01");
  CHECK(read->records[1].data == std::string_view("\0\xff", 2));
  CHECK(read->records[1].retry_hint == UINT64_MAX);
}

// Promise: a record is Ok where the answer says so once, in the order in which it was asked about;
// anything else fails it alone, with a message. Catches: a record counted as safe for want of an
// answer, and lost; an answer that is taken by its place.
TEST_CASE("an answer is read", "[lambda]") {
  const Ids ids{"a", "b"};
  const struct {
    const char* records;
    bool a_is_ok;
    const char* message;  // of a, or the stray
  } answers[] = {
      {R"({"recordId":"b","result":"Ok"},{"recordId":"a","result":"Ok"})", true, ""},
      {R"({"recordId":"a","result":"Ok","note":[{}]},{"recordId":"b","result":"Ok"})", true, ""},
      {R"({"recordId":"b","result":"Ok"})", false, "has not answered recordId \"a\""},
      {R"({"recordId":"a","result":"DeliveryFailed"},{"recordId":"b","result":"Ok"})", false,
       "records[0] \"a\": the function says DeliveryFailed"},
      {R"({"recordId":"a","result":"ok"},{"recordId":"b","result":"Ok"})", false,
       "its result is \"ok\", which is neither Ok nor DeliveryFailed"},
      {R"({"recordId":"a","result":"Dropped"},{"recordId":"b","result":"Ok"})", false, "Dropped"},
      {R"({"recordId":"a","result":true},{"recordId":"b","result":"Ok"})", false,
       "its result is boolean, and no string"},
      {R"({"recordId":"a"},{"recordId":"b","result":"Ok"})", false, "its result is absent"},
      {R"({"recordId":"b","result":"Ok"},{"recordId":"a","result":"Ok"},)"
       R"({"recordId":"a","result":"Ok"})",
       false, "records[2] \"a\": records[1] answers the same recordId"},
      {R"({"recordId":"a","result":"DeliveryFailed"},{"recordId":"a","result":"Ok"},)"
       R"({"recordId":"b","result":"Ok"})",
       false, "records[0] answers the same recordId"},
      {R"({"recordId":"A","result":"Ok"},{"recordId":"b","result":"Ok"})", false, "not answered"},
  };
  for (const auto& [records, a_is_ok, message] : answers) {
    CAPTURE(records);
    const auto answer = read_answer(request(records), ids);
    REQUIRE(answer.records.size() == 2);
    CHECK(answer.records[0].id == "a");
    CHECK(answer.records[0].ok == a_is_ok);
    CAPTURE(answer.records[0].message);
    CHECK(contains(answer.records[0].message, message));
    CHECK(answer.records[0].message.empty() == a_is_ok);
    CHECK(answer.records[1].id == "b");
    CHECK(answer.records[1].ok);
    CHECK(answer.records[1].message.empty());
  }
}

// Promise: what is in an answer about nothing that was asked is told, and changes no record.
// Catches: an unknown id that is taken for the one that is missing, an end at the first odd entry.
TEST_CASE("strays of an answer", "[lambda]") {
  const Ids ids{"a", "b"};
  const auto answer = read_answer(R"({"records":[{"recordId":"c","result":"Ok"},7,{"result":"Ok"},)"
                                  R"({"recordId":"a","result":"Ok"}]})",
                                  ids);
  CHECK(answer.strays ==
        std::vector<std::string>{"records[0] \"c\": nobody has asked about this recordId",
                                 "records[1]: it has no recordId that is a string",
                                 "records[2]: it has no recordId that is a string"});
  CHECK(answer.records[0].ok);
  CHECK_FALSE(answer.records[1].ok);
}

// Promise: where there is no answer, all records have failed, and say so; a function's own error is
// quoted. Catches: a half-read answer, an error message that is taken for one.
TEST_CASE("a body that is no answer", "[lambda]") {
  const Ids ids{"a", "b"};
  std::string flood = R"({"recordId":"a","result":"Ok"},{"recordId":"b","result":"Ok"})";
  for (int i = 0; i < 100'000; ++i) flood += ",{}";
  std::string trace = "0";
  for (int i = 0; i < 500; ++i) trace += ",\"at line 1\"";
  const struct {
    std::string body;
    const char* message;
  } bodies[] = {
      {"", "no JSON"},
      {"<html>", "no JSON"},
      {"null", "it is null"},
      {"{}", "it has no \"records\""},
      {R"({"records":"Ok"})", "its \"records\" is string"},
      {R"({"records":[{"recordId":"a","result":"Ok"})", "no JSON"},
      {request(flood), "too many values"},
      {R"({"errorMessage":"KeyError: 'records'","errorType":"KeyError","stackTrace":[)" + trace +
           "]}",
       "the function failed: KeyError: 'records'"},
  };
  for (const auto& [body, message] : bodies) {
    CAPTURE(body.substr(0, 200));
    const auto answer = read_answer(body, ids);
    REQUIRE(answer.records.size() == 2);
    for (const auto& record : answer.records) {
      CHECK_FALSE(record.ok);
      CAPTURE(record.message);
      CHECK(record.message.starts_with("the body is no answer: "));
      CHECK(contains(record.message, message));
    }
  }
}

}  // namespace
}  // namespace lambda_records_test
