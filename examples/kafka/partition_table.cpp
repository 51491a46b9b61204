#include "partition_table.hpp"

#include <summary_row.hpp>

#include <cstddef>
#include <stdexcept>
#include <utility>

namespace kafka {
namespace {

// The names that a partition's rows have in the table.
std::string position_of(const PartitionSessions& partition) {
  return partition.name() + " position";
}
std::string state_of(const PartitionSessions& partition) { return partition.name() + " state"; }
std::string outbox_of(const PartitionSessions& partition) { return partition.name() + " outbox"; }

}  // namespace

PartitionTable::PartitionTable(const std::string& path) : table_(path) {
  // Its first transaction has begun with it: other processes wait for its end.
  static_cast<void>(table_.state(""));
  table_.commit();
  check();
}

void PartitionTable::load(PartitionSessions& partition) {
  // In one transaction, so that all three are of one save.
  table_.begin();
  auto position = table_.state(position_of(partition));
  auto state = table_.state(state_of(partition));
  auto outbox = table_.state(outbox_of(partition));
  table_.commit();
  check();
  if (!position) return;
  partition.restore(
      {std::move(*position), std::move(state).value_or(""), std::move(outbox).value_or("")});
}

std::vector<PartitionSessions*> PartitionTable::save(std::span<PartitionSessions* const> partitions,
                                                     bool with_outbox) {
  // Before the transaction, for which others wait.
  std::vector<SavedPartition> saves;
  for (const auto* const partition : partitions) saves.push_back(partition->to_save(with_outbox));

  std::vector<PartitionSessions*> refused;
  std::vector<bool> stored(partitions.size());
  std::string id;
  table_.begin();
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const PartitionSessions& partition = *partitions[i];
    stored[i] = table_.state(position_of(partition)) == partition.saved_position();
    if (!stored[i]) {
      refused.push_back(partitions[i]);
      continue;
    }
    for (const auto& session : partition.closed())
      table_.store(command::row_of(session, to_string(session.reason), id));
    table_.put_state(position_of(partition), saves[i].position);
    table_.put_state(state_of(partition), saves[i].state);
    table_.put_state(outbox_of(partition), saves[i].outbox);
  }
  table_.commit();
  check();
  for (std::size_t i = 0; i < partitions.size(); ++i)
    if (stored[i]) partitions[i]->was_saved(std::move(saves[i]));
  return refused;
}

void PartitionTable::check() const {
  if (table_.failed()) throw std::runtime_error(table_.complaint());
}

}  // namespace kafka
