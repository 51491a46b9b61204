#include "record_processor.hpp"

#include <base64.hpp>
#include <session_row.hpp>

#include <sessionize/snapshot/snapshot.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace kcl {
namespace {

namespace s = sessionize;
using aws::Json;
using std::chrono::minutes;

constexpr std::string_view suffix = ".state";

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

/// The name of a shard's state at a position.
std::string name_of(const std::string& shard, const Position& at) {
  const std::string where = at.at_end ? "end" : at.sequence + "." + std::to_string(at.sub);
  return shard + "." + where + std::string(suffix);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}
std::string without_zeros(std::string_view number) {
  const auto first = number.find_first_not_of('0');
  return first == std::string_view::npos ? "0" : std::string(number.substr(first));
}

/// The position that a name of this shard's has; nothing where it has none.
std::optional<Position> position_of(const std::string& shard, std::string_view name) {
  name.remove_prefix(shard.size() + 1);
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  if (name == "end") return Position{{}, 0, true};
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || name.size() - dot > 19) return std::nullopt;
  const auto sequence = name.substr(0, dot), sub = name.substr(dot + 1);
  if (!is_number(sequence) || !is_number(sub)) return std::nullopt;
  return Position{without_zeros(sequence), std::stoull(std::string(sub)), false};
}

/// What a message has to have.
const Json& member(const Json& message, const char* name) {
  const auto found = message.find(name);
  if (found == message.end())
    throw ProtocolError(std::string("a message of the daemon has no ") + name);
  return *found;
}
std::string text(const Json& message, const char* name) {
  const Json& value = member(message, name);
  if (!value.is_string()) throw ProtocolError(std::string(name) + " is no text");
  return value.get<std::string>();
}
/// 0 where it is null or absent.
std::int64_t number(const Json& message, const char* name) {
  const auto found = message.find(name);
  if (found == message.end() || found->is_null()) return 0;
  if (!found->is_number_integer() || found->get<std::int64_t>() < 0)
    throw ProtocolError(std::string(name) + " is no number");
  return found->get<std::int64_t>();
}
Position position(const Json& message) {
  const auto sequence = text(message, "sequenceNumber");
  if (sequence == "SHARD_END") return {{}, 0, true};
  if (!is_number(sequence)) throw ProtocolError("'" + sequence + "' is no sequence number");
  return {without_zeros(sequence), static_cast<std::uint64_t>(number(message, "subSequenceNumber")),
          false};
}

std::string status(std::string_view action) {
  return Json{{"action", "status"}, {"responseFor", action}}.dump();
}

/// Where the sessionizer's answers go.
struct RowSink {
  std::vector<aws::SessionRow>& rows;
  void operator()(const s::SummaryView<EventClock, std::string>& session) {
    rows.push_back(kinesis::row_of(session));
  }
};

bool is_sentinel(const std::string& sequence) {
  return sequence == "TRIM_HORIZON" || sequence == "LATEST" || sequence == "AT_TIMESTAMP";
}

}  // namespace

std::strong_ordering operator<=>(const Position& a, const Position& b) {
  using std::strong_ordering;
  if (a.at_end != b.at_end) return a.at_end ? strong_ordering::greater : strong_ordering::less;
  if (const auto order = a.sequence.size() <=> b.sequence.size(); std::is_neq(order)) return order;
  if (const int order = a.sequence.compare(b.sequence); order != 0) return order <=> 0;
  return a.sub <=> b.sub;
}

RecordProcessor::RecordProcessor(ProcessorOptions options, Surroundings surroundings)
    : options_(std::move(options)),
      surroundings_(std::move(surroundings)),
      reader_(options_.mapping),
      sessions_(options_.session) {}

std::string RecordProcessor::take(std::string_view line) {
  const Json message = Json::parse(line, nullptr, false);
  if (!message.is_object())
    throw ProtocolError("a line of the daemon is no JSON object: " +
                        std::string(line.substr(0, 200)));
  const auto action = text(message, "action");
  if ((action == "checkpoint") == waiting_.empty())
    throw ProtocolError("the daemon sends " + action + " where " +
                        (waiting_.empty() ? "nothing was asked" : "a checkpoint was asked for"));
  if (action == "checkpoint") return checkpointed(message);
  if ((action == "initialize") != shard_.empty())
    throw ProtocolError("the daemon sends " + action + (shard_.empty() ? " first" : " twice"));
  if (action == "initialize") return initialize(message);
  if (action == "processRecords") return process(message);
  if (action == "leaseLost") {
    // What was not checkpointed is the next owner's to find out.
    lost_ = true;
    return status(action);
  }
  if (action == "shardEnded") {
    position_ = Position{{}, 0, true};
    return checkpoint_or_answer(action);
  }
  if (action == "shutdownRequested") return checkpoint_or_answer(action);
  throw ProtocolError("the daemon sends " + action + ", which this program does not know");
}

