#ifndef SESSIONIZE_SESSIONIZE_HPP
#define SESSIONIZE_SESSIONIZE_HPP

// Events (key, time, anything else) go in, sessions come out.
//
//   sessionizer.hpp   Sessionizer<Clock, Key>: the class that most programs use
//   decide.hpp        the whole algorithm: what one event does to the state of its key
//   rules/            when a session starts, as pure functions: a new rule goes there
//   sinks/            where records and summaries go: a new sink goes there
//   session_id.hpp    the forms of session ids
//   key_table.hpp     the state of each key
//   duplicates.hpp    what keeps events that are delivered again from a Sessionizer
//   shard.hpp         which of n shards a key belongs to, for whoever splits a stream
//   snapshot/         saving and restoring the state; snapshot/snapshot.hpp is to be included too
//
// Beside the core: json/json.hpp (events from JSON Lines; target sessionize::json),
// parallel/parallel.hpp (one stream on several cores; target sessionize::parallel) and
// testing/testing.hpp (for the tests of your own rules; target sessionize::testing).

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
