#ifndef SESSIONIZE_COMMAND_DURATION_OPTION_HPP
#define SESSIONIZE_COMMAND_DURATION_OPTION_HPP

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace command {

/// Adds an option that takes a duration with its unit, which is not negative, and gives it to
/// `use`.
template <class Use>
void add_duration(CLI::App& app, const std::string& name, Use use, const std::string& help) {
  app.add_option_function<std::int64_t>(
         name,
         [name, use](std::int64_t count) {
           if (count < 0) throw CLI::ValidationError(name, "is not negative");
           use(std::chrono::milliseconds(count));
         },
         help)
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, std::int64_t>{
              {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}},
          CLI::AsNumberWithUnit::UNIT_REQUIRED, "500ms|10s|30m|24h|7d"));
}

}  // namespace command

#endif
