#ifndef SESSIONIZE_JSON_JSON_HPP
#define SESSIONIZE_JSON_JSON_HPP

// Events from JSON, one object a line; target sessionize::json.
//
//   event_reader.hpp   EventReader: a line becomes an event, or a Rejection that says why not
//   lines.hpp          read_lines(): from a stream to events; LineReader for bytes in pieces
//   mapping.hpp        which members are the key, the time and the device
//   time_format.hpp    how times are spelled, and how to tell from samples
//   discovery.hpp      Discovery: the schema and the mapping of data that nobody has described
//   value.hpp          Kind and Value, what a member may be: readers have all kinds
//   members.hpp        read_members(): any top-level members of a line
//   shortcut.hpp       what a shortcut is, a quick way to read the lines that are as most are
//   plain_objects.hpp  the shortcut that readers take

#include <sessionize/json/discovery.hpp>
#include <sessionize/json/event_reader.hpp>
#include <sessionize/json/lines.hpp>
#include <sessionize/json/mapping.hpp>
#include <sessionize/json/members.hpp>
#include <sessionize/json/plain_objects.hpp>
#include <sessionize/json/shortcut.hpp>
#include <sessionize/json/time_format.hpp>
#include <sessionize/json/value.hpp>

#endif
