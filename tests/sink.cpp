#include <sessionize/sink.hpp>

#include "catch.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sink_tests {
namespace {

using sessionize::deliver;
using sessionize::Delivery;
using sessionize::end_stream;
using sessionize::takes;

struct Callable {
  int sum = 0;
  void operator()(int value) { sum += value; }
};
struct Emitter {
  int sum = 0;
  void emit(int value) { sum += value; }
};
struct Refuser {
  Delivery operator()(const int& value) const {
    return value > 9 ? Delivery::refused : Delivery::ok;
  }
};
struct Both {
  int emitted = 0, called = 0;
  void emit(const int&) { ++emitted; }
  void operator()(const int&) { ++called; }
};
struct Texts {
  void operator()(const std::string&) {}
};
struct ReturnsBool {
  bool operator()(const int&) { return true; }
};
struct ReturnsInt {
  int emit(const int&) { return 0; }
};
struct NotConst {
  void operator()(int&) {}
};
struct Several {
  int ints = 0, texts = 0;
  void operator()(const int&) { ++ints; }
  Delivery emit(const std::string&) {
    ++texts;
    return Delivery::refused;
  }
};
void function(const int&) {}

// Holds: a sink is called with the value, or has emit(value), and returns void or a Delivery. Would
// catch: a sink that returns something else taken for one, a value that is handed out to be
// changed.
static_assert(takes<Callable, int>);
static_assert(takes<Emitter, int>);
static_assert(takes<Refuser, int>);
static_assert(takes<const Refuser, int>);
static_assert(takes<Both, int>);
static_assert(takes<void(const int&), int>);
static_assert(takes<void (*)(const int&), int>);
static_assert(takes<std::reference_wrapper<Callable>, int>);
static_assert(takes<std::function<void(int)>, int>);
static_assert(takes<Texts, std::string>);
static_assert(takes<Several, int> && takes<Several, std::string>);
static_assert(!takes<Texts, int>);
static_assert(!takes<const Callable, int>);
static_assert(!takes<ReturnsBool, int>);
static_assert(!takes<ReturnsInt, int>);
static_assert(!takes<NotConst, int>);
static_assert(!takes<int, int>);

// Holds: all of it works in constant expressions. Would catch: a sink that must be a run-time one.
constexpr int sum_of(auto sink, auto... values) {
  (static_cast<void>(deliver(sink, values)), ...);
  return sink.sum;
}
struct ConstantSum {
  int sum = 0;
  constexpr void operator()(int value) { sum += value; }
};
static_assert(sum_of(ConstantSum{}, 1, 2, 3) == 6);
struct ConstantRefuser {
  constexpr Delivery operator()(int) const { return Delivery::refused; }
  constexpr Delivery flush() const { return Delivery::refused; }
};
constexpr ConstantRefuser constant_refuser;
static_assert(deliver(constant_refuser, 1) == Delivery::refused);
static_assert(end_stream(constant_refuser) == Delivery::refused);

// Holds: what returns nothing has the value; what returns a Delivery says so. Would catch: void
// taken for a refusal, an answer that is lost.
TEST_CASE("a delivery is what the sink answers, ok where it answers nothing") {
  Callable callable;
  CHECK(deliver(callable, 3) == Delivery::ok);
  CHECK(deliver(callable, 4) == Delivery::ok);
  CHECK(callable.sum == 7);
  Emitter emitter;
  CHECK(deliver(emitter, 5) == Delivery::ok);
  CHECK(emitter.sum == 5);
  const Refuser refuser;
  CHECK(deliver(refuser, 9) == Delivery::ok);
  CHECK(deliver(refuser, 10) == Delivery::refused);
}

// Holds: a sink with both spellings is told once, by emit(); one that has a spelling for each kind
// gets each by its own. Would catch: a value that is given twice.
TEST_CASE("emit is preferred to a call and each value is given once") {
  Both both;
  CHECK(deliver(both, 1) == Delivery::ok);
  CHECK(both.emitted == 1);
  CHECK(both.called == 0);
  Several several;
  CHECK(deliver(several, 1) == Delivery::ok);
  CHECK(deliver(several, std::string("a")) == Delivery::refused);
  CHECK(several.ints == 1);
  CHECK(several.texts == 1);
}

// Holds: const sinks, functions, pointers, references and closures are sinks. Would catch: a sink
// that must be a class, or a copy of it that gets the values.
TEST_CASE("any callable is a sink and it is never copied") {
  CHECK(deliver(function, 1) == Delivery::ok);
  auto* pointer = &function;
  CHECK(deliver(pointer, 1) == Delivery::ok);
  Callable target;
  auto reference = std::ref(target);
  CHECK(deliver(reference, 2) == Delivery::ok);
  CHECK(target.sum == 2);
  std::vector<int> seen;
  const auto closure = [&](const int& value) { seen.push_back(value); };
  CHECK(deliver(closure, 3) == Delivery::ok);
  CHECK(seen == std::vector<int>{3});
  auto counting = [n = 0](int) mutable { return ++n < 2 ? Delivery::ok : Delivery::refused; };
  CHECK(deliver(counting, 1) == Delivery::ok);
  CHECK(deliver(counting, 1) == Delivery::refused);
  struct Unique {
    std::unique_ptr<int> sum = std::make_unique<int>(0);
    void operator()(int value) { *sum += value; }
  } unique;
  CHECK(deliver(unique, 6) == Delivery::ok);
  CHECK(*unique.sum == 6);
}

// Holds: the value is given by const reference, uncopied. Would catch: a copy for each sink.
TEST_CASE("a value is given as it is") {
  const std::string value = "a value";
  const std::string* seen = nullptr;
  const auto sink = [&](const std::string& given) { seen = &given; };
  CHECK(deliver(sink, value) == Delivery::ok);
  CHECK(seen == &value);
}

// Holds: the end of the stream is flush() where a sink has it, void or Delivery; others are at the
// end without it. Would catch: a flush() that is forgotten, or whose refusal is.
TEST_CASE("the end of the stream is told to sinks that have flush") {
  struct Flushes {
    int flushes = 0;
    void operator()(int) {}
    void flush() { ++flushes; }
  } flushes;
  CHECK(end_stream(flushes) == Delivery::ok);
  CHECK(flushes.flushes == 1);
  struct FlushRefuses {
    void operator()(int) const {}
    Delivery flush() const { return Delivery::refused; }
  };
  const FlushRefuses refuses;
  CHECK(end_stream(refuses) == Delivery::refused);
  Callable without;
  CHECK(end_stream(without) == Delivery::ok);
  CHECK(end_stream(function) == Delivery::ok);
}

}  // namespace
}  // namespace sink_tests