std::string RecordProcessor::initialize(const Json& request) {
  shard_ = text(request, "shardId");
  if (shard_.empty() || shard_.find_first_of("/.") != std::string::npos)
    throw ProtocolError("'" + shard_ + "' is no shard");
  checkpoint_time_ = options_.now();
  if (is_sentinel(text(request, "sequenceNumber"))) {
    inherit();
  } else {
    const auto at = position(request);
    const auto bytes = surroundings_.states.get(name_of(shard_, at));
    if (!bytes)
      fail("the checkpoint of " + shard_ + " is at " + name_of(shard_, at) +
           ", and there is no such state: is it of another folder or program?");
    restore(shard_, at, *bytes);
    position_ = checkpointed_ = at;
  }
  return status("initialize");
}

void RecordProcessor::inherit() {
  const auto shards = surroundings_.list_shards();
  if (!shards) fail("the shards of " + options_.stream + ": " + shards.error().text());
  const auto own = std::find_if(shards->begin(), shards->end(),
                                [&](const aws::Shard& each) { return each.id == shard_; });
  if (own == shards->end()) fail("the stream " + options_.stream + " has no shard " + shard_);
  set_range(own->first_hash_key, own->last_hash_key);
  for (const auto& parent : own->parents) {
    const Position end{{}, 0, true};
    if (const auto bytes = surroundings_.states.get(name_of(parent, end))) {
      RecordProcessor its(options_, surroundings_);
      its.restore(parent, end, *bytes);
      static_cast<void>(sessions_.take_over(
          its.sessions_, [&](std::string_view user) { return range_.contains(user); }));
      idle_closed_at_ = std::max(idle_closed_at_, its.idle_closed_at_);
    } else if (!surroundings_.states.names(parent + ".").empty()) {
      fail("the state of the end of " + parent + " is not there, and " + shard_ +
           " begins with it");
    }
  }
}

void RecordProcessor::set_range(const std::string& first, const std::string& last) {
  const auto first_key = parse_hash_key(first), last_key = parse_hash_key(last);
  if (!first_key || !last_key) fail("the hash keys of " + shard_ + " are no numbers");
  range_ = {*first_key, *last_key};
  first_hash_key_ = first;
  last_hash_key_ = last;
}

void RecordProcessor::restore(const std::string& shard, const Position& at,
                              std::string_view bytes) {
  const auto note = s::restore(sessions_, bytes);
  if (!note) fail("cannot go on from " + name_of(shard, at) + ": " + note.error().message);
  const auto saved = Json::parse(*note, nullptr, false);
  if (!saved.is_object() || saved.value("stream", "") != options_.stream ||
      saved.value("name", "") != name_of(shard, at))
    fail("cannot go on from " + name_of(shard, at) + ": it is of another stream or program");
  set_range(saved.value("first_hash_key", ""), saved.value("last_hash_key", ""));
  counters_.malformed = saved.value("malformed", std::uint64_t{0});
  idle_closed_at_ = saved.value("idle_closed_at", std::int64_t{0});
}

std::string RecordProcessor::process(const Json& request) {
  const Json& records = member(request, "records");
  if (!records.is_array()) throw ProtocolError("records is no list");
  for (const Json& record : records) {
    if (!record.is_object()) throw ProtocolError("a record is no object");
    const Json& coded = member(record, "data");
    auto data = coded.is_null() ? std::string() : aws::base64_decode(text(record, "data"));
    if (!data) throw ProtocolError("the data of a record is not base64");
    take({.sequence_number = text(record, "sequenceNumber"),
          .partition_key = text(record, "partitionKey"),
          .data = std::move(*data),
          .arrival = aws::ArrivalTime(
              std::chrono::milliseconds(number(record, "approximateArrivalTimestamp")))},
         position(record));
  }
  const bool is_due = since_checkpoint_ >= options_.checkpoint_records ||
                      options_.now() >= checkpoint_time_ + options_.checkpoint_every;
  return is_due ? checkpoint_or_answer("processRecords") : status("processRecords");
}

