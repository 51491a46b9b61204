#ifndef SESSIONIZE_STATE_KEY_STATES_HPP
#define SESSIONIZE_STATE_KEY_STATES_HPP

#include <sessionize/decide.hpp>
#include <sessionize/key.hpp>
#include <sessionize/state/entry_states.hpp>
#include <sessionize/state/integer_states.hpp>
#include <sessionize/state/text_states.hpp>

#include <concepts>
#include <string>
#include <type_traits>

// Where the states of keys are kept. All three kinds have one narrow interface, and a caller cannot
// tell them apart by what comes out:
//
//   find(key)           the slot of a key; false where it has none
//   load(slot)          the state; a reference to it, or a copy that is to be stored
//   store(slot, state)  puts a state back; may throw std::bad_alloc, and then has not
//   insert(key, state)  keeps the state of a key that has had none; may throw, and then has not.
//                       Those that are packed take the time of its first event
//   erase(slot)         also erase_all(slots): forgets keys
//   key(slot)           a view of the key, good until it is erased or another is inserted
//   groups(), visit(group, f)
//                       f(slot) for each state of a group; groups are numbered from 0, and what is
//                       erased while they are visited from the last to the first disturbs no other
//
// A slot is good until a key is inserted or erased. Keys that are integers or texts, under a rule
// that remembers nothing, have their states packed, several to a cache line, and can be decided on
// many at a time (packed_blocks.hpp).

namespace sessionize {
inline namespace v0 {
namespace detail {

template <class Rule>
inline constexpr bool remembers_nothing = std::same_as<rule_state_t<Rule>, NoState>;

template <session_clock Clock, class Key, class Rule, Counting counting>
struct ChooseStates {
  using type = EntryStates<Clock, Key, Rule, counting>;
};
template <session_clock Clock, class Key, class Rule, Counting counting>
requires(remembers_nothing<Rule> && (std::integral<Key> || std::is_enum_v<Key>)&&sizeof(Key) <=
                                        8) struct ChooseStates<Clock, Key, Rule, counting> {
  using type = IntegerStates<Clock, Key, Rule, counting>;
};
template <session_clock Clock, class Rule, Counting counting>
requires remembers_nothing<Rule>
struct ChooseStates<Clock, std::string, Rule, counting> {
  using type = TextStates<Clock, Rule, counting>;
};

template <session_clock Clock, class Key, class Rule, Counting counting>
using KeyStates = typename ChooseStates<Clock, Key, Rule, counting>::type;

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
