#include "selmcast/plan/age_exchange.h"

#include <bit>

namespace selmcast::plan {

const BitSet& AgeExchange::Side::at(std::int32_t l) const {
  const std::int32_t index = l - lowest;
  return index < 0 || index >= std::ssize(of_level) ? nobody : of_level[static_cast<std::size_t>(index)];
}

void AgeExchange::Side::shift(const BitSet& members, std::int32_t by) {
  members.for_each([&](std::size_t k) {
    of_level[static_cast<std::size_t>(level[k] - lowest)].clear(k);
    level[k] += by;
    if (level[k] < lowest) {
      of_level.push_front(nobody);
      --lowest;
    } else if (level[k] - lowest == std::ssize(of_level)) {
      of_level.push_back(nobody);
    }
    of_level[static_cast<std::size_t>(level[k] - lowest)].set(k);
  });
}

AgeExchange::AgeExchange(Matching& matching, const AgeClasses& ages)
    : matching_(matching),
      ages_(ages),
      size_(matching.size()),
      free_by_receiver_(size_),
      held_(size_),
      of_class_(size_),
      of_class_by_receiver_(size_) {
  if (matching.held_is_stale_) matching.rebuild_held();
  free_ = matching.free_;
  held_by_receiver_ = matching.held_;
  transpose(free_, size_, free_by_receiver_);
  transpose(held_by_receiver_, size_, held_);
  for (Side* side : {&senders_, &receivers_}) {
    side->flexible = matching.everybody_;
    side->nobody = BitSet(size_);
  }
  for (Front* front : {&forward_, &backward_}) {
    for (Front::Reached* reached : {&front->senders, &front->receivers}) {
      reached->members = BitSet(size_);
      reached->from.resize(size_);
    }
  }
}

bool AgeExchange::run(Classes classes) {
  for (std::size_t age_class = ages_.classes(); age_class-- > 1;) {
    if (had_candidates_ && classes == Classes::oldest) return false;
    start_class(age_class);
    if (!settle_candidates()) return false;
    freeze();
  }
  return true;
}

void AgeExchange::start_class(std::size_t age_class) {
  for (std::size_t i = 0; i < size_; ++i)
    ages_.select(age_class, i, matching_.everybody_.data(), of_class_.row(i));
  transpose(of_class_, size_, of_class_by_receiver_);
  for (Side* side : {&senders_, &receivers_}) {
    side->level.assign(size_, 0);
    side->of_level.assign(1, matching_.everybody_);
    side->lowest = 0;
    side->hub_level = 0;
  }
}

// Makes every free pair of the class either selected or proven useless. False if the searches ran out.
bool AgeExchange::settle_candidates() {
  const bool is_limited = had_candidates_;
  for (std::size_t i = 0; i < size_; ++i) {
    for (std::size_t w = 0; w < of_class_.words(); ++w) {
      for (;;) {
        // Recomputed each time: every search changes levels or pairs.
        const Word same_level = receivers_.at(senders_.level[i]).data()[w];
        const Word candidates = free_.row(i)[w] & of_class_.row(i)[w] & same_level;
        if (candidates == 0) break;
        had_candidates_ = true;
        if (is_limited && expansions_ > kExpansions) return false;
        const std::size_t j = w * kWordBits + static_cast<std::size_t>(std::countr_zero(candidates));
        if (swap(j, i)) continue;
        switch (search(j, i)) {
          case Found::path:
            exchange();
            add(i, j);
            break;
          case Found::receiver_exhausted: shift_levels(forward_, 1); break;
          case Found::sender_exhausted: shift_levels(backward_, -1); break;
        }
      }
    }
  }
  return true;
}

// The usual exchange, without a search: a sender that gives up `receiver` takes one that `sender` gives up
// for it.
bool AgeExchange::swap(std::size_t receiver, std::size_t sender) {
  const BitSet& receivers = receivers_.at(senders_.level[sender]);
  const BitSet& senders = senders_.at(senders_.level[sender]);
  for (std::size_t v = 0; v < senders.words(); ++v) {
    Word givers =
        held_by_receiver_.row(receiver)[v] & ~of_class_by_receiver_.row(receiver)[v] & senders.data()[v];
    for (; givers != 0; givers &= givers - 1) {
      const std::size_t giver = v * kWordBits + static_cast<std::size_t>(std::countr_zero(givers));
      for (std::size_t w = 0; w < receivers.words(); ++w) {
        const Word offered = held_.row(sender)[w] & ~of_class_.row(sender)[w] & receivers.data()[w];
        const Word taken = offered & free_.row(giver)[w];
        if (taken == 0) continue;
        const std::size_t offer = w * kWordBits + static_cast<std::size_t>(std::countr_zero(taken));
        remove(giver, receiver);
        remove(sender, offer);
        add(giver, offer);
        add(sender, receiver);
        return true;
      }
    }
  }
  return false;
}

// Depth first from both ends: hundreds of workers stand next to each end and mostly lead to the same places, so
// breadth first would visit them all before it takes a second step.
AgeExchange::Found AgeExchange::search(std::size_t receiver, std::size_t sender) {
  for (Front* front : {&forward_, &backward_}) {
    for (Front::Reached* reached : {&front->senders, &front->receivers}) {
      reached->members.clear_all();
      reached->hub = false;
    }
    front->stack.clear();
  }
  meeting_ = {};
  forward_.receivers.members.set(receiver);
  forward_.receivers.from[receiver] = {};
  forward_.stack.push_back({Node::Kind::receiver, static_cast<std::uint32_t>(receiver)});
  backward_.senders.members.set(sender);
  backward_.senders.from[sender] = {};
  backward_.stack.push_back({Node::Kind::sender, static_cast<std::uint32_t>(sender)});
  for (;;) {
    if (forward_.stack.empty()) return Found::receiver_exhausted;
    expand(forward_, true);
    if (meeting_.kind != Node::Kind::none) return Found::path;
    if (backward_.stack.empty()) return Found::sender_exhausted;
    expand(backward_, false);
    if (meeting_.kind != Node::Kind::none) return Found::path;
  }
}

void AgeExchange::expand(Front& front, bool forward) {
  ++expansions_;
  const Node node = front.stack.back();
  front.stack.pop_back();
  if (node.kind == Node::Kind::sender_hub || node.kind == Node::Kind::receiver_hub)
    leave_hub(front, forward, node);
  else
    expand_worker(front, forward, node);
}

// The tight arcs of one worker's pairs (see the header), and its arc to the hub.
void AgeExchange::expand_worker(Front& front, bool forward, Node node) {
  using Kind = Node::Kind;
  const std::size_t k = node.index;
  if (node.kind == Kind::sender) {
    const std::int32_t level = senders_.level[k];
    const Word* pairs = (forward ? free_ : held_).row(k);
    const Word* of_class = of_class_.row(k);
    reach(front, front.receivers, Kind::receiver, receivers_.at(level), node,
          [&](std::size_t w) { return forward ? pairs[w] : pairs[w] & ~of_class[w]; });
    reach(front, front.receivers, Kind::receiver, receivers_.at(level + 1), node,
          [&](std::size_t w) { return pairs[w] & of_class[w]; });
    const Matching::Sender& sender = matching_.senders_[k];
    if (forward ? sender.count > sender.need : sender.count < sender.most)
      reach_hub(front, Kind::sender_hub, node);
  } else {
    const std::int32_t level = receivers_.level[k];
    const Word* pairs = (forward ? held_by_receiver_ : free_by_receiver_).row(k);
    const Word* of_class = of_class_by_receiver_.row(k);
    reach(front, front.senders, Kind::sender, senders_.at(level), node,
          [&](std::size_t w) { return forward ? pairs[w] & ~of_class[w] : pairs[w]; });
    reach(front, front.senders, Kind::sender, senders_.at(level - 1), node,
          [&](std::size_t w) { return pairs[w] & of_class[w]; });
    const Matching::Receiver& receiver = matching_.receivers_[k];
    if (forward ? receiver.count < receiver.cap : receiver.count > 0)
      reach_hub(front, Kind::receiver_hub, node);
  }
}

template <class SetWord>
void AgeExchange::reach(Front& front, Front::Reached& reached, Node::Kind kind, const BitSet& of_level,
                        Node from, SetWord&& set_word) {
  const Front& other = &front == &forward_ ? backward_ : forward_;
  const BitSet& met = kind == Node::Kind::sender ? other.senders.members : other.receivers.members;
  // Where the fronts meet, nothing else matters: so look before noting hundreds of others.
  for (std::size_t w = 0; w < of_level.words(); ++w) {
    const Word both = set_word(w) & of_level.data()[w] & met.data()[w];
    if (both == 0) continue;
    const std::size_t k = w * kWordBits + static_cast<std::size_t>(std::countr_zero(both));
    reached.from[k] = from;
    meeting_ = {kind, static_cast<std::uint32_t>(k)};
    return;
  }
  for (std::size_t w = 0; w < of_level.words(); ++w) {
    const Word found = set_word(w) & of_level.data()[w] & ~reached.members.data()[w];
    reached.members.data()[w] |= found;
    for_each_bit(found, w * kWordBits, [&](std::size_t k) {
      reached.from[k] = from;
      front.stack.push_back({kind, static_cast<std::uint32_t>(k)});
    });
  }
}

void AgeExchange::reach_hub(Front& front, Node::Kind kind, Node from) {
  const bool of_senders = kind == Node::Kind::sender_hub;
  const Side& side = of_senders ? senders_ : receivers_;
  Front::Reached& reached = of_senders ? front.senders : front.receivers;
  const bool is_tight = side.flexible.test(from.index) && side.level[from.index] == side.hub_level;
  if (reached.hub || !is_tight) return;
  reached.hub = true;
  reached.hub_from = from;
  front.stack.push_back({kind, 0});
  const Front& other = &front == &forward_ ? backward_ : forward_;
  if ((of_senders ? other.senders : other.receivers).hub) meeting_ = {kind, 0};
}

// Forward: to those who may have one pair more (senders) or less (receivers). Backward: the other way round.
void AgeExchange::leave_hub(Front& front, bool forward, Node hub) {
  const auto members = [](const BitSet& flexible, std::size_t w, auto&& is_open) {
    Word result = 0;
    for_each_bit(flexible.data()[w], 0, [&](std::size_t bit) {
      if (is_open(w * kWordBits + bit)) result |= Word{1} << bit;
    });
    return result;
  };
  if (hub.kind == Node::Kind::sender_hub) {
    reach(front, front.senders, Node::Kind::sender, senders_.at(senders_.hub_level), hub, [&](std::size_t w) {
      return members(senders_.flexible, w, [&](std::size_t i) {
        const Matching::Sender& sender = matching_.senders_[i];
        return forward ? sender.count < sender.most : sender.count > sender.need;
      });
    });
  } else {
    reach(front, front.receivers, Node::Kind::receiver, receivers_.at(receivers_.hub_level), hub,
          [&](std::size_t w) {
            return members(receivers_.flexible, w, [&](std::size_t j) {
              const Matching::Receiver& receiver = matching_.receivers_[j];
              return forward ? receiver.count > 0 : receiver.count < receiver.cap;
            });
          });
  }
}

// Exchanges along the path that search() found from the receiver to the sender.
void AgeExchange::exchange() {
  const auto before = [](const Front& front, Node node) {
    switch (node.kind) {
      case Node::Kind::sender: return front.senders.from[node.index];
      case Node::Kind::receiver: return front.receivers.from[node.index];
      case Node::Kind::sender_hub: return front.senders.hub_from;
      case Node::Kind::receiver_hub: return front.receivers.hub_from;
      case Node::Kind::none: break;
    }
    return Node{};
  };
  const auto follow = [&](Node from, Node to) {
    if (from.kind == Node::Kind::receiver && to.kind == Node::Kind::sender) remove(to.index, from.index);
    if (from.kind == Node::Kind::sender && to.kind == Node::Kind::receiver) add(from.index, to.index);
  };
  for (Node to = meeting_, from = before(forward_, to); from.kind != Node::Kind::none;
       to = from, from = before(forward_, to)) {
    follow(from, to);
  }
  for (Node from = meeting_, to = before(backward_, from); to.kind != Node::Kind::none;
       from = to, to = before(backward_, from)) {
    follow(from, to);
  }
}

void AgeExchange::add(std::size_t sender, std::size_t receiver) {
  matching_.add(sender, receiver);
  free_.clear(sender, receiver);
  free_by_receiver_.clear(receiver, sender);
  held_.set(sender, receiver);
  held_by_receiver_.set(receiver, sender);
}

void AgeExchange::remove(std::size_t sender, std::size_t receiver) {
  matching_.remove(sender, receiver);
  free_.set(sender, receiver);
  free_by_receiver_.set(receiver, sender);
  held_.clear(sender, receiver);
  held_by_receiver_.clear(receiver, sender);
}

void AgeExchange::shift_levels(const Front& front, std::int32_t by) {
  senders_.shift(front.senders.members, by);
  receivers_.shift(front.receivers.members, by);
  if (front.senders.hub) senders_.hub_level += by;
  if (front.receivers.hub) receivers_.hub_level += by;
}

// Keeps of the residual graph the tight arcs.
void AgeExchange::freeze() {
  for (std::size_t i = 0; i < size_; ++i) {
    const Word* same = receivers_.at(senders_.level[i]).data();
    const Word* lower = receivers_.at(senders_.level[i] + 1).data();
    for (std::size_t w = 0; w < free_.words(); ++w) {
      const Word of_class = of_class_.row(i)[w];
      const Word tight = (~of_class & same[w]) | (of_class & lower[w]);
      free_.row(i)[w] &= tight;
      held_.row(i)[w] &= tight;
    }
  }
  transpose(free_, size_, free_by_receiver_);
  transpose(held_, size_, held_by_receiver_);
  for (Side* side : {&senders_, &receivers_}) {
    for (std::size_t k = 0; k < size_; ++k) {
      if (side->level[k] != side->hub_level) side->flexible.clear(k);
    }
  }
}

}  // namespace selmcast::plan
