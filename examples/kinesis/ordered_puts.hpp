#ifndef SESSIONIZE_KINESIS_ORDERED_PUTS_HPP
#define SESSIONIZE_KINESIS_ORDERED_PUTS_HPP

#include <kinesis.hpp>
#include <sessionize/sinks/retry.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace producer {

/// Why the service would refuse a call for this record; null where it would not: a key of 1 to 256
/// characters, and 1 MiB with the key.
[[nodiscard]] std::optional<std::string> misfit(const aws::PutRecord& record);

/// Puts records, as aws::Kinesis::put_records of a stream does.
using Put =
    std::function<aws::Result<std::vector<aws::PutResult>>(std::span<const aws::PutRecord>)>;
using Now = std::function<std::chrono::steady_clock::time_point()>;

struct OrderedPutsOptions {
  std::size_t max_records = 500;                 ///< in a call, at least 1
  std::size_t max_bytes = std::size_t{5} << 20;  ///< in a call, with the keys
  std::size_t max_waiting = 10'000;              ///< records that are held, at least 1
  sessionize::RetryOptions retry{.longest_delay = std::chrono::seconds(5), .max_attempts = 30};
};

/// After every call offered = put + waiting.
struct OrderedPutsCounters {
  std::uint64_t offered = 0;
  std::uint64_t put = 0;
  std::uint64_t waiting = 0;
  std::uint64_t calls = 0;
  std::uint64_t failed_calls = 0;     ///< as a whole; what they put, if anything, is put again
  std::uint64_t refused_records = 0;  ///< one by one, in calls that went well
};

/// Puts records on a stream so that the records of a user (a partition key) arrive in the order in
/// which they were offered, whatever fails in between.
///
/// PutRecords takes or refuses each record by itself, and promises no order within a call. So a
/// call has one record of a user at most, and the user's next one is not put before the service has
/// confirmed it. A user whose record was refused waits out a delay, and others go on; where a call
/// fails as a whole, all wait. The price is that a user's records are put one a call.
///
/// Delivery is at least once: where the answer to a call is lost, its records are put again, each
/// before its user's next.
///
/// It has no thread and does not sleep. One thread at a time. Constant time a record, on average,
/// and logarithmic in the users that wait for each refusal.
class OrderedPuts {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  OrderedPuts(Put put, Now now, const OrderedPutsOptions& options = {});
  OrderedPuts(const OrderedPuts&) = delete;
  OrderedPuts& operator=(const OrderedPuts&) = delete;
  ~OrderedPuts() = default;

  /// Takes a record; false where max_waiting are held. Precondition: misfit() finds nothing.
  [[nodiscard]] bool offer(const aws::PutRecord& record);

  /// Makes one call, if one is due. Returns an error where something cannot be put: one that does
  /// not pass, or that came too often for the retry's options; nothing more can be done then.
  [[nodiscard]] std::optional<aws::Error> poll();

  /// When poll() has something to do next, which may be now or before; null where nothing waits.
  [[nodiscard]] std::optional<time_point> next_attempt() const;

  [[nodiscard]] const OrderedPutsCounters& counters() const { return counters_; }

 private:
  struct User {
    std::deque<aws::PutRecord> records{};
    std::uint64_t failures = 0;  // of the first one
    time_point failing_since{};
  };
  using Users = std::unordered_map<std::string, User>;

  [[nodiscard]] std::vector<aws::PutRecord> next_call() const;
  [[nodiscard]] std::optional<aws::Error> call_failed(aws::Error error);
  [[nodiscard]] std::optional<aws::Error> refused(Users::value_type& user,
                                                  const aws::PutResult& result,
                                                  std::uint64_t random);
  void taken(Users::value_type& user);

  Put put_;
  Now now_;
  OrderedPutsOptions options_;
  std::mt19937_64 random_;
  OrderedPutsCounters counters_;
  // Each user with records is either ready or delayed.
  Users users_;
  std::deque<Users::value_type*> ready_;
  std::multimap<time_point, Users::value_type*> delayed_;
  std::uint64_t failures_ = 0;  // calls that failed since one went well
  time_point failing_since_{};
  time_point resume_at_{};
};

}  // namespace producer

#endif
