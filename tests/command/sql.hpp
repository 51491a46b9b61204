#ifndef SESSIONIZE_TESTS_COMMAND_SQL_HPP
#define SESSIONIZE_TESTS_COMMAND_SQL_HPP

#include "../catch.hpp"

#include <sqlite3.h>

#include <string>
#include <vector>

namespace command_test {

/// Runs SQL in a database; returns the rows, each as one text.
inline std::vector<std::string> sql(const std::string& database, const std::string& text) {
  sqlite3* connection = nullptr;
  std::vector<std::string> rows;
  char* error = nullptr;
  sqlite3_open(database.c_str(), &connection);
  const auto take = [](void* into, int count, char** values, char**) {
    std::string row;
    for (int i = 0; i < count; ++i) row += (i == 0 ? "" : " ") + std::string(values[i]);
    static_cast<std::vector<std::string>*>(into)->push_back(row);
    return 0;
  };
  const int code = sqlite3_exec(connection, text.c_str(), take, &rows, &error);
  const std::string message = error == nullptr ? "" : error;
  sqlite3_free(error);
  sqlite3_close(connection);
  if (code != SQLITE_OK) FAIL(text << ": " << message);
  return rows;
}

}  // namespace command_test

#endif
