#include "credentials.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace aws {
namespace {

constexpr const char* none = "NoCredentials";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace

std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets any
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

Result<Credentials> environment_credentials(const Variables& variables) {
  const auto access_key = variables("AWS_ACCESS_KEY_ID");
  const auto secret_key = variables("AWS_SECRET_ACCESS_KEY");
  if (!access_key || !secret_key)
    return fail(ErrorKind::client, none,
                access_key ? "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not"
                           : "AWS_ACCESS_KEY_ID is not set");
  return Credentials{*access_key, *secret_key, variables("AWS_SESSION_TOKEN").value_or("")};
}

Result<Credentials> parse_profile(std::string_view text, std::string_view profile) {
  Credentials found;
  bool in_profile = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trimmed(text.substr(at, end - at));
    at = end + 1;
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      in_profile = line.back() == ']' && trimmed(line.substr(1, line.size() - 2)) == profile;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!in_profile || equals == std::string_view::npos) continue;
    const std::string name = lower_case(trimmed(line.substr(0, equals)));
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (name == "aws_access_key_id") found.access_key = value;
    if (name == "aws_secret_access_key") found.secret_key = value;
    if (name == "aws_session_token") found.session_token = value;
  }
  if (found.access_key.empty() || found.secret_key.empty())
    return fail(ErrorKind::client, none,
                "the profile \"" + std::string(profile) + "\" has no " +
                    (found.access_key.empty() ? "aws_access_key_id" : "aws_secret_access_key"));
  return found;
}

Result<Credentials> profile_credentials(const Variables& variables) {
  auto path = variables("AWS_SHARED_CREDENTIALS_FILE");
  if (!path) path = variables("HOME").value_or("") + "/.aws/credentials";
  std::ifstream file(*path, std::ios::binary);
  std::ostringstream text;
  // An empty file would be a failure of this <<, and has no profile either.
  if (!file || !(text << file.rdbuf()))
    return fail(ErrorKind::client, none, "cannot read " + *path);
  auto found = parse_profile(text.str(), variables("AWS_PROFILE").value_or("default"));
  if (!found) return fail(ErrorKind::client, none, *path + ": " + found.error().message);
  return found;
}

Result<Credentials> default_credentials(const Variables& variables) {
  if (variables("AWS_ACCESS_KEY_ID")) return environment_credentials(variables);
  auto found = profile_credentials(variables);
  if (!found)
    return fail(ErrorKind::client, none,
                "AWS_ACCESS_KEY_ID is not set, and " + found.error().message);
  return found;
}

}  // namespace aws
