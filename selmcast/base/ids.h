// Identifiers that cannot be mixed up with one another or with a count.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace selmcast {

template <class Tag, class Value>
class Id {
 public:
  constexpr Id() = default;
  explicit constexpr Id(Value value) : value_(value) {}
  constexpr Value value() const { return value_; }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  Value value_ = 0;
};

// A worker for the life of a training; given by the manager, never reused. Shown as "w<value>".
using WorkerId = Id<struct WorkerIdTag, std::uint32_t>;
// A worker's position in one planning problem: dense, 0 .. workers-1.
using WorkerIndex = Id<struct WorkerIndexTag, std::uint32_t>;
// One delivery sender -> receiver of one plan; unique in a manager's life.
using TransferId = Id<struct TransferIdTag, std::uint64_t>;
// A round of the training, counted from 0.
using Round = Id<struct RoundTag, std::uint64_t>;

constexpr Round next(Round round) { return Round(round.value() + 1); }
constexpr std::size_t position(WorkerIndex index) { return index.value(); }
inline std::string to_string(WorkerId id) { return "w" + std::to_string(id.value()); }

// Orders plans of all managers of one training: a newer manager has a larger epoch, a newer plan of the same
// manager a larger number. Nobody obeys a plan that is not newer than the last one obeyed.
struct PlanVersion {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  constexpr auto operator<=>(const PlanVersion&) const = default;
};

}  // namespace selmcast
// clang-format off
template <class Tag, class Value>
struct std::hash<selmcast::Id<Tag, Value>> {
  std::size_t operator()(selmcast::Id<Tag, Value> id) const noexcept { return std::hash<Value>{}(id.value()); }
};
