#include "session_shards.hpp"

#include "summary_row.hpp"

#include <sessionize/shard.hpp>
#include <sessionize/sinks/kind.hpp>
#include <sessionize/snapshot/duplicates.hpp>
#include <sessionize/snapshot/save.hpp>
#include <sessionize/snapshot/sessionizer.hpp>
#include <sessionize/snapshot/several.hpp>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <tuple>
#include <utility>

namespace service {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view layout_name = "service";

std::string state_name(std::size_t shard) {
  return std::string(layout_name) + '/' + std::to_string(shard);
}

}  // namespace

SessionShards::SessionShards(ShardOptions options) : options_(std::move(options)) {
  assert(options_.shards >= 1 && "there is at least one shard");
  const auto part_of = [&](std::size_t all) {
    return (all + options_.shards - 1) / options_.shards;
  };
  auto session = options_.session;
  session.max_keys = part_of(session.max_keys);
  auto duplicates = options_.duplicates;
  duplicates.max_ids = part_of(duplicates.max_ids);
  for (std::size_t i = 0; i < options_.shards; ++i)
    shards_.push_back(std::make_unique<Shard>(session, duplicates));
}

SessionShards::~SessionShards() {
  if (!keeper_.joinable()) return;
  {
    const std::lock_guard lock(keeping_);
    stopping_ = true;
  }
  wake_.notify_one();
  keeper_.join();
}

std::optional<std::string> SessionShards::open() {
  if (auto wrong = lock_.take(options_.database)) return wrong;
  return restore();
}

std::optional<std::string> SessionShards::restore() {
  table_.emplace(options_.database);
  const std::string now = std::to_string(options_.shards);
  const auto then = table_->state(layout_name);
  if (then && *then != now)
    return options_.database + " has the state of " + *then + " shards, and this is " + now +
           ": in another number of them users would lose their sessions";
  table_->put_state(layout_name, now);
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const auto state = table_->state(state_name(i));
    if (!state) continue;
    auto both = std::tie(shards_[i]->seen, shards_[i]->sessions);
    const auto restored = sessionize::restore(both, *state);
    if (!restored)
      return "cannot go on from the state in " + options_.database + ": " +
             restored.error().message;
  }
  if (!table_->commit()) return table_->complaint();
  return std::nullopt;
}

void SessionShards::start() {
  keeper_ = std::thread([this] { keep(); });
}

std::optional<std::string> SessionShards::stop() {
  if (keeper_.joinable()) {
    {
      const std::lock_guard lock(keeping_);
      stopping_ = true;
    }
    wake_.notify_one();
    keeper_.join();
  }
  if (save()) return std::nullopt;
  return complaint();
}

SessionShards::Taken SessionShards::take(EventBatch& batch) {
  // By shard, in the order of the batch.
  std::vector<std::vector<std::size_t>> of_shard(shards_.size());
  for (std::size_t i = 0; i < batch.events.size(); ++i)
    of_shard[sessionize::shard_of(batch.key(batch.events[i]), shards_.size())].push_back(i);
  Taken taken;
  // Those first that nobody holds.
  for (const bool waits : {false, true}) {
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      if (of_shard[i].empty()) continue;
      Shard& shard = *shards_[i];
      std::unique_lock lock(shard.mutex, std::defer_lock);
      if (waits)
        lock.lock();
      else if (!lock.try_lock())
        continue;
      shard.changed = true;
      for (const std::size_t event : of_shard[i]) take_one(shard, batch, event, taken);
      of_shard[i].clear();
    }
  }
  if (is_full()) wake_.notify_one();
  return taken;
}

void SessionShards::take_one(Shard& shard, EventBatch& batch, std::size_t event, Taken& taken) {
  const auto& [key_at, key_size, time, id, index] = batch.events[event];
  if (id && !shard.seen.is_new(*id, options_.now())) {
    ++taken.duplicates;
    return;
  }
  const auto decision = shard.sessions.observe(batch.key(batch.events[event]), time);
  if (decision.rejected) {
    if (id) shard.seen.forget(*id);
    batch.rejected.push_back({index, *decision.rejected,
                              "its user is new, and there is no room for more: send it later"});
    return;
  }
  ++taken.accepted;
  if (decision.closed) {
    shard.closed.push_back(decision.closed->owned());
    ++rows_;
  }
}

