#include "dynamodb.hpp"

#include <utility>

namespace aws {
namespace {

constexpr Service dynamodb{"dynamodb", "DynamoDB_20120810", "application/x-amz-json-1.0"};

Done done(const Json&) { return {}; }

}  // namespace

DynamoDb::DynamoDb(ClientOptions options) : client_(dynamodb, std::move(options)) {}

Result<Done> DynamoDb::create_table(const std::string& table, const std::string& key) {
  const Json request = {
      {"TableName", table},
      {"BillingMode", "PAY_PER_REQUEST"},
      {"AttributeDefinitions", Json::array({{{"AttributeName", key}, {"AttributeType", "S"}}})},
      {"KeySchema", Json::array({{{"AttributeName", key}, {"KeyType", "HASH"}}})}};
  return read_answer(client_.call("CreateTable", request), done);
}

Result<Done> DynamoDb::wait_until_active(const std::string& table,
                                         std::chrono::milliseconds patience) {
  return client_.wait_until(
      [&] {
        return read_answer(
            client_.call("DescribeTable", {{"TableName", table}}),
            [](const Json& answer) { return answer.at("Table").at("TableStatus") == "ACTIVE"; });
      },
      patience);
}

Result<Done> DynamoDb::put_item(const std::string& table, const Item& item,
                                const Condition& condition) {
  Json request = {{"TableName", table}, {"Item", item}};
  if (!condition.expression.empty()) request["ConditionExpression"] = condition.expression;
  if (!condition.names.empty()) request["ExpressionAttributeNames"] = condition.names;
  if (!condition.values.empty()) request["ExpressionAttributeValues"] = condition.values;
  return read_answer(client_.call("PutItem", request), done);
}

Result<std::vector<Item>> DynamoDb::batch_write(const std::string& table,
                                                std::span<const Item> items) {
  Json puts = Json::array();
  for (const auto& item : items) puts.push_back({{"PutRequest", {{"Item", item}}}});
  const Json request = {{"RequestItems", {{table, std::move(puts)}}}};
  return read_answer(client_.call("BatchWriteItem", request), [&](const Json& answer) {
    std::vector<Item> unprocessed;
    const auto tables = answer.find("UnprocessedItems");
    if (tables == answer.end() || tables->is_null() || !tables->contains(table)) return unprocessed;
    for (const auto& put : tables->at(table))
      unprocessed.push_back(put.at("PutRequest").at("Item"));
    return unprocessed;
  });
}

Result<std::optional<Item>> DynamoDb::get_item(const std::string& table, const Item& key) {
  const Json request = {{"TableName", table}, {"Key", key}, {"ConsistentRead", true}};
  return read_answer(client_.call("GetItem", request),
                     [](const Json& answer) -> std::optional<Item> {
                       const auto item = answer.find("Item");
                       if (item == answer.end()) return std::nullopt;
                       return *item;
                     });
}

Result<Page> DynamoDb::scan_page(const std::string& table, const Json& from, unsigned limit) {
  Json request = {{"TableName", table}, {"ConsistentRead", true}};
  if (!from.is_null()) request["ExclusiveStartKey"] = from;
  if (limit != 0) request["Limit"] = limit;
  return read_answer(client_.call("Scan", request), [](const Json& answer) {
    Page page;
    for (const auto& item : answer.at("Items")) page.items.push_back(item);
    page.next = answer.value("LastEvaluatedKey", Json());
    return page;
  });
}

Result<std::vector<Item>> DynamoDb::scan(const std::string& table, unsigned limit) {
  std::vector<Item> items;
  for (Json from;;) {
    auto page = scan_page(table, from, limit);
    if (!page) return sessionize::Failure{page.error()};
    for (auto& item : page->items) items.push_back(std::move(item));
    if (page->next.is_null()) return items;
    from = std::move(page->next);
  }
}

}  // namespace aws
