#ifndef SESSIONIZE_STATE_LINE_TABLE_HPP
#define SESSIONIZE_STATE_LINE_TABLE_HPP

#include <sessionize/detail/pages.hpp>
#include <sessionize/detail/processor.hpp>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// A bit for each lane of a line that is not free.
template <class Line>
[[nodiscard]] inline unsigned taken_lanes(Line& line) noexcept {
  return ((1U << Line::lanes) - 1) & ~line.free_lanes();
}
/// How many lanes, of eight at most. Without flags for it, popcount is a call.
[[nodiscard]] constexpr std::size_t count_of(unsigned lanes) noexcept {
  constexpr std::uint64_t of_four = 0x4332'3221'3221'2110;
  return (of_four >> lanes % 16 * 4 & 15) + (of_four >> lanes / 16 * 4 & 15);
}

/// A hash table of cache lines: a key is looked for in one line, and rarely in the next.
///
/// A `Line` has `lanes` places, each free or taken by an item with a hash:
///
///     static constexpr unsigned lanes;
///     unsigned free_lanes() const;            // a bit for each
///     unsigned clean_lanes() const;           // those of them that are clean
///     void copy(unsigned lane, Line& to, unsigned at) const;  // an item, to a free place
///     void move(unsigned lanes, Line& to);    // items, to the same lanes of a clean line
///     void clear(unsigned lane);              // makes it free and clean
///     void soil(unsigned lane);               // makes it free, and not clean
///
/// `HashOf` is a function object of a line and a lane that gives an item's hash, of which the upper
/// half counts.
///
/// Lines lie in segments of a power of two. A segment that is full is split in two by one more of
/// the hash's upper bits (extendible hashing: Fagin, Nievergelt, Pippenger and Strong, 1979), so
/// that growing never stops the world: it moves the items of one segment of 4 MB. Invariants:
/// - every segment has `mask_ + 1` lines; directory_[the hash's top depth_ bits] is the one that an
///   item is in, where depth_ is at least 1; a segment that is shared by 2^k entries of the
///   directory has depth depth_ - k;
/// - an item is in its home line, `hash >> 32 & mask_`, or behind it in its segment (cyclic), and
///   each line from home to there, but for the last, was full and is passed by it, which the
///   segment counts;
/// - a place that is free in a line that is passed is not clean: a look-up ends at a clean one, or
///   where it began. (There need not be a clean one: lines stay passed when those that filled them
///   are erased. In a table of a dozen items it happens, once in millions of sessions.)
/// - a segment has a free place, so that inserting ends.
/// Nothing but growth moves an item; generation() counts that. Not thread-safe.
template <class Line, class HashOf>
class LineTable {
 public:
  /// A place in the table, good until it grows. Null where `line` is.
  struct Place {
    Line* line = nullptr;
    unsigned lane = 0;
    explicit operator bool() const noexcept { return line != nullptr; }
  };

  explicit LineTable(HashOf hash_of = {}) : hash_of_(hash_of) {}
  LineTable(const LineTable& other)
      : hash_of_(other.hash_of_),
        segments_(other.segments_),
        directory_(other.directory_),
        owner_(other.owner_),
        depth_(other.depth_),
        mask_(other.mask_),
        size_(other.size_) {
    point();
  }
  LineTable(LineTable&& other) noexcept : hash_of_(other.hash_of_) { swap(other); }
  LineTable& operator=(LineTable other) noexcept {
    swap(other);
    return *this;
  }
  ~LineTable() = default;

  void swap(LineTable& other) noexcept {
    std::swap(hash_of_, other.hash_of_);
    std::swap(segments_, other.segments_);
    std::swap(directory_, other.directory_);
    std::swap(owner_, other.owner_);
    std::swap(depth_, other.depth_);
    std::swap(mask_, other.mask_);
    std::swap(lines_, other.lines_);
    std::swap(homes_, other.homes_);
    std::swap(size_, other.size_);
    ++generation_;
    ++other.generation_;
  }

