#ifndef SESSIONIZE_KCL_STATE_STORE_HPP
#define SESSIONIZE_KCL_STATE_STORE_HPP

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kcl {

/// Where states are kept, so that the next worker finds them, on whatever machine: a shared folder
/// here; a bucket or a table would do. Whatever cannot be done throws std::runtime_error.
class StateStore {
 public:
  StateStore() = default;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;
  virtual ~StateStore() = default;

  /// What was put there; nothing where nothing is.
  [[nodiscard]] virtual std::optional<std::string> get(const std::string& name) = 0;
  /// When it returns, all who ask see the whole of it, for good; before that, nothing of it. Two
  /// may put the same name at once, and one of theirs is there then.
  virtual void put(const std::string& name, std::string_view bytes) = 0;
  /// Names that begin so, in no particular order.
  [[nodiscard]] virtual std::vector<std::string> names(const std::string& prefix) = 0;
  /// Nothing happens where it is not there.
  virtual void remove(const std::string& name) = 0;
};

/// A folder that all workers see. What is not yet whole has a name of its own that begins with a
/// dot; one that a crash has left behind is nobody's.
class StateFolder : public StateStore {
 public:
  /// The folder is there.
  explicit StateFolder(std::string path);

  /// Makes the folder this owner's, for good; throws where it is another's. Names of states say
  /// neither stream nor application, so that of two in one folder each would remove the other's.
  /// Several may claim it at once.
  void claim(const std::string& owner);

  [[nodiscard]] std::optional<std::string> get(const std::string& name) override;
  void put(const std::string& name, std::string_view bytes) override;
  [[nodiscard]] std::vector<std::string> names(const std::string& prefix) override;
  void remove(const std::string& name) override;

 private:
  /// Writes a file of a name of its own, synced, and returns the name.
  [[nodiscard]] std::string make(const std::string& name, std::string_view bytes) const;

  std::string path_;
  std::string mine_;  // what no other writer's unfinished files have in their names
};

}  // namespace kcl

#endif
