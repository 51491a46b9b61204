#include "click_intake.hpp"

#include "summary_row.hpp"

#include <sessionize/snapshot/duplicates.hpp>
#include <sessionize/snapshot/save.hpp>
#include <sessionize/snapshot/sessionizer.hpp>
#include <sessionize/snapshot/several.hpp>

#include <tuple>
#include <utility>

namespace lambda {
namespace {

constexpr std::string_view state_name = "lambda";

}  // namespace

ClickIntake::ClickIntake(IntakeOptions options)
    : options_(std::move(options)),
      reader_(options_.mapping),
      sessions_(options_.session),
      seen_(options_.duplicates) {}

std::optional<std::string> ClickIntake::open() {
  if (auto wrong = lock_.take(options_.database)) return wrong;
  return restart();
}

std::optional<std::string> ClickIntake::restart() {
  table_.emplace(options_.database);
  auto both = std::tie(seen_, sessions_);
  const auto state = table_->state(state_name);
  std::optional<std::string> wrong;
  if (!table_->commit()) {
    wrong = table_->complaint();
  } else if (!state) {
    sessions_ = Sessions(options_.session);
    seen_ = Seen(options_.duplicates);
  } else if (const auto restored = sessionize::restore(both, *state); !restored) {
    wrong = "cannot go on from the state in " + options_.database + ": " + restored.error().message;
  }
  if (wrong) table_.reset();
  return wrong;
}

std::vector<RecordAnswer> ClickIntake::take(const Request& request) {
  ++counts_.invocations;
  std::optional<std::string> wrong = table_ ? std::nullopt : restart();
  std::vector<RecordAnswer> answers;
  answers.reserve(request.records.size());
  if (!wrong) {
    touched_.clear();
    static_cast<void>(table_->begin());
    for (const auto& record : request.records) answers.push_back(take_record(record));
    if (!save()) {
      wrong = table_->complaint();
      table_.reset();
      answers.clear();
    }
  }
  if (wrong)
    for (const auto& record : request.records) answers.push_back({record.id, false, *wrong});
  for (const auto& answer : answers) ++(answer.ok ? counts_.ok : counts_.failed);
  return answers;
}

RecordAnswer ClickIntake::take_record(const IncomingRecord& record) {
  const auto failed = [&](std::string_view why) {
    return RecordAnswer{record.id, false, "record " + shown(record.id) + ": " + std::string(why)};
  };
  if (!record.complaint.empty()) return {record.id, false, record.complaint};
  if (record.data.size() > reader_.limits().line)
    return failed("its data has " + std::to_string(record.data.size()) + " bytes, the limit is " +
                  std::to_string(reader_.limits().line));
  const auto event = reader_.read(record.data);
  if (!event) return failed(event.error().message);

  const auto id = sessionize::content_id(record.id, event->time, record.data);
  if (!seen_.is_new(id, options_.now())) {
    ++counts_.duplicates;
    return {record.id, true, {}};
  }
  const auto decision = sessions_.observe(event->key, event->time);
  if (decision.rejected) {
    seen_.forget(id);
    return failed(to_string(*decision.rejected));
  }
  if (decision.closed) store(*decision.closed, to_string(decision.closed->reason));
  if (!touched_.contains(event->key)) touched_.emplace(event->key);
  return {record.id, true, {}};
}

bool ClickIntake::save() {
  for (const auto& key : touched_)
    if (const auto session = sessions_.find(key)) store(*session, "open");
  std::string state;
  const auto saved =
      sessionize::save(std::tie(seen_, sessions_), [&](std::string_view bytes) { state += bytes; });
  // What is pending for a sink cannot be saved, and there is no sink.
  return saved && table_->put_state(state_name, state) && table_->commit();
}

void ClickIntake::store(const Sessions::summary_view& session, std::string_view reason) {
  // What goes wrong here the commit tells.
  table_->store(command::row_of(session, reason, id_));
}

}  // namespace lambda