  /// The line where an item with this hash is looked for first: of an empty table, one where
  /// everything is free.
  [[nodiscard]] Line* home(std::uint64_t hash) const noexcept {
    // Which one is foreseen, and a directory costs more than the rest.
    if (homes_.is_single_) [[likely]]
      return homes_.in_first(hash);
    return homes_(hash);
  }
  /// home() as a value of its own, for loops.
  class Homes {
   public:
    [[nodiscard]] Line* operator()(std::uint64_t hash) const noexcept {
      return line(segment(hash), hash);
    }
    /// The same for a table of one segment.
    [[nodiscard]] Line* in_first(std::uint64_t hash) const noexcept { return line(first_, hash); }

   private:
    friend LineTable;
    static constexpr unsigned line_bits = std::bit_width(sizeof(Line)) - 1;
    static_assert(sizeof(Line) == std::size_t{1} << line_bits);

    Homes() noexcept : Homes(nowhere_, 1, 0, true) {}
    Homes(Line* const* directory, unsigned depth, std::size_t mask, bool is_single) noexcept
        : directory_(directory),
          first_(directory[0]),
          bytes_mask_(mask << line_bits),
          shift_(64 - depth),
          is_single_(is_single) {}
    [[nodiscard]] Line* segment(std::uint64_t hash) const noexcept {
      return directory_[hash >> shift_];
    }
    /// Line hash >> 32 & mask, with one shift.
    [[nodiscard]] Line* line(Line* segment, std::uint64_t hash) const noexcept {
      return reinterpret_cast<Line*>(reinterpret_cast<std::byte*>(segment) +
                                     (hash >> (32 - line_bits) & bytes_mask_));
    }

    static inline Line none_{};
    static inline Line* const nowhere_[2] = {&none_, &none_};

    Line* const* directory_;
    Line* first_;
    std::size_t bytes_mask_;
    unsigned shift_;
    bool is_single_;
  };
  [[nodiscard]] Homes homes() const noexcept { return homes_; }
  /// The line behind `line`, where an item with this hash is looked for next.
  [[nodiscard]] Line* next(std::uint64_t hash, Line* line) const noexcept {
    Line* const segment = homes_.segment(hash);
    return segment + (static_cast<std::size_t>(line - segment + 1) & mask_);
  }
  /// The place of the item that is looked for; null where there is none. `equal(line)` has a bit
  /// for each lane of a line that it is in.
  template <class Equal>
  [[nodiscard]] Place find(std::uint64_t hash, Equal equal) const noexcept {
    Line* const first = home(hash);
    Line* line = first;
    do {
      if (const unsigned lanes = equal(*line); lanes != 0)
        return {line, static_cast<unsigned>(std::countr_zero(lanes))};
      if (line->clean_lanes() != 0) return {};
      line = next(hash, line);
    } while (line != first);
    return {};
  }
  /// Whether an item that is not in this line, where it was looked for, may be further on.
  [[nodiscard]] static bool goes_on(Line& line) noexcept { return line.clean_lanes() == 0; }
  /// A clean place for an item with this hash, to be filled at once. Where it throws (memory),
  /// nothing has changed.
  [[nodiscard]] Place insert(std::uint64_t hash) {
    if (directory_.empty()) start();
    Segment* segment = &owner(hash);
    for (; segment->taken >= segment->room; segment = &owner(hash)) grow(hash);
    ++size_;
    return take(*segment, hash);
  }
  /// Asks the memory for what insert() needs of an item whose home line is full.
  SESSIONIZE_PREFETCHES void ask_to_pass(std::uint64_t hash) const noexcept {
    __builtin_prefetch(&segments_[owner_[hash >> (64 - depth_)]].passed[hash >> 32 & mask_], 1);
  }
  /// The same in its home line, if there is a clean one; null where there is none.
  [[nodiscard]] Place insert_at_home(std::uint64_t hash, Line& home) noexcept {
    Segment& segment = owner(hash);
    const unsigned free = home.clean_lanes();
    if (free == 0 || segment.taken >= segment.room) return {};
    ++segment.taken;
    ++size_;
    return {&home, static_cast<unsigned>(std::countr_zero(free))};
  }
  /// Makes the place of an item with this hash free.
  void erase(std::uint64_t hash, Place place) noexcept {
    Segment& segment = owner(hash);
    for (std::size_t at = hash >> 32; &segment.lines[at & mask_] != place.line; ++at)
      segment.unpass(at & mask_);
    free_place(segment, *place.line, place.lane);
    --segment.taken;
    --size_;
  }

