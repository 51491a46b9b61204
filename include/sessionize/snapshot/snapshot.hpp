#ifndef SESSIONIZE_SNAPSHOT_SNAPSHOT_HPP
#define SESSIONIZE_SNAPSHOT_SNAPSHOT_HPP

// Saving the state of an object and going on from it: save(), restore(), and the same with files.

#include <sessionize/snapshot/aggregates.hpp>
#include <sessionize/snapshot/description.hpp>
#include <sessionize/snapshot/duplicates.hpp>
#include <sessionize/snapshot/error.hpp>
#include <sessionize/snapshot/file.hpp>
#include <sessionize/snapshot/reader.hpp>
#include <sessionize/snapshot/reorder.hpp>
#include <sessionize/snapshot/save.hpp>
#include <sessionize/snapshot/session_windows.hpp>
#include <sessionize/snapshot/sessionizer.hpp>
#include <sessionize/snapshot/several.hpp>
#include <sessionize/snapshot/traits.hpp>
#include <sessionize/snapshot/writer.hpp>

#endif
