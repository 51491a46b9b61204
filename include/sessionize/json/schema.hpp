#ifndef SESSIONIZE_JSON_SCHEMA_HPP
#define SESSIONIZE_JSON_SCHEMA_HPP

#include <sessionize/json/mapping.hpp>
#include <sessionize/json/time_format.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace json {

/// A member as a column of an SQL stream.
struct Column {
  std::string name;      ///< fit for SQL: COL_ before names that are odd or reserved
  std::string mapping;   ///< the member's path: "$.user_id"
  std::string sql_type;  ///< VARCHAR(n), INTEGER, BIGINT, DOUBLE, BOOLEAN or TIMESTAMP
  std::string reason;    ///< why this type, in a sentence
};

/// The member that seems to play a role.
struct Guess {
  std::optional<std::string> member;    ///< null where none does
  std::string reason;                   ///< why, in a sentence
  std::vector<std::string> candidates;  ///< all that were considered, the likeliest first
};

/// What sample lines seem to hold.
struct Schema {
  std::vector<Column> columns;  ///< in the order in which the sample has them
  Guess key, time, device;
  std::optional<TimeFormat> time_format;  ///< null where the times are plausible in no format
  std::string time_format_reason;
  std::uint64_t lines = 0;            ///< how many lines were looked at
  std::uint64_t rejected = 0;         ///< of these, how many are no JSON object
  std::uint64_t omitted_members = 0;  ///< how often a member was met beyond the limits of a sample

  /// A mapping for EventReader: what was guessed, and the defaults where nothing was.
  [[nodiscard]] Mapping mapping() const {
    Mapping mapping;
    if (key.member) mapping.key = {*key.member};
    if (time.member) mapping.time = *time.member;
    if (device.member) mapping.device = *device.member;
    if (time_format) mapping.time_format = *time_format;
    return mapping;
  }

  /// The schema as pretty-printed JSON: InputSchema in the form in which Kinesis Data Analytics
  /// gives and takes it, and Guess with the roles and all reasons.
  [[nodiscard]] std::string to_json() const {
    using Json = nlohmann::ordered_json;
    Json sql_columns = Json::array();
    Json reasons = Json::object();
    for (const auto& column : columns) {
      sql_columns.push_back(
          {{"Name", column.name}, {"Mapping", column.mapping}, {"SqlType", column.sql_type}});
      reasons[column.name] = column.reason;
    }
    const auto role = [](const Guess& guess) {
      return Json{{"Member", guess.member ? Json(*guess.member) : Json()},
                  {"Reason", guess.reason},
                  {"Candidates", guess.candidates}};
    };
    const Json mapping_parameters = {{"JSONMappingParameters", {{"RecordRowPath", "$"}}}};
    const Json schema = {
        {"InputSchema",
         {{"RecordFormat",
           {{"RecordFormatType", "JSON"}, {"MappingParameters", mapping_parameters}}},
          {"RecordEncoding", "UTF-8"},
          {"RecordColumns", sql_columns}}},
        {"Guess",
         {{"Key", role(key)},
          {"Time", role(time)},
          {"TimeUnit",
           {{"Unit", time_format ? Json(std::string(json::to_string(*time_format))) : Json()},
            {"Reason", time_format_reason}}},
          {"Device", role(device)},
          {"Columns", reasons},
          {"Lines", lines},
          {"RejectedLines", rejected},
          {"OmittedMembers", omitted_members}}}};
    return schema.dump(2, ' ', false, Json::error_handler_t::replace);
  }
};

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