  [[nodiscard]] bool empty() const noexcept { return directory_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return lines_ * (sizeof(Line) + sizeof(Passed));
  }
  /// Changes whenever items have moved.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

  /// All lines are numbered, so that they can be visited a few at a time.
  [[nodiscard]] std::size_t lines() const noexcept { return lines_; }
  [[nodiscard]] Line& line(std::size_t number) const noexcept {
    const int segment_bits = std::countr_zero(mask_ + 1);
    return const_cast<Line&>(segments_[number >> segment_bits].lines[number & mask_]);
  }

  /// Makes room for `items` in all.
  void reserve(std::size_t items) {
    const auto [lines, segments] = shape_for(items);
    if (segments * lines > this->lines()) rebuild(lines, segments);
  }
  /// Gives memory back where less than an eighth of it is in use.
  void shrink() {
    if (size_ == 0) {
      LineTable none(hash_of_);
      swap(none);
    }
    if (directory_.empty() || size_ * 8 > lines() * Line::lanes || lines() <= 2) return;
    const auto [lines, segments] = shape_for(size_);
    rebuild(lines, segments);
  }

 private:
  static constexpr std::size_t full_segment = (std::size_t{4} << 20) / sizeof(Line);
  static constexpr unsigned max_depth = 16;  // the bits above those that choose a line

  /// How many items have passed a line; `many` is that many or more, for good.
  using Passed = std::uint8_t;
  static constexpr Passed many = 255;

  struct Segment {
    std::vector<Line, PageAllocator<Line>> lines;
    std::vector<Passed> passed;  // each line: beside them, as only changes ask for it
    std::size_t taken = 0;
    std::size_t room = 0;
    unsigned depth = 0;

    Segment() = default;
    Segment(std::size_t count, std::size_t its_room, unsigned its_depth)
        : lines(count), passed(count), room(its_room), depth(its_depth) {}

    void pass(std::size_t line) noexcept {
      if (passed[line] != many) ++passed[line];
    }
    void unpass(std::size_t line) noexcept {
      if (passed[line] != many && --passed[line] == 0) clean(lines[line]);
    }
    static void clean(Line& line) noexcept {
      for (unsigned soiled = line.free_lanes() & ~line.clean_lanes(); soiled != 0;
           soiled &= soiled - 1)
        line.clear(static_cast<unsigned>(std::countr_zero(soiled)));
    }
  };

  /// How many items the segment of this number takes that has so many lines. Small ones take fewer,
  /// as lines are cheap, and each item that is not in its home line costs more than one. Full ones
  /// differ by up to a tenth: they fill up equally fast, and must not all be split at a time.
  [[nodiscard]] static constexpr std::size_t room(std::size_t lines, std::size_t number) noexcept {
    const std::size_t places = lines * Line::lanes;
    if (lines < full_segment) return places * 3 / 8;
    // Steps of the golden ratio are spread evenly, however many there are.
    const std::size_t step = number * 0x9e37'79b9 % (std::size_t{1} << 32) >> 22;
    return places * 13 / 20 + places * step / 10 / 1024;
  }
  [[nodiscard]] static constexpr std::size_t least_room(std::size_t lines) noexcept {
    return room(lines, 0);
  }
  struct Shape {
    std::size_t lines, segments;
  };
  [[nodiscard]] static Shape shape_for(std::size_t items) noexcept {
    Shape shape{2, 1};
    while (shape.lines < full_segment && least_room(shape.lines) < items) shape.lines *= 2;
    // A little more than that, as the segments are not equally full.
    if (least_room(shape.lines) < items)
      while (least_room(shape.lines) * shape.segments < items + items / 16) shape.segments *= 2;
    return shape;
  }

