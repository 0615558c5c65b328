// A relay plan being built: receivers, what their downlinks have room for, and who sends the copies. For planners only;
// relay_planner.h says what the steps are for.
#pragma once

#include <cstdint>
#include <vector>

#include "selmcast/plan/plan.h"
#include "selmcast/plan/relay_pool.h"

namespace selmcast::plan {

class RelayDraft {
 public:
  // With the receivers of `plan` and no copies. Keeps a reference to the problem.
  RelayDraft(const Problem& problem, const Plan& plan);

  RelayPool& pool() { return pool_; }
  // d_i, by sender.
  const std::vector<std::int64_t>& needed() const { return needed_; }
  // Room of the downlinks until `time`. Requires that what is selected fits.
  void open_downlinks(const LinkTime& time);

  // d_i copies of each multicast, exchanging receivers where a cut forbids it. False if that does not help either: see
  // the pool's cut. For equal volumes.
  bool place_needs();
  // Copies for the other receivers while there is room; receivers that get none are given up, youngest pairs first.
  // False if some multicast could not keep d_i receivers that way.
  bool place_spare();
  // Adds every pair that fits, oldest first.
  void fill();

  Plan finish() &&;

 private:
  bool has(std::size_t i, std::size_t j) const { return reason_[i * n_ + j] != kNot; }
  bool is_required(std::size_t i, std::size_t j) const { return reason_[i * n_ + j] == kRequired; }
  // May be taken away: neither required nor sending on.
  bool is_free(std::size_t i, std::size_t j) const { return !is_required(i, j) && pool_.copies(i, j) == 0; }
  void add(std::size_t i, std::size_t j, Reason reason);
  void remove(std::size_t i, std::size_t j);
  std::uint32_t age(std::size_t i, std::size_t j) const { return ages_.empty() ? 0 : ages_[i * n_ + j]; }

  bool exchange();
  bool exchange_for(std::size_t i, std::size_t outside);
  bool swap_with(std::size_t i, std::size_t outside, std::size_t other);
  bool give_up_missing(std::size_t i);
  bool place_unless_stuck(std::size_t i);
  void add_if_it_fits(std::size_t i, std::size_t j);

  static constexpr char kNot = -1;
  static constexpr char kRequired = static_cast<char>(Reason::required);

  const Problem& problem_;
  std::size_t n_;
  std::vector<char> reason_;  // n x n, by sender
  std::vector<std::uint32_t> ages_;
  std::vector<std::int64_t> needed_;
  std::vector<Bytes> received_, downlink_room_;
  std::vector<char> stuck_;  // multicasts that no path of copies leads out of
  std::int64_t effort_ = 0;
  RelayPool pool_;
};

}  // namespace selmcast::plan
