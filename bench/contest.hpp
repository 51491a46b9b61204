#ifndef SESSIONIZE_BENCH_CONTEST_HPP
#define SESSIONIZE_BENCH_CONTEST_HPP

#include "workload.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace bench {

[[nodiscard]] inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Runs engines on one workload, interleaved: of each round, every engine has one run, in an order
/// that is drawn anew. What takes turns shares what disturbs it.
template <class Clock, class Key>
class Contest {
 public:
  using Time = typename Clock::time_point;
  using Run = std::function<void(const Columns<Clock, Key>&, std::span<Time>)>;

  Contest(std::string name, Workload<Clock, Key> workload)
      : name_(std::move(name)), workload_(std::move(workload)) {}

  [[nodiscard]] const Workload<Clock, Key>& workload() const { return workload_; }

  /// Adds an engine, made of these arguments. The first one's session starts are what the others'
  /// are compared with.
  template <class Engine, class... Arguments>
  void add(const std::string& engine, Arguments... arguments) {
    engines_.push_back({engine, maker<Engine>(arguments...), {}, {}, true});
  }
  /// Adds a loop that gets no sessions right.
  template <class Floor, class... Arguments>
  void add_floor(const std::string& floor, Arguments... arguments) {
    engines_.push_back({floor, maker<Floor>(arguments...), {}, {}, false});
  }

  /// The median of each engine's nanoseconds an event, on tables that have seen every user.
  std::map<std::string, double> run_warm() {
    starts_.resize(std::max(workload_.first.keys.size(), workload_.rounds[0].keys.size()));
    for (Entry& entry : engines_) {
      entry.run = entry.make();
      entry.run(workload_.first, std::span(starts_).first(workload_.first.keys.size()));
    }
    for (const auto& columns : workload_.rounds)
      round(columns, [&](Entry& entry, std::span<Time> starts) { entry.run(columns, starts); });
    return medians();
  }
  /// The same from empty tables: each round makes them anew, and throws them away when the time has
  /// been taken.
  std::map<std::string, double> run_cold(int rounds) {
    const auto& columns = workload_.rounds[0];
    starts_.resize(columns.keys.size());
    for (int i = 0; i < rounds; ++i)
      round(columns, [&](Entry& entry, std::span<Time> starts) {
        entry.run = entry.make();
        entry.run(columns, starts);
      });
    return medians();
  }
  /// Whether all engines agreed in all rounds.
  [[nodiscard]] bool agreed() const { return agreed_; }

 private:
  struct Entry {
    std::string name;
    std::function<Run()> make;
    Run run;
    std::vector<double> ns;
    bool checked;
  };

  template <class Engine, class... Arguments>
  static std::function<Run()> maker(Arguments... arguments) {
    return [=]() -> Run {
      return [engine = std::make_shared<Engine>(arguments...)](const Columns<Clock, Key>& columns,
                                                               std::span<Time> starts) {
        engine->run(columns, starts);
      };
    };
  }

  template <class Once>
  void round(const Columns<Clock, Key>& columns, Once once) {
    std::vector<std::size_t> order(engines_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random_);
    std::vector<std::uint64_t> sums(engines_.size());
    const std::span<Time> starts = std::span(starts_).first(columns.keys.size());
    for (const std::size_t i : order) {
      // Also what is left in the caches is the same for all.
      std::fill(starts.begin(), starts.end(), Time{});
      const auto begin = std::chrono::steady_clock::now();
      once(engines_[i], starts);
      const std::chrono::duration<double, std::nano> taken =
          std::chrono::steady_clock::now() - begin;
      engines_[i].ns.push_back(taken.count() / static_cast<double>(starts.size()));
      for (const Time start : starts)
        sums[i] = sums[i] * 3 + static_cast<std::uint64_t>(start.time_since_epoch().count());
      if (workload_.first.keys.empty()) engines_[i].run = {};
    }
    for (std::size_t i = 0; i < engines_.size(); ++i)
      if (engines_[i].checked && sums[i] != sums[0]) {
        std::cerr << name_ << ": " << engines_[i].name << " has other session starts than "
                  << engines_[0].name << '\n';
        agreed_ = false;
      }
  }

  std::map<std::string, double> medians() const {
    std::map<std::string, double> by_engine;
    for (const Entry& entry : engines_) by_engine[entry.name] = median(entry.ns);
    return by_engine;
  }

  std::string name_;
  Workload<Clock, Key> workload_;
  std::vector<Entry> engines_;
  std::vector<Time> starts_;
  std::mt19937 random_{2026};
  bool agreed_ = true;
};

}  // namespace bench

#endif
