#include "selmcast/plan/matching.h"

#include "selmcast/base/check.h"
#include "selmcast/plan/age_classes.h"

namespace selmcast::plan {
namespace {

BitSet full_set(std::size_t size) {
  BitSet result(size);
  for (std::size_t k = 0; k < size; ++k) result.set(k);
  return result;
}

// Moves what `row` and `unreached` share to `reached`.
void reach(const Word* row, BitSet& unreached, BitSet& reached) {
  for (std::size_t w = 0; w < unreached.words(); ++w) {
    const Word found = row[w] & unreached.data()[w];
    unreached.data()[w] ^= found;
    reached.data()[w] |= found;
  }
}

}  // namespace

Matching::Matching(std::size_t size)
    : size_(size),
      senders_(size),
      receivers_(size),
      free_(size),
      held_(size),
      everybody_(full_set(size)),
      open_(size),
      unreached_senders_(size),
      unreached_receivers_(size) {
  for (std::size_t i = 0; i < size; ++i) {
    std::copy_n(everybody_.data(), free_.words(), free_.row(i));
    free_.clear(i, i);
  }
}

void Matching::set_receiver_cap(std::size_t receiver, std::int32_t cap) {
  receivers_[receiver].cap = cap;
  if (receivers_[receiver].count < cap)
    open_.set(receiver);
  else
    open_.clear(receiver);
}

void Matching::require(std::size_t sender, std::size_t receiver) {
  if (held_is_stale_) rebuild_held();
  if (free_.test(sender, receiver)) add(sender, receiver);
  held_.clear(receiver, sender);
  fixed_.emplace_back(static_cast<std::uint32_t>(sender), static_cast<std::uint32_t>(receiver));
}

void Matching::release_required() {
  if (held_is_stale_) rebuild_held();
  for (const auto& [sender, receiver] : fixed_) held_.set(receiver, sender);
  fixed_.clear();
}

void Matching::clear() {
  for (std::size_t i = 0; i < size_; ++i) {
    std::copy_n(everybody_.data(), free_.words(), free_.row(i));
    free_.clear(i, i);
    senders_[i].count = 0;
    receivers_[i].count = 0;
    if (receivers_[i].cap > 0) open_.set(i);
  }
  held_.clear_all();
  held_is_stale_ = false;
  pairs_ = 0;
  for (const auto& [sender, receiver] : fixed_) {
    add(sender, receiver);
    held_.clear(receiver, sender);
  }
}

void Matching::trim(const AgeClasses& ages) {
  if (held_is_stale_) rebuild_held();
  std::vector<std::pair<std::size_t, std::size_t>> by_class;  // class, other worker
  for (std::size_t i = 0; i < size_; ++i) {
    if (senders_[i].count <= senders_[i].most) continue;
    by_class.clear();
    for_each_receiver(i, [&](std::size_t j) {
      if (held_.test(j, i)) by_class.emplace_back(ages.class_of(i, j), j);
    });
    std::ranges::sort(by_class);
    for (std::size_t k = 0; senders_[i].count > senders_[i].most; ++k) remove(i, by_class[k].second);
  }
  for (std::size_t j = 0; j < size_; ++j) {
    if (receivers_[j].count <= receivers_[j].cap) continue;
    by_class.clear();
    for (std::size_t w = 0; w < held_.words(); ++w) {
      for_each_bit(held_.row(j)[w], w * kWordBits,
                   [&](std::size_t i) { by_class.emplace_back(ages.class_of(i, j), i); });
    }
    std::ranges::sort(by_class);
    for (std::size_t k = 0; receivers_[j].count > receivers_[j].cap; ++k) remove(by_class[k].second, j);
  }
}

void Matching::add(std::size_t sender, std::size_t receiver) {
  free_.clear(sender, receiver);
  held_.set(receiver, sender);
  ++senders_[sender].count;
  ++pairs_;
  if (++receivers_[receiver].count >= receivers_[receiver].cap) open_.clear(receiver);
}

void Matching::remove(std::size_t sender, std::size_t receiver) {
  free_.set(sender, receiver);
  held_.clear(receiver, sender);
  --senders_[sender].count;
  --pairs_;
  if (--receivers_[receiver].count < receivers_[receiver].cap) open_.set(receiver);
}

// Like add() for up to `room` of the wanted receivers, but leaves held_ to rebuild_held(): writing it pair by
// pair would touch a cache line each.
void Matching::take(std::size_t sender, const Word* wanted, std::int32_t room) {
  std::int32_t left = room;
  const auto take_word = [&](std::size_t w, Word mask) {
    Word taken = 0;
    for (Word word = wanted[w] & open_.data()[w] & mask; word != 0 && left > 0; word &= word - 1) {
      const std::size_t receiver = w * kWordBits + static_cast<std::size_t>(std::countr_zero(word));
      taken |= word & -word;
      --left;
      if (++receivers_[receiver].count >= receivers_[receiver].cap) open_.clear(receiver);
    }
    free_.row(sender)[w] &= ~taken;
  };
  const std::size_t first = sender / kWordBits;
  const Word after = ~Word{0} << (sender % kWordBits);  // the sender itself is never wanted
  take_word(first, after);
  for (std::size_t w = first + 1; w < free_.words() && left > 0; ++w) take_word(w, ~Word{0});
  for (std::size_t w = 0; w < first && left > 0; ++w) take_word(w, ~Word{0});
  if (left > 0) take_word(first, ~after);
  senders_[sender].count += room - left;
  pairs_ += room - left;
}

void Matching::fill(const AgeClasses& ages, UpTo bound) {
  held_is_stale_ = true;
  std::vector<Word> wanted(free_.words());
  for (std::size_t age_class = ages.classes(); age_class-- > 0;) {
    if (open_.empty()) return;
    for (std::size_t i = 0; i < size_; ++i) {
      const std::int32_t room =
          (bound == UpTo::need ? senders_[i].need : senders_[i].most) - senders_[i].count;
      if (room <= 0) continue;
      ages.select(age_class, i, free_.row(i), wanted.data());
      take(i, wanted.data(), room);
    }
  }
}

void Matching::rebuild_held() {
  BitMatrix selected(size_);
  for (std::size_t i = 0; i < size_; ++i) {
    for (std::size_t w = 0; w < free_.words(); ++w)
      selected.row(i)[w] = ~free_.row(i)[w] & everybody_.data()[w];
    selected.clear(i, i);
  }
  transpose(selected, size_, held_);
  for (const auto& [sender, receiver] : fixed_) held_.clear(receiver, sender);
  held_is_stale_ = false;
}

bool Matching::satisfy_needs() {
  may_shrink_ = true;
  augment(UpTo::need);
  for (std::size_t i = 0; i < size_; ++i) {
    if (is_short(i, UpTo::need)) return false;
  }
  return true;
}

void Matching::maximise() {
  may_shrink_ = false;
  augment(UpTo::most);
}

std::vector<std::uint32_t> Matching::cut() const {
  std::vector<std::uint32_t> result;
  for (std::size_t i = 0; i < size_; ++i) {
    if (!unreached_senders_.test(i)) result.push_back(static_cast<std::uint32_t>(i));
  }
  return result;
}

void Matching::augment(UpTo bound) {
  if (held_is_stale_) rebuild_held();
  while (search(bound)) {
    for (std::size_t i = 0; i < size_; ++i) {
      while (is_short(i, bound) && exchange_from(i, 0)) {
      }
    }
  }
}

// Breadth first from all short senders at once. True if some path ends; then senders_at_ and receivers_at_
// hold the depths up to the shortest ones.
bool Matching::search(UpTo bound) {
  unreached_senders_ = everybody_;
  unreached_receivers_ = everybody_;
  senders_at_.clear();
  receivers_at_.clear();
  frontier_.clear();
  for (std::size_t i = 0; i < size_; ++i) {
    if (!is_short(i, bound)) continue;
    frontier_.push_back(static_cast<std::uint32_t>(i));
    unreached_senders_.clear(i);
  }
  senders_at_.emplace_back(size_);  // of depth 0: not looked at by exchange_from()
  while (!frontier_.empty()) {
    BitSet& receivers = receivers_at_.emplace_back(size_);
    for (const std::uint32_t i : frontier_) reach(free_.row(i), unreached_receivers_, receivers);
    bool found = false;
    for (std::size_t w = 0; w < receivers.words(); ++w)
      found = found || (receivers.data()[w] & open_.data()[w]) != 0;
    if (found) return true;

    BitSet& senders = senders_at_.emplace_back(size_);
    receivers.for_each([&](std::size_t j) { reach(held_.row(j), unreached_senders_, senders); });
    frontier_.clear();
    senders.for_each([&](std::size_t i) {
      frontier_.push_back(static_cast<std::uint32_t>(i));
      found = found || (may_shrink_ && senders_[i].count > senders_[i].need);
    });
    if (found) return true;
  }
  return false;
}

// Depth first along the depths that search() found. What leads nowhere is struck off, so that no one tries it
// again in this phase.
bool Matching::exchange_from(std::size_t sender, std::size_t depth) {
  if (depth >= receivers_at_.size()) return false;
  BitSet& receivers = receivers_at_[depth];
  for (std::size_t w = 0; w < receivers.words(); ++w) {
    for (Word word = free_.row(sender)[w] & receivers.data()[w]; word != 0; word &= word - 1) {
      const std::size_t j = w * kWordBits + static_cast<std::size_t>(std::countr_zero(word));
      if (receivers_[j].count < receivers_[j].cap) {
        add(sender, j);
        return true;
      }
      if (const auto giver = giver_at(j, depth + 1)) {
        remove(*giver, j);
        add(sender, j);
        return true;
      }
      receivers.clear(j);
    }
  }
  return false;
}

// A sender of `receiver` at this depth that can give the pair up, because it found another receiver or has
// more than it needs.
std::optional<std::size_t> Matching::giver_at(std::size_t receiver, std::size_t depth) {
  if (depth >= senders_at_.size()) return std::nullopt;
  BitSet& senders = senders_at_[depth];
  for (std::size_t w = 0; w < senders.words(); ++w) {
    for (Word word = held_.row(receiver)[w] & senders.data()[w]; word != 0; word &= word - 1) {
      const std::size_t i = w * kWordBits + static_cast<std::size_t>(std::countr_zero(word));
      const bool has_spare = may_shrink_ && senders_[i].count > senders_[i].need;
      if (has_spare || exchange_from(i, depth)) return i;
      senders.clear(i);
    }
  }
  return std::nullopt;
}

}  // namespace selmcast::plan
