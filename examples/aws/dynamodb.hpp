#ifndef SESSIONIZE_AWS_DYNAMODB_HPP
#define SESSIONIZE_AWS_DYNAMODB_HPP

#include "client.hpp"

#include <chrono>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aws {

/// An item of a table: an object of attributes, each {"S": text} or {"N": digits}.
using Item = Json;
[[nodiscard]] inline Json attribute(std::string_view text) { return {{"S", text}}; }
[[nodiscard]] Json attribute(std::integral auto number) { return {{"N", std::to_string(number)}}; }

/// What has to hold of the item that is there before another takes its place.
struct Condition {
  std::string expression{};      ///< empty: nothing
  Json names = Json::object();   ///< "#name" -> "name"
  Json values = Json::object();  ///< ":value" -> attribute
};

/// Some items of a table, and where to go on; null at the end.
struct Page {
  std::vector<Item> items;
  Json next;
};

/// DynamoDB: a call is a request, but where it says otherwise.
class DynamoDb {
 public:
  explicit DynamoDb(ClientOptions options = {});

  /// A table with one key, a text, paid for by the request. ResourceInUseException: it is there.
  [[nodiscard]] Result<Done> create_table(const std::string& table, const std::string& key);
  /// Asks until the table is ACTIVE, ten times a second.
  [[nodiscard]] Result<Done> wait_until_active(
      const std::string& table, std::chrono::milliseconds patience = std::chrono::minutes(1));

  /// Puts an item in the place of the one with its key; condition_failed where there is one that
  /// the condition does not allow to go.
  [[nodiscard]] Result<Done> put_item(const std::string& table, const Item& item,
                                      const Condition& condition = {});
  /// Puts 25 items at most, no two with one key. Returns those that were not put, and may be again.
  [[nodiscard]] Result<std::vector<Item>> batch_write(const std::string& table,
                                                      std::span<const Item> items);
  /// The item as it is now (consistent read); nothing where there is none.
  [[nodiscard]] Result<std::optional<Item>> get_item(const std::string& table, const Item& key);
  /// Items in the table's own order, from the beginning (`from` null) or where a page says; `limit`
  /// at most (0: 1 MB).
  [[nodiscard]] Result<Page> scan_page(const std::string& table, const Json& from = nullptr,
                                       unsigned limit = 0);
  /// All items, by as many requests as there are pages.
  [[nodiscard]] Result<std::vector<Item>> scan(const std::string& table, unsigned limit = 0);

 private:
  Client client_;
};

}  // namespace aws

#endif
