#include <sessionize/result.hpp>

#include "catch.hpp"

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace result_tests {
namespace {

using sessionize::Failure;
using sessionize::Result;

enum class Error { low, high };

constexpr Result<int, Error> half(int value) {
  if (value < 0) return Failure{Error::low};
  if (value > 100) return Failure{Error::high};
  return value / 2;
}

// Holds: a result is a value or an error, and says which, also at compile time. Would catch: the
// two exchanged.
static_assert(half(8).has_value());
static_assert(half(8));
static_assert(*half(8) == 4);
static_assert(!half(-1));
static_assert(half(-1).error() == Error::low);
static_assert(half(101).error() == Error::high);

// Holds: value_or() gives the value where there is one. Would catch: the other always.
static_assert(half(8).value_or(7) == 4);
static_assert(half(-1).value_or(7) == 7);

// Holds: a value and an error of one type are told apart. Would catch: a variant by type.
constexpr Result<int, int> same(bool good) {
  if (good) return 1;
  return Failure{2};
}
static_assert(*same(true) == 1);
static_assert(same(false).error() == 2);

// Holds: a result is no bool by accident, and a value is no error. Would catch: results that are
// added or compared as numbers.
static_assert(!std::convertible_to<Result<int, Error>, bool>);
static_assert(std::constructible_from<bool, Result<int, Error>>);
static_assert(std::convertible_to<int, Result<int, Error>>);
static_assert(std::convertible_to<Failure<Error>, Result<int, Error>>);
static_assert(!std::convertible_to<Error, Result<int, Error>>);

// Holds: a false value is a value all the same. Would catch: has_value() that asks the value.
static_assert(Result<bool, Error>(false).has_value());
static_assert(*half(0) == 0 && half(0));

// Holds: values move, are changed in place, and are reached by the arrow. Would catch: a copy of
// what cannot be copied.
TEST_CASE("a result holds any value or error") {
  Result<std::unique_ptr<int>, std::string> owner = std::make_unique<int>(5);
  REQUIRE(owner);
  CHECK(**owner == 5);
  const std::unique_ptr<int> taken = std::move(*owner);
  CHECK(*taken == 5);

  Result<std::string, int> text = std::string("abc");
  *text += "d";
  CHECK(text->size() == 4);
  const auto& seen = text;
  CHECK(*seen == "abcd");
  CHECK(seen->back() == 'd');
  text = Failure{3};
  CHECK_FALSE(text);
  CHECK(text.error() == 3);
  CHECK(text.value_or("none") == "none");

  const Result<int, std::string> error = Failure{std::string("an error")};
  CHECK(error.error() == "an error");
  const auto copy = error;
  CHECK(copy.error() == "an error");
  const Result<int, std::string> literal = Failure{"a literal"};
  CHECK(literal.error() == "a literal");
}

}  // namespace
}  // namespace result_tests
