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
#include <numeric>
#include <span>
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
  // So many at a time that the memory of their states fits into a cache.
  constexpr std::size_t at_once = 512;
  Taken taken;
  for (std::size_t at = 0; at < batch.events.size(); at += at_once)
    take_some(batch, at, std::min(at_once, batch.events.size() - at), taken);
  if (is_half_full()) wake_.notify_one();
  return taken;
}

void SessionShards::take_some(EventBatch& batch, std::size_t from, std::size_t count,
                              Taken& taken) {
  // By shard, in the order of the batch: those of shard i end at ends[i].
  std::vector<std::size_t> ends(shards_.size());
  std::vector<std::size_t> shard_of(count);
  for (std::size_t i = 0; i < count; ++i) {
    shard_of[i] = sessionize::shard_of(batch.key(batch.events[from + i]), shards_.size());
    ++ends[shard_of[i]];
  }
  std::exclusive_scan(ends.begin(), ends.end(), ends.begin(), std::size_t{0});
  std::vector<std::size_t> events(count);
  std::vector<std::string_view> keys(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = ends[shard_of[i]]++;
    events[at] = from + i;
    keys[at] = batch.key(batch.events[from + i]);
  }
  // The shards that have any, and every thread begins at another one.
  std::vector<std::size_t> left;
  const std::size_t first = turn_.fetch_add(1, std::memory_order_relaxed);
  const auto begin_of = [&](std::size_t shard) { return shard == 0 ? 0 : ends[shard - 1]; };
  for (std::size_t turn = 0; turn < shards_.size(); ++turn) {
    const std::size_t i = (first + turn) % shards_.size();
    if (begin_of(i) != ends[i]) left.push_back(i);
  }

  // Nobody waits for the memory while he has a shard that others wait for.
  const auto keys_of = [&](std::size_t shard) {
    return std::span(keys).subspan(begin_of(shard), ends[shard] - begin_of(shard));
  };
  for (const std::size_t i : left)
    if (const std::unique_lock lock(shards_[i]->mutex, std::try_to_lock); lock)
      shards_[i]->sessions.prefetch(keys_of(i));

  const auto take_shard = [&](std::size_t i) {
    shards_[i]->changed = true;
    for (std::size_t at = begin_of(i); at < ends[i]; ++at)
      take_one(*shards_[i], batch, events[at], taken);
  };
  // Those first that nobody holds.
  std::erase_if(left, [&](std::size_t i) {
    const std::unique_lock lock(shards_[i]->mutex, std::try_to_lock);
    if (lock) take_shard(i);
    return lock.owns_lock();
  });
  for (const std::size_t i : left) {
    const std::lock_guard lock(shards_[i]->mutex);
    take_shard(i);
  }
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
  // What goes wrong before the commit it tells.
  for (std::size_t i = 0; i < shards_.size(); ++i) save_state(*shards_[i], i);
  // In the order of the table they go to neighbouring pages.
  std::sort(storing_.begin(), storing_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.key, a.start) < std::tie(b.key, b.start);
  });
  std::string id;
  for (std::size_t i = 0; i < storing_.size(); ++i) {
    table_->store(command::row_of(storing_[i], to_string(storing_[i].reason), id));
    // To requests that wait for a processor, unless it is this that they will wait for.
    if (i % 32 == 0 && !is_half_full()) std::this_thread::yield();
  }
  const bool saved = table_->commit();
  std::string complaint = table_->complaint();
  if (!saved) {
    table_.reset();
    for (const auto& shard : shards_) {
      const std::lock_guard lock(shard->mutex);
      shard->changed = true;
    }
  }
  const std::lock_guard lock(keeping_);
  ++saves_;
  complaint_ = std::move(complaint);
  if (!saved) {
    ++failed_saves_;
    return false;
  }
  rows_ -= storing_.size();
  rows_stored_ += storing_.size();
  storing_.clear();
  return true;
}

void SessionShards::save_state(Shard& shard, std::size_t index) {
  {
    const std::lock_guard lock(shard.mutex);
    if (!std::exchange(shard.changed, false)) return;
    // To copy it takes a fraction of the time that writing it takes, for which nobody waits then.
    saved_seen_ = shard.seen;
    saved_sessions_ = shard.sessions;
    closed_.swap(shard.closed);
  }
  storing_.insert(storing_.end(), std::make_move_iterator(closed_.begin()),
                  std::make_move_iterator(closed_.end()));
  closed_.clear();
  state_.clear();
  // Nothing is pending for a sink: the only ones are vectors.
  static_cast<void>(sessionize::save(std::tie(saved_seen_, saved_sessions_),
                                     [&](std::string_view bytes) { state_ += bytes; }));
  table_->put_state(state_name(index), state_);
  if (!is_half_full()) std::this_thread::yield();
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
    const auto urgent = [&] { return wanted_ > begun_ || (is_half_full() && good_ == begun_); };
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