void RecordProcessor::take(aws::KinesisRecord record, Position at) {
  ++counters_.records;
  if (position_ && at <= *position_) {
    ++counters_.replayed;
    return;
  }
  position_ = std::move(at);
  ++since_checkpoint_;
  close_idle(record.arrival);
  const auto event = reader_.read(record.data);
  const auto reject = [&](std::string_view reason, std::string_view message) {
    ++counters_.malformed;
    surroundings_.dead_letter(shard_, record, reason, message);
  };
  if (!event) return reject(to_string(event.error().reason), event.error().message);
  // Where its shard is split, a session goes to the part that its user's records go to.
  if (event->key != record.partition_key || !range_.contains(event->key))
    return reject("partition_key",
                  "the record is not partitioned by the event's key: put it under that, and "
                  "without a hash key of its own");
  const std::span<const s::json::Event<EventClock>> one(&*event, 1);
  using Event = s::json::Event<EventClock>;
  static_cast<void>(sessions_.process(one, s::by(&Event::key, &Event::time), RowSink{rows_}));
}

void RecordProcessor::close_idle(aws::ArrivalTime arrival) {
  const auto minute = std::chrono::floor<minutes>(arrival.time_since_epoch());
  if (!options_.close_idle || minute.count() <= idle_closed_at_) return;
  idle_closed_at_ = minute.count();
  const EventClock::time_point now(std::chrono::milliseconds(minute) - *options_.close_idle +
                                   options_.session.gap);
  static_cast<void>(sessions_.expire(now, RowSink{rows_}));
}

std::string RecordProcessor::checkpoint_or_answer(std::string_view action) {
  if (lost_ || !position_ || (position_ == checkpointed_ && !position_->at_end))
    return status(action);
  // In this order: what a position follows from is stored before the position is anybody's.
  surroundings_.store_rows(rows_);
  counters_.rows += rows_.size();
  rows_.clear();
  save();
  waiting_ = action;
  const Json sequence = position_->at_end ? Json() : Json(position_->sequence);
  const Json sub = position_->at_end ? Json() : Json(position_->sub);
  return Json{{"action", "checkpoint"}, {"sequenceNumber", sequence}, {"subSequenceNumber", sub}}
      .dump();
}

void RecordProcessor::save() {
  const auto name = name_of(shard_, *position_);
  const auto note = Json{{"stream", options_.stream},         {"name", name},
                         {"first_hash_key", first_hash_key_}, {"last_hash_key", last_hash_key_},
                         {"malformed", counters_.malformed},  {"idle_closed_at", idle_closed_at_}}
                        .dump();
  std::string bytes;
  const auto saved = s::save(
      sessions_, [&](std::string_view more) { bytes += more; }, note);
  if (!saved) fail(saved.error().message);
  surroundings_.states.put(name, bytes);
}

std::string RecordProcessor::checkpointed(const Json& reply) {
  const auto action = std::exchange(waiting_, {});
  const auto found = reply.find("error");
  const auto error =
      found == reply.end() || found->is_null() ? std::string() : text(reply, "error");
  checkpoint_time_ = options_.now();
  if (error.empty()) {
    ++counters_.checkpoints;
    attempts_ = 0;
    since_checkpoint_ = 0;
    checkpointed_ = position_;
    forget_older();
    return status(action);
  }
  ++counters_.failed_checkpoints;
  if (error == "ShutdownException") {
    lost_ = true;
  } else if (error != "ThrottlingException" && error != "KinesisClientLibDependencyException") {
    fail("the checkpoint of " + name_of(shard_, *position_) + " was refused: " + error);
  } else if (action != "processRecords") {
    // There is no next occasion.
    if (++attempts_ >= options_.checkpoint_attempts)
      fail("the checkpoint of " + name_of(shard_, *position_) + " was refused: " + error);
    options_.sleep(std::chrono::seconds(1));
    return checkpoint_or_answer(action);
  }
  return status(action);
}

void RecordProcessor::forget_older() {
  // Never a later one: it may be another's, who is ahead.
  for (const auto& name : surroundings_.states.names(shard_ + "."))
    if (const auto at = position_of(shard_, name); at && *at < *checkpointed_)
      surroundings_.states.remove(name);
}

}  // namespace kcl
