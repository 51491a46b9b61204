#ifndef SESSIONIZE_SINKS_SINKS_HPP
#define SESSIONIZE_SINKS_SINKS_HPP

// Where records, summaries and rejections go: small values that compose. What a sink is stands in
// sink.hpp; any callable is one.

#include <sessionize/sinks/collect.hpp>
#include <sessionize/sinks/csv.hpp>
#include <sessionize/sinks/delivery_queue.hpp>
#include <sessionize/sinks/filter.hpp>
#include <sessionize/sinks/json_lines.hpp>
#include <sessionize/sinks/kind.hpp>
#include <sessionize/sinks/layout.hpp>
#include <sessionize/sinks/retry.hpp>
#include <sessionize/sinks/tee.hpp>
#include <sessionize/sinks/transform.hpp>

#endif
