#include "session_store.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace aws {
namespace {

using sessionize::StoreAnswer;
using sessionize::StoreResult;

constexpr std::array<const char*, 8> attributes = {"session_id",    "session_time", "user_id",
                                                   "session_start", "session_end",  "duration_ms",
                                                   "events",        "reason"};
/// The most that BatchWriteItem takes.
constexpr std::size_t most_items = 25;
constexpr int most_silences = 2;

/// That the id is free, or has exactly this item.
Condition free_or_same(const Item& item) {
  Condition condition;
  std::string same;
  for (const std::string name : attributes) {
    condition.names["#" + name] = name;
    if (!same.empty()) same += " AND ";
    if (item.contains(name)) {
      condition.values[":" + name] = item[name];
      same.append("#").append(name).append(" = :").append(name);
    } else {
      same.append("attribute_not_exists(#").append(name).append(")");
    }
  }
  condition.expression = "attribute_not_exists(#session_id) OR (" + same + ")";
  return condition;
}

}  // namespace

Item to_item(const SessionRow& row) {
  Item item = {{"session_id", attribute(row.session_id)},
               {"session_time", attribute(row.session_time)},
               {"user_id", attribute(row.user_id)},
               {"session_start", attribute(row.session_start)}};
  if (row.session_end) item["session_end"] = attribute(*row.session_end);
  if (row.duration_ms) item["duration_ms"] = attribute(*row.duration_ms);
  if (row.events) item["events"] = attribute(*row.events);
  if (row.reason) item["reason"] = attribute(*row.reason);
  return item;
}

Result<Done> create_session_table(DynamoDb& dynamodb, const std::string& table) {
  auto created = dynamodb.create_table(table, "session_id");
  if (!created && created.error().type != "ResourceInUseException") return created;
  return dynamodb.wait_until_active(table);
}

/// One call of the store: rows and answers, and which ids are not to be tried any more.
class SessionStore::Batch {
 public:
  Batch(SessionStore& store, std::span<const SessionRow> rows, std::span<StoreAnswer> answers)
      : store_(store), rows_(rows), answers_(answers) {}

  void put_each() {
    for (std::size_t at = 0; at < rows_.size() && silences_ < most_silences; ++at)
      if (!failed_.contains(rows_[at].session_id)) put(at);
  }

  void put_many() {
    std::vector<std::size_t> call;
    std::set<std::string_view> ids;
    const auto send = [&] {
      if (!call.empty() && silences_ < most_silences) put_together(call);
      call.clear();
      ids.clear();
    };
    for (std::size_t at = 0; at < rows_.size(); ++at) {
      const std::string_view id = rows_[at].session_id;
      if (call.size() == most_items || ids.contains(id)) send();
      if (failed_.contains(id)) continue;
      call.push_back(at);
      ids.insert(id);
    }
    send();
  }

 private:
  void put(std::size_t at) {
    const Item item = to_item(rows_[at]);
    const bool may_overwrite = store_.ids_ == SessionIds::unique;
    const auto put = store_.dynamodb_->put_item(store_.table_, item,
                                                may_overwrite ? Condition{} : free_or_same(item));
    if (put)
      stored(at);
    else if (put.error().kind == ErrorKind::condition_failed)
      answers_[at] = {StoreResult::unstorable,
                      "another session is stored as " + rows_[at].session_id};
    else if (put.error().is_validation())
      answers_[at] = {StoreResult::unstorable, put.error().text()};
    else
      failed(at, put.error().text());
    note(put ? nullptr : &put.error());
  }

  void put_together(const std::vector<std::size_t>& call) {
    std::vector<Item> items;
    items.reserve(call.size());
    for (const std::size_t at : call) items.push_back(to_item(rows_[at]));
    const auto unprocessed = store_.dynamodb_->batch_write(store_.table_, items);
    if (!unprocessed && unprocessed.error().is_validation()) {
      // Of one item; which, shows when each goes by itself.
      for (const std::size_t at : call)
        if (silences_ < most_silences) put(at);
      return;
    }
    note(unprocessed ? nullptr : &unprocessed.error());
    if (!unprocessed) {
      for (const std::size_t at : call) failed(at, unprocessed.error().text());
      return;
    }
    std::size_t found = 0;
    for (const std::size_t at : call) {
      const auto is_this = [&](const Item& item) {
        return item.is_object() && item.contains("session_id") &&
               item["session_id"] == attribute(rows_[at].session_id);
      };
      if (std::none_of(unprocessed->begin(), unprocessed->end(), is_this)) continue;
      failed(at, "unprocessed");
      ++found;
    }
    // With what cannot be told apart, nothing is safe.
    if (found != unprocessed->size()) return;
    for (const std::size_t at : call)
      if (!failed_.contains(rows_[at].session_id)) stored(at);
  }

  void stored(std::size_t at) { answers_[at].result = StoreResult::stored; }
  void failed(std::size_t at, std::string message) {
    answers_[at] = {StoreResult::failed, std::move(message)};
    failed_.insert(rows_[at].session_id);
  }
  void note(const Error* error) {
    silences_ = error != nullptr && error->status == 0 && error->may_pass() ? silences_ + 1 : 0;
  }

  SessionStore& store_;
  std::span<const SessionRow> rows_;
  std::span<StoreAnswer> answers_;
  std::set<std::string_view> failed_;
  int silences_ = 0;
};

SessionStore::SessionStore(DynamoDb& dynamodb, std::string table, SessionIds ids)
    : dynamodb_(&dynamodb), table_(std::move(table)), ids_(ids) {}

void SessionStore::operator()(std::span<const SessionRow> batch, std::span<StoreAnswer> answers) {
  Batch call(*this, batch, answers);
  if (ids_ == SessionIds::unique)
    call.put_many();
  else
    call.put_each();
}

}  // namespace aws