  [[nodiscard]] Segment& owner(std::uint64_t hash) noexcept {
    return segments_[owner_[hash >> (64 - depth_)]];
  }
  void point() noexcept {
    for (std::size_t i = 0; i < owner_.size(); ++i)
      directory_[i] = segments_[owner_[i]].lines.data();
    lines_ = segments_.size() * (mask_ + 1);
    homes_ = directory_.empty() ? Homes()
                                : Homes(directory_.data(), depth_, mask_, segments_.size() == 1);
  }
  void start() { rebuild(2, 1); }

  /// A place in a segment that has room.
  Place take(Segment& segment, std::uint64_t hash) noexcept {
    ++segment.taken;
    for (std::size_t at = hash >> 32;; ++at) {
      Line& line = segment.lines[at & mask_];
      // Which lane it is cannot be foreseen: no branch hangs on it.
      if (const unsigned free = line.free_lanes(); free != 0) {
        const auto lane = static_cast<unsigned>(std::countr_zero(free));
        line.clear(lane);
        return {&line, lane};
      }
      segment.pass(at & mask_);
    }
  }
  static void free_place(Segment& segment, Line& line, unsigned lane) noexcept {
    if (segment.passed[static_cast<std::size_t>(&line - segment.lines.data())] == 0)
      line.clear(lane);
    else
      line.soil(lane);
  }
  /// Copies an item to where it belongs.
  void copy_home(const Line& from, unsigned lane) noexcept {
    const std::uint64_t hash = hash_of_(from, lane);
    const Place to = take(owner(hash), hash);
    from.copy(lane, *to.line, to.lane);
  }

  /// Moves an item to where it belongs. It counts as having passed nothing.
  void go_home(Segment& from, std::size_t at, unsigned lane) noexcept {
    Line& line = from.lines[at];
    Line held;
    line.copy(lane, held, 0);
    free_place(from, line, lane);
    --from.taken;
    copy_home(held, 0);
  }

