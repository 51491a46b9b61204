#include <sessionize/key_table.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace key_table_tests {

/// A key all of whose values have one std::hash: the worst that a caller can bring.
struct Colliding {
  int number = 0;
  bool operator==(const Colliding&) const = default;
  auto operator<=>(const Colliding&) const = default;
};
/// A key with a handful of hashes.
struct Weak {
  int number = 0;
  bool operator==(const Weak&) const = default;
  auto operator<=>(const Weak&) const = default;
};

}  // namespace key_table_tests

template <>
struct std::hash<key_table_tests::Colliding> {
  std::size_t operator()(const key_table_tests::Colliding&) const { return 42; }
};
template <>
struct std::hash<key_table_tests::Weak> {
  std::size_t operator()(const key_table_tests::Weak& key) const {
    return static_cast<std::size_t>(key.number) % 5;
  }
};

namespace key_table_tests {
namespace {

using sessionize::key_view_t;
using sessionize::KeyTable;

template <class Key>
Key make_key(int number) {
  if constexpr (std::same_as<Key, std::string>)
    return "a key of more than the small string's size: " + std::to_string(number);
  else if constexpr (std::same_as<Key, std::pair<std::string, int>>)
    return {std::to_string(number / 7), number % 7};
  else
    return Key{number};
}

/// Whether the table holds exactly what the model does.
template <class Key, class Value>
bool same(const KeyTable<Key, Value>& table, const std::map<Key, Value>& model) {
  bool same = table.size() == model.size() && table.entries().size() == model.size();
  for (const auto& [key, value] : model) {
    const auto* const entry = table.find(key_view_t<Key>(key));
    same = same && entry != nullptr && entry->key == key && entry->value == value;
    same = same && entry != nullptr && &table.entries()[table.position(*entry)] == entry;
  }
  return same;
}

/// Random calls to a table and to a std::map, compared all the way.
template <class Key>
void check_against_map(std::uint64_t seed, int keys, int steps) {
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  KeyTable<Key, int> table;
  std::map<Key, int> model;
  bool right = true;
  for (int step = 0; step < steps && right; ++step) {
    // Phases of growth and of decline, so that the table fills, empties and fills again.
    const bool grows = step / (steps / 6) % 2 == 0;
    const Key key = make_key<Key>(static_cast<int>(random() % static_cast<unsigned>(keys)));
    const key_view_t<Key> view(key);
    auto* const entry = table.find(view);
    right = right && (entry != nullptr) == (model.count(key) == 1);
    const auto choice = random() % 16;
    if (entry == nullptr && (grows || choice < 4)) {
      const auto& inserted = table.insert(view, static_cast<int>(step));
      right = right && inserted.key == key && inserted.value == step;
      model[key] = step;
    } else if (entry != nullptr && (!grows || choice < 4)) {
      const auto erased = table.erase_at(table.position(*entry));
      right = right && erased.key == key && erased.value == model[key];
      model.erase(key);
      right = right && table.find(view) == nullptr;
    } else if (entry != nullptr) {
      entry->value = model[key] = -step;
    }
    if (choice == 15) table.shrink();
    if (choice == 14 && step % 8 == 0) table.reserve(random() % 100);
    if (step % 64 == 0) right = right && same(table, model);
  }
  CHECK(right);
  CHECK(same(table, model));
}

// Holds: under random inserts, erasures, shrinks and reserves a table is a std::map, for keys of
// every kind. Would catch: an erasure that cuts a probe sequence, an index that points at the entry
// that was moved away, a rebuild that loses one.
TEST_CASE("a key table is a map under random calls") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    check_against_map<int>(seed, 10, 600);
    check_against_map<int>(seed, 500, 6'000);
    check_against_map<std::string>(seed, 200, 3'000);
    check_against_map<std::pair<std::string, int>>(seed, 200, 3'000);
  }
}

// Holds: the same where all keys share a few hashes, or one. Would catch: a probe that stops at the
// first cell of its tag, an erasure that is right for short runs alone.
TEST_CASE("a key table is a map where hashes collide") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    check_against_map<Weak>(seed, 100, 3'000);
    check_against_map<Colliding>(seed, 60, 2'000);
  }
}

// Holds: entries are in order of insertion, the last taking an erased one's place, whatever the
// seed. Would catch: an order of the hash that shows in what callers see.
TEST_CASE("the order of entries hangs on the calls alone") {
  KeyTable<int, int> one, other;
  for (auto* table : {&one, &other}) {
    for (int key = 0; key < 100; ++key) table->insert(key * 7, 0);
    table->erase_at(3);
    table->erase_at(98);
    table->insert(3'000, 0);
    table->shrink();
  }
  bool equal = one.size() == 99 && other.size() == 99;
  for (std::size_t i = 0; i < one.size() && equal; ++i)
    equal = one.entries()[i].key == other.entries()[i].key;
  CHECK(equal);
  CHECK(one.entries()[2].key == 14);
  CHECK(one.entries()[3].key == 99 * 7);
  CHECK(one.entries()[97].key == 97 * 7);
  CHECK(one.entries()[98].key == 3'000);
}

// Holds: a text is looked up by its view, without an allocation, found or not. Would catch: a
// std::string made for each look-up.
TEST_CASE("a look-up allocates nothing") {
  KeyTable<std::string, int> table;
  const std::string known = make_key<std::string>(1), unknown = make_key<std::string>(2);
  CHECK(table.find(known) == nullptr);
  table.insert(known, 5);
  const auto before = allocations::made();
  const bool found = table.find(std::string_view(known)) != nullptr &&
                     table.find(unknown) == nullptr && table.find("literal") == nullptr;
  CHECK(allocations::made() == before);
  CHECK(found);
}

// Holds: after reserve() no insert of that many keys allocates; before, insertion allocates seldom.
// Would catch: a reserve that forgets the index or the entries.
TEST_CASE("reserved room is used without an allocation") {
  for (const std::size_t keys : {1U, 5U, 6U, 100U, 1'000U, 1'280U, 1'281U}) {
    KeyTable<int, int> table;
    table.reserve(keys);
    const auto before = allocations::made();
    for (std::size_t key = 0; key < keys; ++key) table.insert(static_cast<int>(key), 0);
    CHECK(allocations::made() == before);
    CHECK(table.size() == keys);
  }
}

// Holds: shrink() gives memory back where little is in use, and leaves a table that is full enough
// alone. Would catch: memory of past peaks that is kept, a shrink that thrashes.
TEST_CASE("shrink gives unused memory back") {
  const auto before = allocations::live();
  KeyTable<int, int> table;
  for (int key = 0; key < 1'000; ++key) table.insert(key, 0);
  auto made = allocations::made();
  table.shrink();
  CHECK(allocations::made() == made);  // it is in use
  while (table.size() > 3) table.erase_at(0);
  table.shrink();
  made = allocations::made();
  for (int i = 0; i < 10; ++i) table.shrink();
  CHECK(allocations::made() == made);  // once is enough
  while (table.size() > 0) {
    const auto& entry = table.entries()[0];
    CHECK(table.find(entry.key) == &entry);
    table.erase_at(0);
  }
  table.shrink();
  CHECK(allocations::live() - before <= 2);
  table.insert(1, 1);
  CHECK(table.find(1)->value == 1);
}

// Holds: where an allocation fails in insert(), reserve() or shrink(), the table is what it was.
// Would catch: an entry without its cell, a cell without its entry.
TEST_CASE("a failed allocation leaves the table as it was") {
  KeyTable<std::string, int> table;
  std::map<std::string, int> model;
  bool right = true;
  std::uint64_t failures = 0;
  for (int number = 0; number < 100; ++number) {
    const auto key = make_key<std::string>(number);
    for (std::uint64_t k = 1;; ++k) {
      bool failed = false;
      try {
        const allocations::FailNth fail(k);
        table.insert(key, static_cast<int>(number));
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      if (!failed) break;
      ++failures;
      right = right && table.find(key) == nullptr && same(table, model);
    }
    model[key] = number;
    right = right && same(table, model);
  }
  CHECK(right);
  CHECK(failures >= 100);

  for (std::uint64_t k = 1; k <= 3; ++k) {
    try {
      const allocations::FailNth fail(k);
      table.reserve(100'000);
    } catch (const std::bad_alloc&) {
    }
    CHECK(same(table, model));
  }
  for (std::uint64_t k = 1; k <= 3; ++k) {
    try {
      const allocations::FailNth fail(k);
      table.shrink();
    } catch (const std::bad_alloc&) {
    }
    CHECK(same(table, model));
  }
}

// Holds: keys chosen to meet in one cell under one seed are found fast in a table, which has a seed
// of its own: look-ups are counted by comparisons of keys. Would catch: tables of one seed, or of
// one that can be guessed.
struct Counted {
  std::uint64_t number = 0;
  inline static std::uint64_t compared = 0;
  friend bool operator==(const Counted& a, const Counted& b) {
    ++compared;
    return a.number == b.number;
  }
  friend bool operator<(const Counted& a, const Counted& b) { return a.number < b.number; }
};

}  // namespace
}  // namespace key_table_tests

template <>
struct std::hash<key_table_tests::Counted> {
  std::size_t operator()(const key_table_tests::Counted& key) const { return key.number; }
};

namespace key_table_tests {
namespace {

TEST_CASE("keys that flood one seed's table do not flood another's") {
  // The whole home and tag of a key, for the table's largest sizes, under a seed that is known.
  const sessionize::KeyHasher known(1);
  std::vector<std::uint64_t> flood;
  for (std::uint64_t i = 0; flood.size() < 1'000; ++i)
    if ((known(i) >> 32 & 0x7ff) == 0) flood.push_back(i);
  KeyTable<Counted, int> table;
  for (const auto number : flood) table.insert(Counted{number}, 0);
  Counted::compared = 0;
  bool found = true;
  for (const auto number : flood) found = found && table.find(Counted{number}) != nullptr;
  CHECK(found);
  CHECK(Counted::compared < 2 * flood.size());

  // No two tables of one process share a seed.
  std::uint64_t seeds[3] = {sessionize::detail::fresh_seed(), sessionize::detail::fresh_seed(),
                            sessionize::detail::fresh_seed()};
  CHECK(seeds[0] != seeds[1]);
  CHECK(seeds[1] != seeds[2]);
}

// Holds: a table is copied and moved as a value. Would catch: an index that points into the other.
TEST_CASE("a key table is a value") {
  KeyTable<std::string, int> table;
  std::map<std::string, int> model;
  for (int i = 0; i < 50; ++i) {
    table.insert(make_key<std::string>(i), static_cast<int>(i));
    model[make_key<std::string>(i)] = i;
  }
  auto copy = table;
  CHECK(same(copy, model));
  copy.find(make_key<std::string>(3))->value = -1;
  CHECK(same(table, model));
  copy.erase_at(0);
  CHECK(same(table, model));
  const auto moved = std::move(table);
  CHECK(same(moved, model));
}

}  // namespace
}  // namespace key_table_tests
