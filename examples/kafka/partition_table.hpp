#ifndef SESSIONIZE_KAFKA_PARTITION_TABLE_HPP
#define SESSIONIZE_KAFKA_PARTITION_TABLE_HPP

#include "partition_sessions.hpp"

#include <session_table.hpp>

#include <span>
#include <string>
#include <vector>

namespace kafka {

/// The SQLite database of the command's --into with, in its table `state`, what is saved of each
/// partition. Several processes may have it open: all that a save writes is one short transaction,
/// and it is refused where another one has saved the partition since it was loaded. So a worker
/// that does not know yet that it has lost a partition cannot write over what its new owner has
/// stored. What the database does not do throws std::runtime_error.
class PartitionTable {
 public:
  explicit PartitionTable(const std::string& path);

  /// Reads the last save of a partition, if there is one, into one that has taken nothing.
  void load(PartitionSessions& partition);

  /// Stores the closed sessions, positions, states and, where they are wanted, outboxes of
  /// partitions in one transaction, and returns those that were refused: they are as they were,
  /// here and there, and to be loaded anew or given up.
  [[nodiscard]] std::vector<PartitionSessions*> save(std::span<PartitionSessions* const> partitions,
                                                     bool with_outbox);

 private:
  void check() const;

  command::SessionTable table_;
};

}  // namespace kafka

#endif
