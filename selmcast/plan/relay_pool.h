// Who sends the copies of each relay multicast: an assignment of copies to uplinks, grown copy by copy.
//
// Notation as in problem.h. A multicast i with receivers R_i makes |R_i| copies of volume_i. Its members, {i} and R_i,
// may send them; i sends at least one, the first. Every such division is a tree: with m copies each for the members,
// |R_i| in all, hang the members with copies first and the others after them (relay_trees.h). So trees need not be
// looked at here: the question "can everything be sent by t?" is one of counts. Given the receivers and equal volumes
// it is a transportation problem, from multicasts to the uplinks of their members, floor(t uplink_w / v) copies each.
//
// place() finds room for one more copy of i, moving other copies along an alternating path where it must: a member w
// of i has room, or sends a copy of another multicast i' that could be sent by a member of i' ... If there is no such
// path, cut() says why: the multicasts reached have no members but the workers reached, and these are full. So no
// division of copies exists for these receivers and this t (max-flow min-cut).
// With unequal volumes paths of length one only are looked at (direct room).
//
// Complexity: place() O(1) to O(sum of receivers); memory O(sum of receivers). A copy goes to a member that
// sends some already, before to the one with the most room, before to the earlier one: few forwarders a multicast, so
// trees stay shallow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "selmcast/plan/link_time.h"
#include "selmcast/plan/plan.h"

namespace selmcast::plan {

class RelayPool {
 public:
  // No receivers, no copies, no room. Keeps a reference.
  explicit RelayPool(const Problem& problem);

  // The receivers; no copies are placed.
  void set_receivers(const Plan& plan);
  // The room of every uplink. Copies placed stay; requires that they fit.
  void open_until(const LinkTime& time);

  // Places the first copy at the sender itself. False if its uplink has no room.
  bool place_first(std::size_t i);
  // Places one more copy of i, or up to `most` at one member with room; false if there is none, see cut(). Requires
  // place_first() before.
  bool place(std::size_t i, std::int64_t most = 1);
  // The same without moving other copies: O(members).
  bool place_directly(std::size_t i, std::int64_t most = 1);
  // Places until i has a copy a receiver.
  bool place_all(std::size_t i);
  // All multicasts, with first copies first.
  bool place_everything();
  void clear_copies();

  // For unequal volumes, regardless of room: one more copy of i where it makes an uplink the least busy; and one copy
  // away from `worker` to where it is sent sooner, false if there is none.
  void place_lightest(std::size_t i);
  bool relieve(std::size_t worker);
  // Whose uplink is busy longest; nullopt if nothing is placed.
  std::optional<std::size_t> busiest() const;
  Bytes load(std::size_t worker) const { return load_[worker]; }

  // What the last place() that failed has reached.
  struct Cut {
    std::vector<std::size_t> multicasts;
    std::vector<std::size_t> workers;
  };
  const Cut& cut() const { return cut_; }

  std::size_t receivers_of(std::size_t i) const { return members_[i].size() - 1; }
  bool is_member(std::size_t i, std::size_t worker) const { return place_of(i, worker).has_value(); }
  // Copies of i that `worker` sends. 0 if it is no member.
  std::int64_t copies(std::size_t i, std::size_t worker) const;
  std::int64_t copies_missing(std::size_t i) const;
  Bytes room(std::size_t worker) const { return room_[worker]; }
  Bytes room_in_all() const { return room_in_all_; }
  void add_receiver(std::size_t i, std::size_t worker);
  // Requires: a receiver that sends no copy of i, and a copy missing. O(receivers).
  void remove_receiver(std::size_t i, std::size_t worker);

  // The receiver forwards nothing of i any more; its copies are missing.
  void take_back(std::size_t i, std::size_t worker);

  // The copies as trees of `plan`, whose receivers must be those of the pool. Requires: no copy missing.
  void write_trees(Plan& plan) const;

 private:
  struct Member {
    std::uint32_t worker = 0;
    std::uint32_t copies = 0;
  };
  struct Membership {
    std::uint32_t multicast = 0;
    std::uint32_t place = 0;  // in members_[multicast]
  };

  bool fits(std::size_t worker, Bytes volume) const { return room_[worker] >= volume; }
  std::optional<std::size_t> place_of(std::size_t i, std::size_t worker) const;
  void give(std::size_t i, std::size_t place, std::uint32_t count);
  void take(std::size_t i, std::size_t place);
  std::optional<std::size_t> roomiest(std::size_t i) const;
  bool place_by_path(std::size_t i);

  const Problem& problem_;
  bool equal_;                                        // all volumes
  std::vector<std::vector<Member>> members_;          // of each multicast; the sender first
  std::vector<std::vector<Membership>> memberships_;  // of each worker
  std::vector<std::vector<Membership>> movable_;      // of these: it sends copies that others could send
  std::vector<std::int64_t> placed_;                  // copies of each multicast
  std::vector<Bytes> load_, room_;                    // of each uplink
  Bytes room_in_all_;
  Cut cut_;
};

}  // namespace selmcast::plan
