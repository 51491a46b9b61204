// How a population whose users are not alike spreads over the partitions of a log, by shard_of:
// what the hottest partition gets, beside the mean of all. Nothing is timed: shares are computed,
// and only the users' names are drawn, by the seed. partitions [--users N] [--zipf S] [--rate
// EVENTS_A_SECOND] [--seed N]

#include <sessionize/shard.hpp>

#include "workload.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

/// The users who are looked at one by one.
constexpr std::size_t hot = 10;

struct Options {
  std::uint32_t users = 1'000'000;
  double zipf = 1.05;  // user k sends as often as k to the power of -zipf; 0: all alike
  double rate = 1'000'000;
  std::uint64_t seed = 1;
};

/// User k, from 1, and the part of all events that he sends.
struct User {
  std::uint64_t key = 0;
  double share = 0;
};

std::vector<User> population(const Options& options) {
  std::vector<User> users(options.users);
  std::uint64_t state = options.seed;
  double sum = 0;
  for (std::size_t i = 0; i < users.size(); ++i) {
    users[i] = {sessionize::detail::splitmix64(state),
                std::pow(static_cast<double>(i + 1), -options.zipf)};
    sum += users[i].share;
  }
  for (User& user : users) user.share /= sum;
  return users;
}

struct Spread {
  double hottest = 0;     // the largest part of all events that a partition gets
  std::size_t in_it = 0;  // how many of the hot users are there
  double others = 0;      // the largest part of all other users' events
};

Spread spread(const std::vector<User>& users, std::size_t partitions) {
  std::vector<double> all(partitions), others(partitions);
  std::vector<std::size_t> hot_users(partitions);
  double rest = 0;
  for (std::size_t i = 0; i < users.size(); ++i) {
    const std::size_t partition = sessionize::shard_of(users[i].key, partitions);
    all[partition] += users[i].share;
    if (i < hot) {
      ++hot_users[partition];
    } else {
      others[partition] += users[i].share;
      rest += users[i].share;
    }
  }
  const auto hottest = std::max_element(all.begin(), all.end());
  return {*hottest, hot_users[static_cast<std::size_t>(hottest - all.begin())],
          *std::max_element(others.begin(), others.end()) / rest};
}

template <class Number>
bool read(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

bool parse(int argc, char* argv[], Options& options) {
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) return false;
    const char* const value = argv[i + 1];
    const bool is_read = name == "--users"  ? read(value, options.users)
                         : name == "--zipf" ? read(value, options.zipf)
                         : name == "--rate" ? read(value, options.rate)
                         : name == "--seed" ? read(value, options.seed)
                                            : false;
    if (!is_read) return false;
  }
  // So that there are others beside the hot ones, and what they send is not 0.
  return options.users > hot && options.zipf >= 0 && options.zipf <= 100 && options.rate > 0;
}

}  // namespace

int main(int argc, char* argv[]) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs(
        "partitions [--users N] [--zipf S] [--rate EVENTS_A_SECOND] [--seed N]\n"
        "  N: more than 10 users, S: 0 to 100\n",
        stderr);
    return 2;
  }
  const auto users = population(options);
  std::printf("%u users, user k as often as k to the power of -%.2f, %.0f events/s, seed %llu\n\n",
              options.users, options.zipf, options.rate,
              static_cast<unsigned long long>(options.seed));

  std::printf("%6s %10s %10s %8s %9s %11s %11s %10s\n", "parts", "mean/s", "hottest/s", "share",
              "max/mean", "hot keys", "max/mean", "doubling");
  std::printf("%6s %10s %10s %8s %9s %11s %11s %10s\n", "", "", "", "", "", "in hottest", "without",
              "leaves");
  for (const std::size_t n : {8U, 16U, 64U, 128U, 512U, 1'024U}) {
    const Spread now = spread(users, n), doubled = spread(users, 2 * n);
    const auto parts = static_cast<double>(n);
    std::printf("%6zu %10.0f %10.0f %7.2f%% %9.2f %11zu %11.2f %9.0f%%\n", n, options.rate / parts,
                options.rate * now.hottest, 100 * now.hottest, now.hottest * parts, now.in_it,
                now.others * parts, 100 * doubled.hottest / now.hottest);
  }

  std::printf("\nthe hot keys, that no number of partitions divides\n%6s %10s %8s %8s\n", "rank",
              "events/s", "share", "in all");
  double sum = 0;
  for (std::size_t i = 0; i < hot; ++i) {
    sum += users[i].share;
    std::printf("%6zu %10.0f %7.2f%% %7.2f%%\n", i + 1, options.rate * users[i].share,
                100 * users[i].share, 100 * sum);
  }
}
