#ifndef SESSIONIZE_LAMBDA_CLICK_INTAKE_HPP
#define SESSIONIZE_LAMBDA_CLICK_INTAKE_HPP

#include "database_lock.hpp"
#include "lambda_records.hpp"
#include "session_table.hpp"
#include "wall_time.hpp"

#include <sessionize/content_id.hpp>
#include <sessionize/duplicates.hpp>
#include <sessionize/json/event_reader.hpp>
#include <sessionize/sessionizer.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lambda {

using sessionize::EventClock;

struct IntakeOptions {
  /// The SQLite database with the tables of the command's --into. Of one process at a time.
  std::string database{};
  /// The state of all keys is saved with each invocation: max_keys bounds what that costs.
  sessionize::Options<EventClock> session{.max_keys = 100'000,
                                          .at_max_keys = sessionize::AtMaxKeys::evicts_idle_key};
  /// For how long records are known that come again, by `now`. They are saved as well.
  sessionize::DuplicateOptions<EventClock> duplicates{.max_ids = 50'000};
  std::function<EventClock::time_point()> now = command::wall_time;
  sessionize::json::Mapping mapping{};
};

/// The function behind a stream of clicks: sessionizes the records of invocations, one after the
/// other, and keeps the sessions in a database.
///
/// The table has a row for each session from its first click on, with the reason `open` until it is
/// closed. An invocation is one transaction: the rows that follow from it, and the state that the
/// next one goes on from. A record is answered with Ok only when that is committed. So a process
/// that is killed loses nothing that was Ok, and starts again from its last commit.
///
/// A record that comes again, because its answer was lost or others of its invocation failed, is Ok
/// and changes nothing. It is known by its id and its data together: a sender that numbers the
/// records of each invocation anew loses none.
///
/// One thread at a time may use an object.
class ClickIntake {
 public:
  explicit ClickIntake(IntakeOptions options);

  /// Opens the database and goes on from its state; returns what is wrong, or nothing. To be called
  /// before take().
  [[nodiscard]] std::optional<std::string> open();

  /// Answers to an invocation, record by record. Where something fails that is no record's fault,
  /// as a full disk, all records have failed, and the next invocation begins with the state of the
  /// last commit again.
  [[nodiscard]] std::vector<RecordAnswer> take(const Request& request);

  struct Counts {
    std::uint64_t invocations = 0;
    std::uint64_t ok = 0;          ///< records
    std::uint64_t duplicates = 0;  ///< of those
    std::uint64_t failed = 0;      ///< records
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  using Sessions = sessionize::Sessionizer<EventClock, std::string>;
  using Seen = sessionize::DuplicateFilter<EventClock, sessionize::ContentId>;

  [[nodiscard]] std::optional<std::string> restart();
  [[nodiscard]] RecordAnswer take_record(const IncomingRecord& record);
  [[nodiscard]] bool save();
  void store(const Sessions::summary_view& session, std::string_view reason);

  IntakeOptions options_;
  sessionize::json::EventReader<EventClock> reader_;
  Sessions sessions_;
  Seen seen_;
  std::optional<command::SessionTable> table_{};  // null where the state is to be read again
  std::set<std::string, std::less<>> touched_{};  // keys, by the invocation at hand
  std::string id_{};
  Counts counts_{};
  command::DatabaseLock lock_{};
};

}  // namespace lambda

#endif
