// A binary heap whose items know where they stand, so that any of them can be moved or taken out.
//
// Several heaps may share one array of places, as long as no item is in two of them. Order: smallest key first, then
// smallest item. Complexity: O(log items) for each change. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace selmcast::maxmin {

class IndexedHeap {
 public:
  struct Entry {
    double key = 0;
    std::uint32_t item = 0;
    bool operator<(const Entry& other) const {
      return key != other.key ? key < other.key : item < other.item;
    }
  };
  using Places = std::vector<std::uint32_t>;  // by item; of those in no heap anything

  bool empty() const { return entries_.empty(); }
  const Entry& top() const { return entries_.front(); }
  double key(std::uint32_t place) const { return entries_[place].key; }

  void insert(Entry entry, Places& places) {
    entries_.emplace_back();
    sift(entries_.size() - 1, entry, places);
  }
  void change(Entry entry, Places& places) { sift(places[entry.item], entry, places); }
  void erase(std::uint32_t item, Places& places) {
    const Entry last = entries_.back();
    entries_.pop_back();
    if (last.item != item) sift(places[item], last, places);
  }
  // All keys become less by this.
  void lower(double by) {
    for (Entry& entry : entries_) entry.key -= by;
  }

 private:
  // Brings the entry, for which `place` is free, to where it belongs.
  void sift(std::size_t place, Entry entry, Places& places) {
    for (; place > 0 && entry < entries_[(place - 1) / 2]; place = (place - 1) / 2)
      put(place, entries_[(place - 1) / 2], places);
    for (std::size_t child = 2 * place + 1; child < entries_.size(); child = 2 * place + 1) {
      if (child + 1 < entries_.size() && entries_[child + 1] < entries_[child]) ++child;
      if (!(entries_[child] < entry)) break;
      put(place, entries_[child], places);
      place = child;
    }
    put(place, entry, places);
  }
  void put(std::size_t place, Entry entry, Places& places) {
    entries_[place] = entry;
    places[entry.item] = static_cast<std::uint32_t>(place);
  }

  std::vector<Entry> entries_;
};

}  // namespace selmcast::maxmin
