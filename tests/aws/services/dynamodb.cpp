#include <dynamodb.hpp>

#include "proxy.hpp"

#include "catch.hpp"

#include <set>
#include <string>
#include <vector>

using aws::attribute;
using aws::ErrorKind;
using aws::Item;
using namespace services;

namespace {

std::string new_table(aws::DynamoDb& dynamodb) {
  const std::string table = fresh_name("table");
  REQUIRE(dynamodb.create_table(table, "session_id"));
  REQUIRE(dynamodb.wait_until_active(table));
  return table;
}

Item item(const std::string& id, int number) {
  return {{"session_id", attribute(id)}, {"number", attribute(number)}};
}

}  // namespace

// Promise: what is put can be got, of any text; what was not put is not there; a table is created
// once. Bug: text that is changed on its way.
TEST_CASE("services: items are put and got") {
  aws::DynamoDb dynamodb;
  const std::string table = new_table(dynamodb);
  const Item odd = {{"session_id", attribute("Zo\xc3\xab \"\\\n\xf0\x9f\x98\x80")},
                    {"number", attribute(std::int64_t{-9'007'199'254'740'993})}};
  REQUIRE(dynamodb.put_item(table, odd));
  const auto found = dynamodb.get_item(table, {{"session_id", odd["session_id"]}});
  REQUIRE(found);
  CHECK(*found == odd);
  const auto nothing = dynamodb.get_item(table, {{"session_id", attribute("b")}});
  REQUIRE(nothing);
  CHECK_FALSE(*nothing);

  const auto again = dynamodb.create_table(table, "session_id");
  REQUIRE_FALSE(again);
  CHECK(again.error().type == "ResourceInUseException");
  const auto invalid = dynamodb.put_item(table, {{"number", attribute(1)}});
  REQUIRE_FALSE(invalid);
  CHECK(invalid.error().is_validation());
  CHECK(invalid.error().kind == ErrorKind::client);
}

// Promise: a condition that does not hold leaves the item as it is. Bug: a condition that is not
// sent.
TEST_CASE("services: a conditional put does not overwrite") {
  aws::DynamoDb dynamodb;
  const std::string table = new_table(dynamodb);
  const aws::Condition free{
      "attribute_not_exists(session_id) OR #n = :n", {{"#n", "number"}}, {{":n", attribute(1)}}};
  CHECK(dynamodb.put_item(table, item("a", 1), free));
  CHECK(dynamodb.put_item(table, item("a", 2), free));
  const auto refused = dynamodb.put_item(table, item("a", 3), free);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::condition_failed);
  const auto found = dynamodb.get_item(table, {{"session_id", attribute("a")}});
  REQUIRE(found);
  CHECK(*found == item("a", 2));
}

// Promise: of a batch, what was not processed comes back, and the rest is stored; a scan has all
// items once, in pages of any size. Bugs: unprocessed items lost; a scan that ends at its first
// page.
TEST_CASE("services: batches tell what was not processed, and scans have all pages") {
  aws::DynamoDb dynamodb;
  const std::string table = new_table(dynamodb);
  std::vector<Item> items;
  for (int i = 0; i < 25; ++i) items.push_back(item("id-" + std::to_string(i), i));

  next_fault("BatchWriteItem", "unprocessed");
  auto left = dynamodb.batch_write(table, items);
  REQUIRE(left);
  REQUIRE_FALSE(left->empty());
  REQUIRE(left->size() < items.size());
  for (const auto& one : *left) CHECK(std::count(items.begin(), items.end(), one) == 1);
  auto stored = dynamodb.scan(table);
  REQUIRE(stored);
  CHECK(stored->size() == items.size() - left->size());

  left = dynamodb.batch_write(table, *left);
  REQUIRE(left);
  CHECK(left->empty());
  for (const unsigned limit : {0U, 1U, 7U, 25U}) {
    CAPTURE(limit);
    stored = dynamodb.scan(table, limit);
    REQUIRE(stored);
    CHECK(std::set(stored->begin(), stored->end()) == std::set(items.begin(), items.end()));
    CHECK(stored->size() == items.size());
  }
}
