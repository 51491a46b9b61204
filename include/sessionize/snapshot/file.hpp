#ifndef SESSIONIZE_SNAPSHOT_FILE_HPP
#define SESSIONIZE_SNAPSHOT_FILE_HPP

#include <sessionize/snapshot/save.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#if __has_include(<unistd.h>) && __has_include(<fcntl.h>)
#include <fcntl.h>
#include <unistd.h>
#define SESSIONIZE_HAS_FSYNC
#endif

namespace sessionize {
inline namespace v0 {

namespace detail {

/// Makes what was written to a file, or to a folder's list of files, outlast a loss of power, where
/// the system has a call for that. Returns whether it did.
inline bool sync_file([[maybe_unused]] std::FILE* file) noexcept {
#ifdef SESSIONIZE_HAS_FSYNC
  return ::fsync(::fileno(file)) == 0;
#else
  return true;
#endif
}
inline bool sync_folder_of([[maybe_unused]] const std::string& path) noexcept {
#ifdef SESSIONIZE_HAS_FSYNC
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == EACCES;  // a folder that may be written and not be read
  // EINVAL: the file system has nothing to write for a folder.
  const bool done = ::fsync(fd) == 0 || errno == EINVAL;
  ::close(fd);
  return done;
#else
  return true;
#endif
}

/// A file that is closed when it goes.
class File {
 public:
  File(const std::string& path, const char* mode) noexcept
      : file_(std::fopen(path.c_str(), mode)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }

  [[nodiscard]] std::FILE* get() const noexcept { return file_; }
  bool close() noexcept {
    std::FILE* const file = std::exchange(file_, nullptr);
    return file == nullptr || std::fclose(file) == 0;
  }

 private:
  std::FILE* file_;
};

[[nodiscard]] inline Failure<SnapshotError> file_failure(SnapshotReason reason,
                                                         const std::string& what, int error) {
  return Failure{SnapshotError{reason, what + ": " + std::generic_category().message(error)}};
}

}  // namespace detail

/// Saves as save() does, into a file that is replaced as a whole: whenever the program or the
/// machine stops, `path` holds the old snapshot or the new one. The new one is written to `path`
/// with ".tmp" behind it, made to last by fsync, and renamed; a file of that name is overwritten,
/// so that one that an interrupted call has left behind is gone with the next. Where something
/// fails, `path` is as it was; but where only the folder cannot be made to last, which comes last,
/// it holds the new one. One call at a time may save to a path.
template <class Object>
[[nodiscard]] Result<std::uint64_t, SnapshotError> save_file(const Object& object,
                                                             const std::string& path,
                                                             std::string_view position = {}) {
  const std::string made = path + ".tmp";
  const auto fail = [&](const std::string& what) {
    const int error = errno;
    std::remove(made.c_str());
    return detail::file_failure(SnapshotReason::cannot_write, what, error);
  };
  detail::File file(made, "wb");
  if (file.get() == nullptr)
    return detail::file_failure(SnapshotReason::cannot_write, "cannot write " + made, errno);
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // the bytes come in blocks
  auto saved = save(
      object,
      [&](std::string_view bytes) {
        return std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
      },
      position);
  if (!saved && saved.error().reason != SnapshotReason::cannot_write) {
    std::remove(made.c_str());
    return saved;
  }
  if (!saved || !detail::sync_file(file.get()) || !file.close())
    return fail("cannot write " + made);
  std::error_code error;
  std::filesystem::rename(made, path, error);
  if (error) {
    errno = error.value();
    return fail("cannot rename " + made + " to " + path);
  }
  // The new snapshot is in its place; that it stays there without power is what could not be had.
  if (!detail::sync_folder_of(path))
    return detail::file_failure(SnapshotReason::cannot_write, "cannot sync the folder of " + path,
                                errno);
  return saved;
}

/// Restores what save_file() has saved. The reason is `no_file` where there is none: the first run.
template <class Object>
[[nodiscard]] Result<std::string, SnapshotError> restore_file(Object& object,
                                                              const std::string& path) {
  const detail::File file(path, "rb");
  if (file.get() == nullptr) {
    const int error = errno;
    return detail::file_failure(
        error == ENOENT ? SnapshotReason::no_file : SnapshotReason::cannot_read,
        "cannot read " + path, error);
  }
  auto restored = restore(object, [&](std::span<char> room) {
    const std::size_t got = std::fread(room.data(), 1, room.size(), file.get());
    return got == 0 && std::ferror(file.get()) != 0 ? std::ptrdiff_t{-1}
                                                    : static_cast<std::ptrdiff_t>(got);
  });
  if (!restored)
    return Failure{SnapshotError{restored.error().reason, path + ": " + restored.error().message}};
  return restored;
}

}  // namespace v0
}  // namespace sessionize

#endif
