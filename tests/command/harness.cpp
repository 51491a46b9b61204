#include "harness.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace command_test {
namespace harness_detail {
namespace {

/// What a failing system call of the harness itself means: no test can go on.
int must(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

/// Two ends of a stream: {to read, to write}.
std::pair<int, int> make_stream(Running::Stream kind) {
  if (kind == Running::Stream::terminal) {
    const int ours = must(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt");
    must(::grantpt(ours), "grantpt");
    must(::unlockpt(ours), "unlockpt");
    return {ours, must(::open(::ptsname(ours), O_RDWR | O_NOCTTY | O_CLOEXEC), "open a terminal")};
  }
  std::array<int, 2> ends{};
  if (kind == Running::Stream::packets)
    must(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  else
    must(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
  return {ends[0], ends[1]};
}

void close(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

/// Waits for one of the descriptors; false after the deadline.
template <std::size_t N>
bool wait_for(std::array<pollfd, N>& fds, steady_clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    const int ready = left <= 0 ? 0 : ::poll(fds.data(), N, static_cast<int>(left));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

/// Reads what there is; false at the end. A terminal's end is an error.
bool take(int fd, std::string& into) {
  std::array<char, 65'536> block;
  const ssize_t got = ::read(fd, block.data(), block.size());
  if (got > 0) into.append(block.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

}  // namespace
}  // namespace harness_detail

namespace hd = harness_detail;

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sessionize.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) hd::must(-1, "mkdtemp");
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::operator/(std::string_view name) const {
  return path_ + '/' + std::string(name);
}

std::string Folder::write(std::string_view name, std::string_view content) const {
  std::ofstream(*this / name, std::ios::binary) << content;
  return *this / name;
}

bool exists(const std::string& path) { return std::filesystem::exists(path); }

std::string read_file(const std::string& path) {
  const std::ifstream in(path, std::ios::binary);
  if (!in) FAIL("cannot read " << path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string shared_folder() {
  const char* named = std::getenv("SESSIONIZE_SHARED");
  const std::string shared = named != nullptr ? named : SESSIONIZE_SOURCE "/../shared";
  if (std::filesystem::exists(shared + "/data")) return shared;
  WARN("SKIPPED: the public logs are not in " << shared << " (SESSIONIZE_SHARED names the folder)");
  return "";
}

Running::Running(const Args& args, Stream output, Stream error) {
  const auto [in_theirs, in_ours] = hd::make_stream(Stream::pipe);
  const auto [out_ours, out_theirs] = hd::make_stream(output);
  const auto [err_ours, err_theirs] = hd::make_stream(error);
  in_ = in_ours;
  out_ = out_ours;
  err_ = err_ours;
  start(args, in_theirs, out_theirs, err_theirs);
}

Running::Running(const Args& args, const std::string& output_path) {
  const auto [in_theirs, in_ours] = hd::make_stream(Stream::pipe);
  const auto [err_ours, err_theirs] = hd::make_stream(Stream::pipe);
  in_ = in_ours;
  err_ = err_ours;
  const int out = output_path.empty()
                      ? -1
                      : hd::must(::open(output_path.c_str(), O_WRONLY | O_CLOEXEC), "open");
  start(args, in_theirs, out, err_theirs);
}

void Running::start(const Args& args, int in, int out, int err) {
  std::vector<std::string> words{SESSIONIZE_COMMAND};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  // The test ignores SIGPIPE for its own writes; the command must not inherit that.
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  if (out >= 0)
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  else
    posix_spawn_file_actions_addclose(&actions, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  const int error =
      ::posix_spawn(&pid_, SESSIONIZE_COMMAND, &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  for (int fd : {in, out, err}) hd::close(fd);
  if (error != 0) throw std::system_error(error, std::generic_category(), "posix_spawn");
  hd::must(::fcntl(in_, F_SETFL, O_NONBLOCK), "fcntl");
}

Running::~Running() {
  kill();
  for (int* fd : {&in_, &out_, &err_}) hd::close(*fd);
}

void Running::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

void Running::signal(int number) { hd::must(::kill(pid_, number), "kill"); }

bool Running::write(std::string_view input) {
  const auto deadline = steady_clock::now() + patience;
  while (!input.empty()) {
    std::array<pollfd, 1> ready{pollfd{in_, POLLOUT, 0}};
    if (!hd::wait_for(ready, deadline)) return false;
    const ssize_t wrote = ::write(in_, input.data(), input.size());
    if (wrote > 0) input.remove_prefix(static_cast<std::size_t>(wrote));
    if (wrote < 0 && errno != EINTR && errno != EAGAIN) return false;
  }
  return true;
}

void Running::close_input() { hd::close(in_); }
void Running::close_output() { hd::close(out_); }

std::optional<std::string> Running::line(steady_clock::duration limit) {
  const auto deadline = steady_clock::now() + limit;
  for (;;) {
    if (const std::size_t end = pending_.find('\n'); end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    std::array<pollfd, 1> ready{pollfd{out_, POLLIN, 0}};
    if (!hd::wait_for(ready, deadline) || !hd::take(out_, pending_)) return std::nullopt;
  }
}

std::string Running::packet() {
  std::string text(std::size_t{1} << 20, '\0');
  std::array<pollfd, 1> ready{pollfd{out_, POLLIN, 0}};
  if (!hd::wait_for(ready, steady_clock::now() + patience)) return {};
  const ssize_t got = ::recv(out_, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::optional<std::uint64_t> Running::peak_memory() const {
  const std::string path = "/proc/" + std::to_string(pid_) + "/status";
  constexpr std::string_view name = "VmHWM:";
  const std::string status = exists(path) ? read_file(path) : "";
  const std::size_t at = status.find(name);
  if (at == std::string::npos) return std::nullopt;
  return std::stoull(status.substr(at + name.size()));
}

Outcome Running::finish() {
  close_input();
  return finish({});
}

Outcome Running::finish(std::string_view input) {
  Outcome outcome;
  outcome.out = std::exchange(pending_, {});
  const auto deadline = steady_clock::now() + patience;
  while (out_ >= 0 || err_ >= 0) {
    if (input.empty()) hd::close(in_);
    // poll() skips what is negative.
    std::array<pollfd, 3> fds{pollfd{in_, POLLOUT, 0}, pollfd{out_, POLLIN, 0},
                              pollfd{err_, POLLIN, 0}};
    if (!hd::wait_for(fds, deadline)) break;
    if (fds[0].revents != 0) {
      const ssize_t wrote = ::write(in_, input.data(), input.size());
      if (wrote > 0) input.remove_prefix(static_cast<std::size_t>(wrote));
      if (wrote < 0 && errno != EINTR && errno != EAGAIN) hd::close(in_);
    }
    if (fds[1].revents != 0 && !hd::take(out_, outcome.out)) hd::close(out_);
    if (fds[2].revents != 0 && !hd::take(err_, outcome.err)) hd::close(err_);
  }
  hd::close(in_);
  if (steady_clock::now() >= deadline) {
    kill();
    outcome.err += "\n(killed: it did not end)\n";
    return outcome;
  }
  int status = 0;
  hd::must(::waitpid(std::exchange(pid_, -1), &status, 0), "waitpid");
  if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
  return outcome;
}

Outcome run(const Args& args, std::string_view input) { return Running(args).finish(input); }

Outcome run_to(const std::string& path, const Args& args, std::string_view input) {
  return Running(args, path).finish(input);
}

std::string results(const Args& args, std::string_view input) {
  const auto outcome = run(args, input);
  CAPTURE(args, outcome.err);
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  return outcome.out;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) FAIL("no line end behind " << text.substr(0, 500));
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<Json> objects(std::string_view jsonl) {
  std::vector<Json> rows;
  for (const auto& line : split_lines(jsonl)) {
    rows.push_back(Json::parse(line, nullptr, false));
    if (!rows.back().is_object()) FAIL("no JSON object: " << line.substr(0, 500));
  }
  return rows;
}

Json column(const std::vector<Json>& rows, const std::string& name) {
  Json values = Json::array();
  for (const auto& row : rows) {
    if (!row.contains(name)) FAIL("no member " << name << " in " << row.dump());
    values.push_back(row.at(name));
  }
  return values;
}

std::vector<std::string> names(const Json& object) {
  std::vector<std::string> all;
  for (const auto& [name, value] : object.items()) all.push_back(name);
  return all;
}

std::vector<CsvRow> parse_csv(std::string_view csv) {
  std::vector<CsvRow> rows;
  while (!csv.empty()) {
    CsvRow row;
    for (bool more = true; more;) {
      std::optional<std::string> field;
      if (csv.substr(0, 1) == "\"") {
        field.emplace();
        for (;;) {
          csv.remove_prefix(1);
          const std::size_t quote = csv.find('"');
          REQUIRE(quote != std::string_view::npos);
          field->append(csv.substr(0, quote));
          csv.remove_prefix(quote + 1);
          if (csv.substr(0, 1) != "\"") break;
          *field += '"';
        }
      } else if (const std::size_t end = csv.find_first_of(",\"\r\n"); end != 0) {
        REQUIRE(end != std::string_view::npos);
        field = csv.substr(0, end);
        csv.remove_prefix(end);
      }
      row.push_back(field);
      more = csv.substr(0, 1) == ",";
      if (more) csv.remove_prefix(1);
    }
    REQUIRE(csv.substr(0, 2) == "\r\n");
    csv.remove_prefix(2);
    rows.push_back(row);
  }
  return rows;
}

std::string event(std::string_view user, std::int64_t time, std::string_view more) {
  return Json{{"user_id", user}, {"event_timestamp", time}}.dump().insert(
             1, more.empty() ? std::string() : std::string(more) + ',') +
         '\n';
}

std::string events(const std::vector<std::int64_t>& times, std::string_view user) {
  std::string lines;
  for (const auto time : times) lines += event(user, time);
  return lines;
}

std::string joined(const std::vector<std::string>& lines, std::size_t from, std::size_t to) {
  std::string text;
  for (std::size_t i = from; i < to; ++i) text += lines[i];
  return text;
}

std::string repeated(std::string_view text, std::size_t times) {
  if (text.size() == 1) return std::string(times, text.front());
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace command_test