void SessionShards::close_idle() {
  if (!options_.grace) return;
  const auto then = options_.now() - *options_.grace;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    const auto closing =
        shard->sessions.expire(then, sessionize::on_summary([&](const auto& session) {
                                 shard->closed.push_back(session.owned());
                                 ++rows_;
                               }));
    shard->changed = shard->changed || closing.sessions != 0;
  }
}

bool SessionShards::save() {
  const std::lock_guard one_at_a_time(saving_);
  // A table begins its first transaction itself.
  if (table_)
    static_cast<void>(table_->begin());
  else
    table_.emplace(options_.database);
  std::size_t rows = 0;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    store_shard(*shards_[i], i);
    rows += shards_[i]->storing.size();
  }
  const bool saved = table_->commit();
  std::string complaint = table_->complaint();
  if (!saved) table_.reset();
  for (const auto& shard : shards_) {
    if (!saved) {
      const std::lock_guard lock(shard->mutex);
      shard->changed = true;
      shard->closed.insert(shard->closed.begin(), std::make_move_iterator(shard->storing.begin()),
                           std::make_move_iterator(shard->storing.end()));
    }
    shard->storing.clear();
  }
  const std::lock_guard lock(keeping_);
  ++saves_;
  complaint_ = std::move(complaint);
  if (!saved) {
    ++failed_saves_;
    return false;
  }
  rows_ -= rows;
  rows_stored_ += rows;
  return true;
}

void SessionShards::store_shard(Shard& shard, std::size_t index) {
  {
    const std::lock_guard lock(shard.mutex);
    if (!std::exchange(shard.changed, false)) return;
    state_.clear();
    // Nothing is pending for a sink: the only ones are vectors.
    static_cast<void>(sessionize::save(std::tie(shard.seen, shard.sessions),
                                       [&](std::string_view bytes) { state_ += bytes; }));
    shard.storing.swap(shard.closed);
  }
  // What goes wrong here the commit tells.
  for (const auto& session : shard.storing)
    table_->store(command::row_of(session, to_string(session.reason), id_));
  table_->put_state(state_name(index), state_);
}

bool SessionShards::wait_until_saved() {
  std::unique_lock lock(keeping_);
  const std::uint64_t mine = begun_ + 1;  // the one that has begun may not have it
  wanted_ = std::max(wanted_, mine);
  wake_.notify_one();
  done_waiting_.wait(lock, [&] { return ended_ >= mine; });
  return good_ >= mine;
}

void SessionShards::keep() {
  std::unique_lock lock(keeping_);
  auto close_at = steady_clock::now() + options_.close_every;
  auto save_at = steady_clock::now() + options_.save_every;
  while (!stopping_) {
    // Where saving fails, the next attempt is the clock's.
    const auto urgent = [&] { return wanted_ > begun_ || (is_full() && good_ == begun_); };
    wake_.wait_until(lock, std::min(close_at, save_at), [&] { return stopping_ || urgent(); });
    if (stopping_) break;
    if (steady_clock::now() >= close_at) {
      lock.unlock();
      close_idle();
      lock.lock();
      close_at = steady_clock::now() + options_.close_every;
    }
    if (!urgent() && steady_clock::now() < save_at) continue;
    ++begun_;
    lock.unlock();
    const bool saved = save();
    lock.lock();
    ended_ = begun_;
    if (saved) good_ = begun_;
    done_waiting_.notify_all();
    save_at = steady_clock::now() + options_.save_every;
  }
}

std::optional<sessionize::Summary<EventClock, std::string>> SessionShards::find(
    std::string_view key) const {
  const Shard& shard = *shards_[sessionize::shard_of(key, shards_.size())];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.sessions.find(key);
  if (!found) return std::nullopt;
  return found->owned();
}

SessionShards::Stats SessionShards::stats() const {
  Stats stats;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    stats.events += shard->sessions.counters();
    stats.duplicates += shard->seen.counters().duplicates;
    stats.open_sessions += shard->sessions.size();
  }
  stats.rows_pending = rows_;
  const std::lock_guard lock(keeping_);
  stats.rows_stored = rows_stored_;
  stats.saves = saves_;
  stats.failed_saves = failed_saves_;
  return stats;
}

std::string SessionShards::complaint() const {
  const std::lock_guard lock(keeping_);
  return complaint_;
}

}  // namespace service
