#ifndef SESSIONIZE_DETAIL_OUTBOX_HPP
#define SESSIONIZE_DETAIL_OUTBOX_HPP

#include <sessionize/detail/ledger.hpp>
#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/record.hpp>
#include <sessionize/sink.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <utility>

namespace sessionize {
inline namespace v0 {
namespace detail {

template <class Sink>
inline constexpr char sink_type_tag = 0;

/// What sinks have refused, with copies of its keys and events, in order. Invariant: while it is
/// not empty, nothing else is given to a sink. A record goes to the type of sink that refused it,
/// which alone is known to take it; a summary to any sink that takes summaries.
///
/// The ledger: a caller counts the events of a session that it has closed as pending; the outbox
/// moves them to emitted when a sink has the summary. A record is pending when it is kept. Whatever
/// a sink does, refuse or throw, the counters are true after the call.
template <session_clock Clock, session_key Key>
class Outbox {
 public:
  using SummaryV = SummaryView<Clock, Key>;

  Ledger ledger{};

  /// Gives a summary to a sink that takes summaries, and keeps it where the sink has not taken it.
  template <class Sink>
  Delivery send(Sink& sink, const SummaryV& summary) {
    Keeper keeper{*this, &summary};
    return keeper.answer(deliver_summary(sink, summary));
  }

  /// Gives the summary that an event closed, if any, and the event's record to a sink.
  template <class Event, class Sink>
  Delivery send(Sink& sink, const SummaryV* closed, const RecordView<Clock, Key, Event>& record) {
    RecordKeeper<Event, Sink> keep_record{*this, record};
    if (closed != nullptr && send(sink, *closed) == Delivery::refused) return Delivery::refused;
    return keep_record.answer(deliver_record(sink, record));
  }

  /// Gives a sink what is pending, first to last, until it refuses.
  template <class Sink>
  Delivery resend(Sink& sink) {
    while (!pending_.empty()) {
      if (resend_one(sink, pending_.front()) == Delivery::refused) return Delivery::refused;
      if (pending_.front().record) --ledger.records_pending;
      pending_.pop_front();
    }
    return Delivery::ok;
  }

 private:
  template <class Object>
  friend struct SnapshotAccess;
  using KeptRecord = Record<Clock, Key, std::shared_ptr<const void>>;
  struct Pending {
    std::optional<Summary<Clock, Key>> summary{};
    std::optional<KeptRecord> record{};
    const char* sink_type = nullptr;
    Delivery (*resend_record)(Outbox&, void* sink, const KeptRecord&) = nullptr;
  };

  /// Keeps a summary unless its sink turns out to have it, also when the sink throws. There is no
  /// way to lose less than everything where there is no memory left to keep it: the program ends.
  struct Keeper {
    Outbox& outbox;
    const SummaryV* kept;

    ~Keeper() {
      if (kept != nullptr) outbox.pending_.push_back({kept->owned(), {}, nullptr, nullptr});
    }
    Delivery answer(Delivery delivery) noexcept {
      if (delivery == Delivery::ok) kept = nullptr;
      return delivery;
    }
  };
  template <class Event, class Sink>
  struct RecordKeeper {
    Outbox& outbox;
    const RecordView<Clock, Key, Event>& record;
    bool taken = false;

    ~RecordKeeper() {
      if (taken) return;
      ++outbox.ledger.records_pending;
      outbox.pending_.push_back(
          {{},
           KeptRecord{record, Key(record.key), std::make_shared<const Event>(record.event)},
           &sink_type_tag<Sink>,
           [](Outbox& self, void* sink, const KeptRecord& kept) {
             return self.deliver_record<Event>(
                 *static_cast<Sink*>(sink),
                 {kept, key_view_t<Key>(kept.key), *static_cast<const Event*>(kept.event.get())});
           }});
    }
    Delivery answer(Delivery delivery) noexcept {
      taken = delivery == Delivery::ok;
      return delivery;
    }
  };

  template <class Sink>
  Delivery deliver_summary(Sink& sink, const SummaryV& summary) {
    if constexpr (takes<Sink, SummaryV>)
      if (deliver(sink, summary) == Delivery::refused) return Delivery::refused;
    ledger.events_pending -= summary.events.value_or(0);
    ledger.events_emitted += summary.events.value_or(0);
    return Delivery::ok;
  }
  template <class Event, class Sink>
  Delivery deliver_record(Sink& sink, const Record<Clock, key_view_t<Key>, const Event&>& record) {
    if constexpr (takes<Sink, RecordView<Clock, Key, Event>>) return deliver(sink, record);
    return Delivery::ok;
  }

  template <class Sink>
  Delivery resend_one(Sink& sink, const Pending& pending) {
    if (pending.summary) {
      if constexpr (!takes<Sink, SummaryV>) return Delivery::refused;
      const auto& kept = *pending.summary;
      return deliver_summary(sink, SummaryV{key_view_t<Key>(kept.key), kept.start, kept.last,
                                            kept.events, kept.reason, kept.ordinal});
    }
    if (pending.sink_type != &sink_type_tag<Sink>) return Delivery::refused;
    return pending.resend_record(*this, const_cast<void*>(static_cast<const void*>(&sink)),
                                 *pending.record);
  }

  std::deque<Pending> pending_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
