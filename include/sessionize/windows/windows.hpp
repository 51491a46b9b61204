#ifndef SESSIONIZE_WINDOWS_WINDOWS_HPP
#define SESSIONIZE_WINDOWS_WINDOWS_HPP

#include <sessionize/windows/aggregates.hpp>
#include <sessionize/windows/join.hpp>
#include <sessionize/windows/options.hpp>
#include <sessionize/windows/reorder.hpp>
#include <sessionize/windows/session_result.hpp>
#include <sessionize/windows/session_windows.hpp>

#endif