  /// Makes room in the segment of `hash`.
  void grow(std::uint64_t hash) {
    Segment& segment = owner(hash);
    // Where hashes differ in no bit of many, which a good one does not do, splitting is no help:
    // then a segment may fill up, and lines are added to all.
    const auto enough = static_cast<unsigned>(std::bit_width(segments_.size())) + 2;
    if (mask_ + 1 >= full_segment && segment.depth < std::min(max_depth, enough)) {
      split(hash);
    } else if (mask_ + 1 >= full_segment && segment.room < (mask_ + 1) * Line::lanes / 8 * 7) {
      segment.room = (mask_ + 1) * Line::lanes / 8 * 7;
    } else {
      rebuild((mask_ + 1) * 2, segments_.size() == 1 ? 1 : std::size_t{1} << depth_);
    }
  }
  void split(std::uint64_t hash) {
    const std::size_t old = owner_[hash >> (64 - depth_)];
    const unsigned depth = segments_[old].depth + 1;
    std::vector<Line*> directory = directory_;
    std::vector<std::uint32_t> owners = owner_;
    if (depth > depth_) {
      directory.resize(directory.size() * 2);
      owners.resize(owners.size() * 2);
      for (std::size_t i = 0; i < owners.size(); ++i) owners[i] = owner_[i / 2];
    }
    const std::size_t number = segments_.size();
    Segment high(mask_ + 1, room(mask_ + 1, number), depth);
    segments_.reserve(number + 1);

    depth_ = std::max(depth_, depth);
    directory_.swap(directory);
    owner_.swap(owners);
    segments_.push_back(std::move(high));
    for (std::size_t i = 0; i < owner_.size(); ++i)
      if (owner_[i] == old && (i >> (depth_ - depth) & 1) != 0)
        owner_[i] = static_cast<std::uint32_t>(number);
    point();
    // Those of the upper half go to the same places there. Those that are not in their home line go
    // back towards it, as there may be room by now: not behind where they were, as all others in
    // between were there, too. The lines behind are as they were before, so those whose home line
    // is there, beyond the end, wait until the last line is done.
    Segment &low = segments_[old], &upper = segments_[number];
    low.depth = depth;
    std::fill(low.passed.begin(), low.passed.end(), Passed{0});
    std::size_t waiting_lines = 0;
    for (std::size_t at = 0; at <= mask_; ++at) {
      Line& line = low.lines[at];
      Segment::clean(line);
      const unsigned taken = taken_lanes(line);
      unsigned rises = 0, away = 0;
      for (unsigned lane = Line::lanes; lane-- != 0;) {
        const std::uint64_t its = hash_of_(line, lane);
        rises = rises + rises + static_cast<unsigned>(its >> (64 - depth) & 1);
        away = away + away + static_cast<unsigned>((its >> 32 & mask_) != at);
      }
      away &= taken;
      rises &= taken & ~away;
      line.move(rises, upper.lines[at]);
      const std::size_t risen = count_of(rises);
      low.taken -= risen;
      upper.taken += risen;
      for (; away != 0; away &= away - 1) {
        const auto lane = static_cast<unsigned>(std::countr_zero(away));
        if ((hash_of_(line, lane) >> 32 & mask_) > at)
          waiting_lines = at + 1;
        else
          go_home(low, at, lane);
      }
    }
    for (std::size_t at = 0; at < waiting_lines; ++at)
      for (unsigned lane = 0; lane < Line::lanes; ++lane)
        if ((taken_lanes(low.lines[at]) >> lane & 1) != 0 &&
            (hash_of_(low.lines[at], lane) >> 32 & mask_) > at)
          go_home(low, at, lane);
    ++generation_;
  }
  /// Builds the table anew, of `segments` (a power of two) of `lines` each, or more lines where
  /// the hashes are too unevenly spread.
  void rebuild(std::size_t lines, std::size_t segments) {
    const auto depth = static_cast<unsigned>(std::bit_width(segments) - 1);
    std::size_t most = size_;
    if (segments != 1) {
      std::vector<std::size_t> items(segments);
      for (Segment& from : segments_)
        for (Line& line : from.lines)
          for (unsigned taken = taken_lanes(line); taken != 0; taken &= taken - 1) {
            const auto lane = static_cast<unsigned>(std::countr_zero(taken));
            ++items[hash_of_(line, lane) >> (64 - depth)];
          }
      most = *std::max_element(items.begin(), items.end());
    }
    while (least_room(lines) < most) lines *= 2;
    LineTable made(hash_of_);
    made.depth_ = std::max(depth, 1U);
    made.mask_ = lines - 1;
    made.directory_.resize(std::max(segments, std::size_t{2}));
    made.owner_.resize(made.directory_.size());
    made.segments_.reserve(segments);
    for (std::size_t i = 0; i < segments; ++i) {
      made.segments_.emplace_back(lines, room(lines, i), depth);
      made.owner_[i] = static_cast<std::uint32_t>(i);
    }
    made.point();
    made.size_ = size_;
    for (Segment& from : segments_)
      for (Line& line : from.lines)
        for (unsigned taken = taken_lanes(line); taken != 0; taken &= taken - 1)
          made.copy_home(line, static_cast<unsigned>(std::countr_zero(taken)));
    const std::uint64_t generation = generation_ + 1;
    swap(made);
    generation_ = generation;
  }

  [[no_unique_address]] HashOf hash_of_;
  std::vector<Segment> segments_;
  std::vector<Line*> directory_;
  std::vector<std::uint32_t> owner_;  // of each entry of the directory, among segments_
  unsigned depth_ = 0;
  std::size_t mask_ = 0;
  std::size_t lines_ = 0;  // this and the next, of the members above
  Homes homes_;
  std::size_t size_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
