#ifndef SESSIONIZE_JSON_SQL_NAME_HPP
#define SESSIONIZE_JSON_SQL_NAME_HPP

#include <sessionize/detail/json_text.hpp>

#include <algorithm>
#include <string>
#include <string_view>

// Names of members, as SQL and people compare and spell them.

namespace sessionize {
inline namespace v0 {
namespace json::detail {

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline std::string lower(std::string_view text) {
  std::string out;
  for (const char c : text) out += lower(c);
  return out;
}
inline bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
inline bool is_name_character(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; }

/// A name's letters and digits in lower case, so that userId, user_id and User-ID are one.
inline std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (is_name_character(c) && c != '_') out += lower(c);
  return out;
}

inline bool is_reserved(std::string_view name) {
  // What SQL-92 and SQL:2003 reserve and a clickstream might use as a name.
  static constexpr std::string_view words =
      " all and any array as at authorization begin between bigint binary blob boolean both by "
      "call case cast char character check clob close collate column commit condition connect "
      "constraint count create cross cube current current_date current_time current_timestamp "
      "current_user cursor cycle date day deallocate dec decimal declare default delete describe "
      "deterministic disconnect distinct double drop dynamic each element else end escape every "
      "except exec execute exists external false fetch filter first float for foreign free from "
      "full function get global grant group grouping having hold hour identity in indicator inner "
      "inout insert int integer intersect interval into is join language large last lateral "
      "leading left like local localtime localtimestamp match max member merge method min minute "
      "mod module month multiset national natural new no none not null numeric of offset old on "
      "only open or order out outer over overlaps parameter partition position power precision "
      "prepare primary procedure range rank reads real ref reference references referencing "
      "release result return returns revoke right rollback rollup row row_number rows rowtime "
      "savepoint scope scroll search second select sensitive session_user set similar size "
      "smallint some specific sql start static stream sum symmetric system system_user table then "
      "time timestamp timezone_hour timezone_minute tinyint to trailing translation treat trigger "
      "true uescape union unique unknown unnest update upper usage user using value values varchar "
      "varying view when whenever where width window with within without year ";
  return words.find(' ' + lower(name) + ' ') != std::string_view::npos;
}

inline bool is_plain_name(std::string_view name) {
  return !name.empty() && (is_letter(name.front()) || name.front() == '_') &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

inline std::string sql_name(std::string_view name) {
  if (is_plain_name(name) && !is_reserved(name)) return std::string(name);
  std::string out = "COL_";
  for (const char c : name) out += is_name_character(c) ? c : '_';
  return out;
}

inline std::string json_path(std::string_view name) {
  if (is_plain_name(name)) return "$." + std::string(name);
  std::string out = "$['";
  for (const char c : name) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "']";
}

}  // namespace json::detail
}  // namespace v0
}  // namespace sessionize

#endif
