#ifndef SESSIONIZE_AWS_CREDENTIALS_HPP
#define SESSIONIZE_AWS_CREDENTIALS_HPP

#include "error.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace aws {

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token{};  ///< empty for a key that is not temporary
};

/// Where a client gets its credentials; asked before each request, so that keys may change under
/// it. One that asks another machine keeps the answer for as long as that is good.
using CredentialsSource = std::function<Result<Credentials>()>;

/// The value of an environment variable; nothing where it is not set, or empty.
using Variables = std::function<std::optional<std::string>(const char* name)>;
[[nodiscard]] std::optional<std::string> environment(const char* name);

/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
[[nodiscard]] Result<Credentials> environment_credentials(const Variables& variables = environment);

/// One profile of a credentials file's text: `[name]`, then `aws_access_key_id = ...` and the like;
/// '#' and ';' begin comment lines, names are in any case, and of two values the last counts.
[[nodiscard]] Result<Credentials> parse_profile(std::string_view text, std::string_view profile);

/// Profile AWS_PROFILE, or `default`, of the file AWS_SHARED_CREDENTIALS_FILE, or
/// ~/.aws/credentials.
[[nodiscard]] Result<Credentials> profile_credentials(const Variables& variables = environment);

/// The environment's where it has a key, else the profile's.
[[nodiscard]] Result<Credentials> default_credentials(const Variables& variables = environment);

}  // namespace aws

#endif
