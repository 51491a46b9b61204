#ifndef SESSIONIZE_TESTS_CATCH_HPP
#define SESSIONIZE_TESTS_CATCH_HPP

// Catch2 3 or 2, whichever there is.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif
