#ifndef SESSIONIZE_TESTING_TESTING_HPP
#define SESSIONIZE_TESTING_TESTING_HPP

// For the tests of programs that use the library, with any test framework.

#include <sessionize/testing/click_generator.hpp>
#include <sessionize/testing/manual_clock.hpp>
#include <sessionize/testing/reference.hpp>
#include <sessionize/testing/sinks.hpp>
#include <sessionize/testing/timeline.hpp>

#endif
