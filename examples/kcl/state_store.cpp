#include "state_store.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace kcl {
namespace {

[[noreturn]] void throw_errno(const std::string& what, int error = errno) {
  throw std::runtime_error(what + ": " + std::generic_category().message(error));
}

/// An open file or folder.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags)
      : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (fd_ < 0) throw_errno("cannot open " + path);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
      if (done < 0 && errno != EINTR) throw_errno("cannot write " + path_);
      if (done > 0) bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }
  /// Makes it outlast a loss of power.
  void sync() {
    // EINVAL: the file system has nothing to write for a folder.
    if (::fsync(fd_) != 0 && errno != EINVAL) throw_errno("cannot sync " + path_);
  }
  /// A shared file system may say only now that it has no room.
  void close() {
    if (::close(std::exchange(fd_, -1)) != 0) throw_errno("cannot close " + path_);
  }

 private:
  std::string path_;
  int fd_;
};

}  // namespace

StateFolder::StateFolder(std::string path) : path_(std::move(path)) {
  if (!std::filesystem::is_directory(path_)) throw std::runtime_error(path_ + " is no folder");
  std::random_device random;
  mine_ = std::to_string(::getpid()) + "-" + std::to_string(random()) + std::to_string(random());
}

std::optional<std::string> StateFolder::get(const std::string& name) {
  const std::string file = path_ + "/" + name;
  std::ifstream in(file, std::ios::binary);
  if (!in.is_open()) {
    if (errno == ENOENT) return std::nullopt;
    throw_errno("cannot read " + file);
  }
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) throw_errno("cannot read " + file);
  return bytes;
}

void StateFolder::claim(const std::string& owner) {
  const std::string name = "owner", file = path_ + "/" + name;
  if (!get(name)) {
    // A link, as a rename would replace what another has written meanwhile.
    const std::string made = make(name, owner);
    const int error = ::link(made.c_str(), file.c_str()) == 0 ? 0 : errno;
    ::unlink(made.c_str());
    if (error != 0 && error != EEXIST) throw_errno("cannot make " + file, error);
  }
  // Whoever has made it may not have come so far.
  Descriptor(path_, O_RDONLY | O_DIRECTORY).sync();
  if (const auto found = get(name); found != owner)
    throw std::runtime_error(path_ + " is of " + found.value_or("nobody") + ", not of " + owner +
                             ": each has a folder of its own");
}

std::string StateFolder::make(const std::string& name, std::string_view bytes) const {
  std::string made = path_ + "/." + name + "." + mine_;
  Descriptor out(made, O_WRONLY | O_CREAT | O_TRUNC);
  out.write(bytes);
  out.sync();
  out.close();
  return made;
}

void StateFolder::put(const std::string& name, std::string_view bytes) {
  const std::string file = path_ + "/" + name, made = make(name, bytes);
  if (::rename(made.c_str(), file.c_str()) != 0) throw_errno("cannot rename " + made);
  Descriptor(path_, O_RDONLY | O_DIRECTORY).sync();
}

std::vector<std::string> StateFolder::names(const std::string& prefix) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    if (auto name = entry.path().filename().string(); name.rfind(prefix, 0) == 0)
      found.push_back(std::move(name));
  return found;
}

void StateFolder::remove(const std::string& name) {
  const std::string file = path_ + "/" + name;
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) throw_errno("cannot remove " + file);
}

}  // namespace kcl
