// A session outlives its streams: what one side has said and the other may not have heard.
//
// A worker's session with the manager is a conversation in which every message is heard exactly once and in order,
// though streams break and the manager may die and be made again (manager/durable_manager.h). Both sides count: every
// message but Hello, Resume, Resumed and heartbeats has a number, from 1, by its place in the conversation. With each
// message goes how many the sender has heard; what is heard is forgotten here. On a new stream both say that number
// first (Resume, Resumed) and then say again whatever follows it. So neither core knows that a stream broke: for both
// it was a long silence.
//
// Memory: kUnheardMax messages; more at once means that the other side does not listen. Pure. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace selmcast::wire {

inline constexpr std::size_t kUnheardMax = 10'000;

template <class Message>
class Unheard {
 public:
  void said(Message message) {
    waiting_.push_back(std::move(message));
    ++said_;
  }
  // The other side has heard so many in all. False if that cannot be: more than were said, or fewer than it has said
  // before that it heard.
  bool heard(std::uint64_t count) {
    if (count > said_ || count + waiting_.size() < said_) return false;
    while (waiting_.size() > said_ - count) waiting_.pop_front();
    return true;
  }
  // In order: the first one is number said() - size() + 1.
  const std::deque<Message>& waiting() const { return waiting_; }
  std::uint64_t said() const { return said_; }
  bool is_full() const { return waiting_.size() > kUnheardMax; }

 private:
  std::deque<Message> waiting_;
  std::uint64_t said_ = 0;
};

}  // namespace selmcast::wire
