#include "selmcast/worker/inbox.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/net/limits.h"
#include "selmcast/plan/relay_trees.h"
#include "selmcast/worker/limits.h"

namespace selmcast::worker {
namespace {

std::unexpected<Error> not_as_agreed(const wire::FrameHeader& header, std::string_view what) {
  return failure(ErrorCode::protocol, std::string(wire::to_string(header.kind)) + " " +
                                          std::to_string(header.sequence) + " of transfer " +
                                          std::to_string(header.transfer.value()) + " " + std::string(what));
}

std::uint32_t chunks_in(Bytes bytes, Bytes chunk) {
  return static_cast<std::uint32_t>(bytes.count() / chunk.count());
}

}  // namespace

Inbox::Answers Inbox::open(const wire::RoundPlan& plan, Instant now) {
  close();
  relay_ = plan.relay;
  return add(plan.version, plan.incoming, now);
}

Inbox::Answers Inbox::add(PlanVersion version, std::span<const wire::Incoming> incoming, Instant now) {
  version_ = version;
  for (const wire::Incoming& planned : incoming) {
    Incoming& made = incoming_[planned.transfer];
    made.planned = planned;
    made.version = version;
    made.opened = now;
  }
  Answers answers;
  for (auto& [link, waiting] : std::exchange(early_, {})) consider(link, waiting, answers);
  grant_waiting(answers);
  return answers;
}

bool Inbox::expects_from(WorkerId sender) const {
  return std::ranges::any_of(incoming_,
                             [&](const auto& entry) { return entry.second.planned.sender == sender; });
}

void Inbox::close() {
  for (auto& [id, incoming] : incoming_) {
    if (!incoming.buffer.empty()) free_.push_back(std::move(incoming.buffer));
  }
  incoming_.clear();
  queue_.clear();
}

Result<Inbox::Answers> Inbox::offered(LinkId link, WorkerId sender, TransferId transfer,
                                      const wire::OfferBody& offer, Instant now) {
  const bool open_already = early_.contains(link) || std::ranges::any_of(incoming_, [&](const auto& entry) {
                              return entry.second.link == link && !entry.second.is_verified;
                            });
  if (open_already) {
    return failure(ErrorCode::protocol, to_string(sender) + " offered transfer " +
                                            std::to_string(transfer.value()) +
                                            " before its last one was done");
  }
  Answers answers;
  consider(link, {sender, transfer, offer, now}, answers);
  grant_waiting(answers);
  return answers;
}

void Inbox::consider(LinkId link, const Waiting& waiting, Answers& answers) {
  const auto refuse = [&](std::string why) {
    answers.refusals.push_back({link, waiting.transfer, std::move(why)});
  };
  if (waiting.offer.version > version_) {
    early_.emplace(link, waiting);
    return;
  }
  const auto found = incoming_.find(waiting.transfer);
  if (found == incoming_.end()) {
    return refuse(waiting.offer.version < version_ ? "the plan is out of date, or the transfer settled"
                                                   : "the plan has no such transfer");
  }
  Incoming& incoming = found->second;
  if (incoming.version != waiting.offer.version) return refuse("another plan names this transfer");
  if (incoming.planned.from.value_or(incoming.planned.sender) != waiting.sender) {
    if (!relay_) return refuse("the plan names another sender");
    early_.emplace(link, waiting);  // perhaps it is to come this way now, and we have not heard
    return;
  }
  if (incoming.planned.bytes != waiting.offer.total) return refuse("the plan names another size");
  if (incoming.link) return refuse("offered before");
  incoming.link = link;
  incoming.mix = waiting.offer.mix;
  if (incoming.granted) {  // goes on over another link
    answers.grants.push_back({link, waiting.transfer, incoming.next_sequence});
    return;
  }
  queue_.push_back(waiting.transfer);
  if (relay_) std::ranges::sort(queue_);
}

void Inbox::grant_waiting(Answers& answers) {
  auto waiting = queue_.begin();
  for (; waiting != queue_.end() && can_grant(*waiting); ++waiting) grant(incoming_.at(*waiting), answers);
  queue_.erase(queue_.begin(), waiting);
}

bool Inbox::can_grant(TransferId transfer) const {
  const std::size_t free = free_.size() + static_cast<std::size_t>(buffers_max_) - buffers_made_;
  if (!relay_) return free > 0;
  std::size_t before = 0;
  for (const auto& [id, incoming] : incoming_) before += id < transfer && !incoming.granted ? 1 : 0;
  return free > before;
}

void Inbox::grant(Incoming& incoming, Answers& answers) {
  if (free_.empty()) {
    free_.emplace_back();
    ++buffers_made_;
  }
  incoming.buffer = std::move(free_.back());
  free_.pop_back();
  const auto bytes = static_cast<std::size_t>(incoming.planned.bytes.count());
  incoming.buffer.resize((bytes + sizeof(float) - 1) / sizeof(float));
  incoming.granted = true;
  Grant granted{*incoming.link, incoming.planned.transfer};
  if (incoming.planned.group) {
    granted.group = incoming.planned.group;
    granted.place = place_of(incoming);
  }
  answers.grants.push_back(granted);
}

// Of all that is planned to come.
std::span<std::byte> Inbox::place_of(Incoming& incoming) {
  const auto bytes = static_cast<std::size_t>(incoming.planned.bytes.count());
  return std::as_writable_bytes(std::span(incoming.buffer)).first(bytes);
}
std::span<const std::byte> Inbox::place_of(const Incoming& incoming) {
  const auto bytes = static_cast<std::size_t>(incoming.planned.bytes.count());
  return std::as_bytes(std::span(incoming.buffer)).first(bytes);
}

Inbox::Incoming* Inbox::granted_on(LinkId link) {
  for (auto& [id, incoming] : incoming_) {
    if (!incoming.granted || incoming.is_verified) continue;
    if (incoming.link == link || std::ranges::find(incoming.beside, link) != incoming.beside.end())
      return &incoming;
  }
  return nullptr;
}

Result<std::span<std::byte>> Inbox::place(LinkId link, std::optional<WorkerId> sender,
                                          const wire::FrameHeader& header) {
  Incoming* incoming = granted_on(link);
  if (incoming != nullptr && incoming->planned.transfer != header.transfer) incoming = nullptr;
  if (header.kind == wire::FrameKind::patch) return patch_place(incoming, header);
  if (header.kind == wire::FrameKind::stripe && sender) return stripe_place(link, *sender, header);
  if (incoming == nullptr || incoming->in_group || incoming->link != link)
    return not_as_agreed(header, "was not granted");
  return chunk_place(*incoming, header);
}

Result<std::span<std::byte>> Inbox::chunk_place(Incoming& incoming, const wire::FrameHeader& header) {
  if (incoming.stripes) return not_as_agreed(header, "is of a model that comes in stripes");
  if (header.sequence != incoming.next_sequence) return not_as_agreed(header, "is out of sequence");
  if (header.length == 0) return not_as_agreed(header, "is empty");
  if (incoming.received + Bytes(header.length) > incoming.planned.bytes)
    return not_as_agreed(header, "is longer than was offered");
  incoming.in_chunks = true;
  return place_of(incoming).subspan(static_cast<std::size_t>(incoming.received.count()), header.length);
}

// A link that brings the first one of a transfer belongs to it from now on.
Result<std::span<std::byte>> Inbox::stripe_place(LinkId link, WorkerId sender,
                                                 const wire::FrameHeader& header) {
  const auto found = incoming_.find(header.transfer);
  Incoming* const incoming = found == incoming_.end() ? nullptr : &found->second;
  const Incoming* const carried = granted_on(link);
  if (incoming == nullptr || !incoming->granted || incoming->is_verified || incoming->lost ||
      !incoming->link || incoming->in_group ||
      incoming->planned.from.value_or(incoming->planned.sender) != sender ||
      (carried != nullptr && carried != incoming))
    return not_as_agreed(header, "was not granted");
  if (incoming->in_chunks) return not_as_agreed(header, "is of a model that comes in chunks");
  if (carried == nullptr && incoming->beside.size() + 1 >= std::size_t{net::kStreamsMax})
    return not_as_agreed(header, "comes over more connections than one delivery may have");
  const Bytes offset = wire::stripe_offset(header.sequence), length(header.length);
  const bool first = !incoming->stripes;
  if (first) incoming->stripes.emplace(incoming->received, incoming->planned.bytes, relayed_chunk(*incoming));
  if (auto placed = incoming->stripes->place(offset, length); !placed) {
    if (first) incoming->stripes.reset();
    return not_as_agreed(header, placed.error().message);
  }
  if (carried == nullptr) incoming->beside.push_back(link);
  return place_of(*incoming).subspan(static_cast<std::size_t>(offset.count()), header.length);
}

Result<std::span<std::byte>> Inbox::stripe_read(Incoming& incoming, const wire::FrameHeader& header) {
  const Bytes offset = wire::stripe_offset(header.sequence);
  if (!incoming.stripes || !incoming.stripes->is_placed(offset, Bytes(header.length)))
    return not_as_agreed(header, "was not granted");
  return place_of(incoming).subspan(static_cast<std::size_t>(offset.count()), header.length);
}

// What is sent on is sent in chunks of this size; nothing of what is not.
Bytes Inbox::relayed_chunk(const Incoming& incoming) const {
  return relay_ ? plan::relay_chunk(incoming.planned.bytes) : Bytes(0);
}

// What came without a gap is kept, and goes on over other links.
void Inbox::start_over(Incoming& incoming) const {
  incoming.link.reset();
  incoming.beside.clear();
  if (incoming.stripes) incoming.next_sequence = chunks_in(incoming.received, relayed_chunk(incoming));
  incoming.stripes.reset();
  incoming.in_chunks = false;
}

// Whole segments within the model. Bounded: a patch is no larger than a chunk.
Result<std::span<std::byte>> Inbox::patch_place(Incoming* incoming, const wire::FrameHeader& header) {
  if (incoming == nullptr || !incoming->in_group) {
    late_.resize(header.length);
    return std::span(late_);
  }
  const std::int64_t segment = incoming->planned.group->segment_bytes;
  const std::int64_t offset = std::int64_t{header.sequence} * segment;
  const std::int64_t total = incoming->planned.bytes.count();
  const std::int64_t end = offset + header.length;
  if (header.length == 0 || end > total || (end < total && header.length % segment != 0))
    return failure(ErrorCode::protocol, "a patch that is not made of whole segments of its model");
  return place_of(*incoming).subspan(static_cast<std::size_t>(offset), header.length);
}

void Inbox::joined_group(TransferId transfer) { incoming_.at(transfer).in_group = true; }

bool Inbox::in_group(TransferId transfer) const {
  const auto found = incoming_.find(transfer);
  return found != incoming_.end() && found->second.in_group && !found->second.is_verified;
}

bool Inbox::group_complete(TransferId transfer, Instant first_arrival, Instant now) {
  if (!in_group(transfer)) return false;
  Incoming& incoming = incoming_.at(transfer);
  incoming.received = incoming.planned.bytes;
  incoming.first_byte = std::max(first_arrival, incoming.opened);
  incoming.last_byte = std::max(now, incoming.first_byte);
  incoming.is_verified = true;
  return true;
}

void Inbox::bytes_arrived(LinkId link, Bytes bytes, Instant now) {
  Incoming* incoming = granted_on(link);
  if (incoming == nullptr) return;
  incoming->first_byte = std::min(incoming->first_byte, now);
  incoming->last_byte = now;
  incoming->arrived += bytes;
  const auto parts = static_cast<std::int64_t>(kProgressParts);
  const auto count = [&] { return static_cast<std::int64_t>(incoming->progress.size()); };
  while (count() + 1 < parts &&
         incoming->arrived.count() * parts >= incoming->planned.bytes.count() * (count() + 1))
    incoming->progress.push_back(now - incoming->opened);
}

Result<bool> Inbox::chunk_complete(LinkId link, const wire::FrameHeader& header) {
  Incoming* incoming = granted_on(link);
  if (incoming == nullptr || incoming->planned.transfer != header.transfer)
    return not_as_agreed(header, "was not granted");
  const bool striped = header.kind == wire::FrameKind::stripe;
  const auto payload = striped ? stripe_read(*incoming, header) : chunk_place(*incoming, header);
  if (!payload) return std::unexpected(payload.error());
  if (auto good = wire::verify_payload(header, *payload); !good) return std::unexpected(good.error());
  if (striped) {
    incoming->stripes->complete(wire::stripe_offset(header.sequence));
    incoming->received = incoming->stripes->contiguous();
  } else {
    incoming->received += Bytes(header.length);
    ++incoming->next_sequence;
  }
  incoming->is_verified = incoming->received == incoming->planned.bytes;
  return incoming->is_verified;
}

Inbox::Timing Inbox::timing(TransferId transfer) const {
  const Incoming& incoming = incoming_.at(transfer);
  SELMCAST_CHECK(incoming.is_verified, "only a verified transfer has a timing");
  Timing timing{incoming.received, incoming.first_byte - incoming.opened,
                incoming.last_byte - incoming.opened};
  if (incoming.progress.size() + 1 == kProgressParts) timing.progress = incoming.progress;
  return timing;
}

bool Inbox::is_sounding(TransferId transfer) const {
  const auto found = incoming_.find(transfer);
  return found != incoming_.end() && found->second.planned.sounding;
}

Result<std::span<const std::byte>> Inbox::verified(TransferId transfer) const {
  const auto found = incoming_.find(transfer);
  if (found == incoming_.end() || !found->second.is_verified) {
    return failure(ErrorCode::protocol, "the manager committed transfer " + std::to_string(transfer.value()) +
                                            ", which is not verified here");
  }
  return place_of(found->second);
}

Inbox::Answers Inbox::release(TransferId transfer, Instant /*now*/) {
  Answers answers;
  const auto found = incoming_.find(transfer);
  if (found == incoming_.end()) return answers;
  std::erase(queue_, transfer);
  if (found->second.granted) free_.push_back(std::move(found->second.buffer));
  incoming_.erase(found);
  grant_waiting(answers);
  return answers;
}

std::optional<LinkId> Inbox::link_under_way(TransferId transfer) const {
  const auto found = incoming_.find(transfer);
  if (found == incoming_.end() || found->second.is_verified) return std::nullopt;
  return found->second.link;
}

std::vector<LinkId> Inbox::links_under_way(TransferId transfer) const {
  const auto first = link_under_way(transfer);
  if (!first) return {};
  std::vector<LinkId> links = incoming_.at(transfer).beside;
  links.insert(links.begin(), *first);
  return links;
}

std::optional<TransferId> Inbox::unsettled() const {
  const auto open = std::ranges::find_if(incoming_, [](const auto& entry) { return !entry.second.kept; });
  return open == incoming_.end() ? std::nullopt : std::optional(open->first);
}

std::optional<Inbox::Lost> Inbox::link_lost(LinkId link) {
  early_.erase(link);
  for (auto& [id, incoming] : incoming_) {
    std::vector<LinkId> links = links_under_way(id);
    if (std::erase(links, link) == 0) continue;
    if (relay_) {
      start_over(incoming);
      std::erase(queue_, id);
    } else {
      incoming.lost = true;
    }
    return Lost{id, std::move(links)};
  }
  return std::nullopt;
}

std::optional<Inbox::Arriving> Inbox::arriving(TransferId transfer) const {
  const auto found = incoming_.find(transfer);
  if (found == incoming_.end() || !found->second.granted) return std::nullopt;
  return Arriving{place_of(found->second), found->second.received};
}

bool Inbox::is_kept(TransferId transfer) const {
  const auto found = incoming_.find(transfer);
  return found != incoming_.end() && found->second.kept;
}

std::vector<LinkId> Inbox::reroute(TransferId transfer) {
  const auto found = incoming_.find(transfer);
  if (found == incoming_.end() || found->second.is_verified) return {};
  found->second.planned.from.reset();
  std::erase(queue_, transfer);
  std::vector<LinkId> links = links_under_way(transfer);
  start_over(found->second);
  return links;
}

Inbox::Answers Inbox::consider_early() {
  Answers answers;
  for (auto& [link, waiting] : std::exchange(early_, {})) consider(link, waiting, answers);
  grant_waiting(answers);
  return answers;
}

Inbox::Answers Inbox::expire(Instant now) {
  Answers answers;
  std::erase_if(early_, [&](const auto& entry) {
    const auto& [link, waiting] = entry;
    if (now < waiting.since + kEarlyOfferPatience) return false;
    answers.refusals.push_back({link, waiting.transfer, "no plan came that names it"});
    return true;
  });
  return answers;
}

Instant Inbox::deadline() const {
  Instant earliest = Instant::never();
  for (const auto& [link, waiting] : early_)
    earliest = std::min(earliest, waiting.since + kEarlyOfferPatience);
  return earliest;
}

WorkerId Inbox::sender_of(TransferId transfer) const { return incoming_.at(transfer).planned.sender; }

}  // namespace selmcast::worker
