#ifndef SESSIONIZE_SESSIONIZE_HPP
#define SESSIONIZE_SESSIONIZE_HPP

// Events (key, time, anything else) go in, sessions come out.
//
//   sessionizer.hpp   Sessionizer<Clock, Key>: the class that most programs use
//   options.hpp       its gap, carry horizon and bounds; record.hpp, what it answers; counters.hpp
//   decide.hpp        the whole algorithm: what one event does to the state of its key
//   rules/            when a session starts, as pure functions: a new rule goes there
//   sink.hpp          what a sink is; sinks/, where records and summaries go: a new one goes there
//   session_id.hpp    the forms of session ids
//   key.hpp           what a key may be; state/, where keys and their states are kept
//   duplicates.hpp    what keeps events that are delivered again from a Sessionizer
//   shard.hpp         which of n shards a key belongs to, for whoever splits a stream
//
// To be included as well, where they are wanted:
//
//   windows/windows.hpp         event time: SessionWindows, Reorder, SessionJoin
//   snapshot/snapshot.hpp       saving and restoring the state
//   json/json.hpp               events from JSON Lines; target sessionize::json
//   simdjson/event_reader.hpp   the same with simdjson; target sessionize::simdjson
//   parallel/parallel.hpp       one stream on several cores; target sessionize::parallel
//   testing/testing.hpp         for the tests of your own rules; target sessionize::testing

#include <sessionize/clock.hpp>
#include <sessionize/content_id.hpp>
#include <sessionize/duplicates.hpp>
#include <sessionize/rules/rules.hpp>
#include <sessionize/session_id.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/shard.hpp>
#include <sessionize/sinks/sinks.hpp>
#include <sessionize/utc.hpp>
#include <sessionize/version.hpp>

#endif
