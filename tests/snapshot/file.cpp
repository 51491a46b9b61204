#include <sessionize/snapshot/file.hpp>

#include "catch.hpp"
#include "snapshot/bytes.hpp"

#include <sessionize/snapshot/sessionizer.hpp>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

// Would catch: a file that is neither the old snapshot nor the new one.

namespace snapshot_file_test {
namespace {

using namespace std::chrono_literals;
using namespace snapshot_bytes;
namespace fs = std::filesystem;
namespace sz = sessionize;
using sz::EventClock;
using sz::SnapshotReason;
using Sessions = sz::Sessionizer<EventClock, std::string>;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("sessionize-snapshot-" + std::to_string(::getpid()));
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  [[nodiscard]] std::string operator/(const char* name) const { return (path / name).string(); }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }
};

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Sessions some(int users) {
  Sessions sessions;
  for (int user = 0; user < users; ++user)
    sessions.observe("user" + std::to_string(user), EventClock::time_point{1s * user});
  return sessions;
}

// Holds: a file has the bytes of save(), replaces the last one, and leaves nothing beside it, also
// where an interrupted call had left something. Would catch: a longer old snapshot behind the new
// one, files that gather.
TEST_CASE("snapshot file: saved, replaced, restored", "[snapshot]") {
  const Folder folder;
  const auto path = folder / "state";
  std::ofstream(path + ".tmp") << "left behind";
  for (const int users : {100, 3}) {
    const auto saved = sz::save_file(some(users), path, "position");
    REQUIRE(saved);
    CHECK(content(path) == bytes_of(some(users), "position"));
    CHECK(*saved == fs::file_size(path));
    CHECK(folder.files() == 1);
    Sessions restored;
    const auto position = sz::restore_file(restored, path);
    REQUIRE(position);
    CHECK(*position == "position");
    CHECK(bytes_of(restored) == bytes_of(some(users)));
  }
}

// Holds: that there is no file is told apart from a file that cannot be read or is something else,
// and messages name the file. Would catch: a first run that fails; a mistyped name that begins
// anew.
TEST_CASE("snapshot file: no file, and no snapshot", "[snapshot]") {
  const Folder folder;
  auto target = some(3);
  const auto check = [&](const std::string& path, SnapshotReason reason) {
    const auto restored = sz::restore_file(target, path);
    REQUIRE_FALSE(restored);
    CAPTURE(restored.error().message);
    CHECK(to_string(restored.error().reason) == to_string(reason));
    CHECK(restored.error().message.find(path) != std::string::npos);
    CHECK(bytes_of(target) == bytes_of(some(3)));
  };
  check(folder / "none", SnapshotReason::no_file);
  check(folder / ".", SnapshotReason::cannot_read);
  std::ofstream(folder / "text") << "{\"user_id\":\"ann\"}\n";
  check(folder / "text", SnapshotReason::not_a_snapshot);
  check(folder / "text" + "/file", SnapshotReason::cannot_read);
  REQUIRE(sz::save_file(some(3), folder / "cut"));
  fs::resize_file(folder / "cut", 100);
  check(folder / "cut", SnapshotReason::damaged);
}

/// While it lives, no file can grow beyond a size, as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

// Holds: wherever the disk is full, the old snapshot stays, and nothing beside it. Would catch: an
// old file that is opened for writing, a short write that is not looked at.
TEST_CASE("snapshot file: a full disk", "[snapshot]") {
  const Folder folder;
  const auto path = folder / "state";
  REQUIRE(sz::save_file(some(2), path, "old"));
  const auto old = content(path);
  const auto sessions = some(2'000);
  const auto size = bytes_of(sessions).size();
  REQUIRE(size > 100'000);  // some blocks
  for (std::size_t room = 0; room < size; room += size / 17) {
    CAPTURE(room);
    const auto saved = [&] {
      const FullDisk full(room);
      return sz::save_file(sessions, path);
    }();
    REQUIRE_FALSE(saved);
    CHECK(saved.error().reason == SnapshotReason::cannot_write);
    CHECK(saved.error().message.find(path) != std::string::npos);
    CHECK(content(path) == old);
    CHECK(folder.files() == 1);
  }
  const FullDisk just_enough(size);
  CHECK(sz::save_file(sessions, path));
}

// Holds: a device that refuses every byte, a folder that is not there, and a place that cannot be
// replaced are errors with a reason, and change nothing. Would catch: a failed rename that passes
// for a saved state.
TEST_CASE("snapshot file: places that cannot be written", "[snapshot]") {
  const Folder folder;
  const auto path = folder / "state";
  const auto check = [&](const std::string& to) {
    const auto saved = sz::save_file(some(2), to);
    REQUIRE_FALSE(saved);
    CHECK(saved.error().reason == SnapshotReason::cannot_write);
    CHECK(saved.error().message.find(to) != std::string::npos);
    CHECK_FALSE(fs::exists(fs::symlink_status(to + ".tmp")));
  };
  check(folder / "missing/state");
  fs::create_directories(folder / "busy/inside");
  check(folder / "busy");
  CHECK(fs::exists(folder / "busy/inside"));
  if (fs::exists("/dev/full")) {
    REQUIRE(sz::save_file(some(1), path));
    const auto old = content(path);
    fs::create_symlink("/dev/full", path + ".tmp");
    check(path);
    CHECK(content(path) == old);
  }
}

// Holds: what may not be saved leaves the file as it was. Would catch: an old snapshot that makes
// room for an empty one.
TEST_CASE("snapshot file: pending deliveries", "[snapshot]") {
  const Folder folder;
  const auto path = folder / "state";
  auto sessions = some(2);
  REQUIRE(sz::save_file(sessions, path));
  const auto old = content(path);
  const auto refuses = [](const sz::SummaryView<EventClock, std::string>&) {
    return sz::Delivery::refused;
  };
  REQUIRE(sessions.flush(refuses).delivery == sz::Delivery::refused);
  const auto saved = sz::save_file(sessions, path);
  REQUIRE_FALSE(saved);
  CHECK(saved.error().reason == SnapshotReason::pending_deliveries);
  CHECK(content(path) == old);
  CHECK(folder.files() == 1);
}

}  // namespace
}  // namespace snapshot_file_test
