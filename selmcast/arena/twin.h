// The in-process twin: a DurableManager and n WorkerCores, each with its ManagerLink, joined by a simulated
// network in virtual time.
//
// Carries out the cores' actions as the real shells do (manager/manager.cpp, worker/worker.cpp), with delays
// drawn from the seed and faults on order. Each connection delivers in order; a broken one tells both ends, a
// silent worker is cut off without anyone being told. A manager that crashes takes its streams with it, and perhaps
// what was under way on them, or what it had stored and not said; it is made again from what was stored. The workers'
// "training": parameters drawn anew from the seed each round. In trainings without rounds in common some are
// stragglers. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/arena/arena.h"
#include "selmcast/arena/checkers.h"
#include "selmcast/arena/conversations.h"
#include "selmcast/arena/event_queue.h"
#include "selmcast/arena/leak_watch.h"
#include "selmcast/arena/mass_account.h"
#include "selmcast/arena/online_checkers.h"
#include "selmcast/base/rng.h"
#include "selmcast/manager/durable_manager.h"
#include "selmcast/worker/manager_link.h"
#include "selmcast/worker/worker_core.h"

namespace selmcast::arena {

struct TwinSettings {
  manager::ManagerSettings manager;
  std::uint64_t seed = 1;
  std::uint64_t rounds = 12;
  Faults faults;
  std::size_t parameters = 3000;
  wire::MixingKind mixing = wire::MixingKind::average;
  payload::Format payload = payload::Format::float32;
};

class Twin {
 public:
  explicit Twin(const TwinSettings& settings);

  void run(Instant until);  // until nothing happens any more, or that time
  ArenaResult result() const;

 private:
  struct Node {
    std::unique_ptr<worker::WorkerCore> core;
    std::uint64_t life = 0;      // of which process, from 1
    std::uint64_t silenced = 0;  // the last of these that fell silent
    WorkerId id;                 // once it was welcome
    bool fresh = false;          // catches up
    worker::ManagerLink link{Duration::seconds(20)};
    bool gave_up =
        false;  // when it ended the training had not begun: who waits for the last one may have enough
    manager::StreamId stream;  // the last one to the manager
    bool has_stream = false;
    std::vector<float> parameters;
    Rng rng{0};
    Instant to_manager_free, to_worker_free;  // order on the control stream
    Instant tick_at = Instant::never();
    Instant stands_until;                     // its process does nothing
    std::deque<EventQueue::Event> to_happen;  // meanwhile
    Duration ahead;                           // of its clock, which only runs, from virtual time
    std::size_t untold = 0;  // ends of its connections that it has not been told, or will never be
    Rate uplink, downlink;   // the truth, which nobody declares
    double slowness = 1;     // of its computing
    std::uint64_t rounds_done = 0;
    bool draining = false;
    bool alive = false, silent = false;
    bool cut_off = false;      // from the manager, for longer than it can be silent
    bool broke = false;        // its stream: it may have come back too late
    bool unreachable = false;  // it comes, and whoever dials it gets no answer
    std::optional<std::string> over;
  };
  // One TCP connection: who dialled whom, and what each end calls it.
  struct Connection {
    std::size_t from = 0, to = 0;
    std::optional<worker::LinkId> from_link, to_link;
    Instant forth_free, back_free;  // order in each direction
    Instant opened = {};
  };
  using ConnectionId = std::uint64_t;
  // What a sender streams on a connection, a piece at a time. The payload is read when its piece begins.
  struct Stream {
    TransferId transfer;
    std::span<const std::byte> payload;
    Rate paced;
    PaceSteps steps = {};  // in place of it, since `began`
    Instant began = {};
    double luck = 1;           // share of the rate that it gets
    std::size_t piece = 4096;  // bytes; of a cut stream as it says
    std::size_t next = 0;
    std::size_t available = SIZE_MAX;           // relay: of the payload, as yet
    bool waits = false;                         // for more of it
    std::vector<mcast::StreamPart> parts = {};  // of a multicast's payload, instead of pieces
    std::size_t struck = 0;                     // the piece that meets its fate
    bool breaks = false, corrupts = false;
    std::size_t pieces() const;
    Rate pace(Instant now) const;
  };

  // What a worker sends to a group. Each receiver's part has a fate of its own: the protocol itself is tested elsewhere
  // (mcast/protocol_test.cpp), here it is what the cores make of its outcomes.
  enum class Fate { passes, is_handed_over, is_unheard };
  struct Part {
    std::size_t to = 0;
    Rate link;  // the most that the two links let through
    Fate fate = Fate::passes;
    Bytes until, came;  // what has come when that happens, and by `since`
    Instant since;
    std::uint64_t order = 0;  // of the event that is to come; those before it were of other rates
    bool is_met = false;      // its fate
  };
  struct Group {
    std::uint64_t stream = 0;
    std::span<const std::byte> payload;
    Rate rate;
    std::size_t segment = 0;
    std::map<TransferId, Part> peers;  // joined, and neither through nor dropped
  };
  // What a worker has joined.
  struct Membership {
    std::uint64_t stream = 0;
    std::span<std::byte> place;
    std::optional<std::size_t> missing = {};  // bytes that are to come over TCP
  };

  void tell(const std::string& line);
  Duration delay(Rng& rng);
  void plan_faults(Rng rng);
  void plan_cuts(Rng rng, Instant until);
  void leave(std::size_t node);
  void end_process(std::size_t node, const std::string& why, Instant heard);
  // Now, or when the manager's disk has done what it is doing; what waits for a manager that crashes is lost with it.
  void when_manager_is_free(EventQueue::Event event);
  void wake_manager();
  // What happens to a worker: then, or when its process goes on. In order.
  void at(std::size_t node, Instant when, EventQueue::Event event);
  void happen(std::size_t node, EventQueue::Event event);
  void wake(std::size_t node);
  Instant time_of(std::size_t node) const { return queue_.now() + nodes_[node].ahead; }
  Instant manager_time() const { return queue_.now() + manager_ahead_; }
  void plan_standstills(Rng rng, Instant until);
  void stand_still(std::size_t node, Duration time, bool with_its_machine);
  Duration away_by_the_clock_of_the_day();
  void cut(std::size_t from, std::size_t to, Duration time, bool told = false);
  Instant passes(std::size_t from, std::size_t to, Instant sent) const;
  bool is_cut(std::size_t one, std::size_t other) const;
  void notice_dead_links(std::size_t one, std::size_t other);
  void watch_cut(std::size_t one, std::size_t other);
  std::size_t manager_place() const { return nodes_.size(); }  // in cuts
  bool online() const { return settings_.manager.online.has_value(); }
  WorkerId id_of(std::size_t node) const { return nodes_[node].id; }
  // What identifies a conversation: a process, not a name.
  WorkerId talk_of(std::size_t node) const {
    return WorkerId(static_cast<std::uint32_t>(node + 1000 * nodes_[node].life));
  }
  static std::size_t node_at(std::uint16_t port) { return (port - 1U) % 1000; }
  std::uint16_t port_of(std::size_t node) const {
    return static_cast<std::uint16_t>(1 + node + 1000 * (nodes_[node].life % 60));
  }
  wire::Hello hello_of(std::size_t node, int buffers) const;
  void boot(std::size_t node);
  void plan_joins(Rng rng, Instant until);
  void perhaps_again(std::size_t node);
  void break_stream(std::size_t node);
  void catch_up(std::size_t node);
  void caught_up(std::size_t node, const worker::SyncReport& report);
  bool may_have_ended(const Node& node) const;
  // Manager side. `node`: whose words led to this, if anybody's.
  void carry_out(const manager::Effects& effects, std::optional<std::size_t> node = std::nullopt);
  void store(const manager::Input& input, std::optional<std::size_t> node);
  void observe(const manager::Output& output);
  void crash_manager();
  void restart_manager();
  void multicast_ended(const sync::MulticastEnded& ended);
  MassAccount::Books mass_books() const;
  bool has_book(WorkerId talk, const worker::WorkerCore* core) const {
    return core != nullptr && (at_start_.contains(talk) || core->welcome());
  }
  std::string shares_of(const std::vector<sync::Estimate>& estimates) const;
  void schedule_manager_tick();
  // Worker side.
  void carry_out(std::size_t node, const worker::WorkerActions& actions);
  void carry_out(std::size_t node, const worker::ManagerLink::Actions& actions);
  void hand(std::size_t node, const wire::ToWorker& message);
  void schedule_tick(std::size_t node);
  void compute(std::size_t node);
  void synchronize(std::size_t node);
  void synchronized(std::size_t node, const worker::SyncReport& report);
  void acted(std::size_t node);
  void progressed();
  void crash(std::size_t node);
  // Network.
  void open_stream(std::size_t node);
  void to_manager(std::size_t node, const worker::ManagerLink::Write& said);
  void to_worker(const manager::Write& said);
  void end_stream(manager::StreamId stream, const std::string& why);
  void dial(std::size_t node, const worker::Dial& order);
  void send_frame(std::size_t node, worker::LinkId link, std::vector<std::byte> frame);
  void stream(std::size_t node, const worker::StartStream& order);
  void stream_parts(std::size_t node, const worker::StreamParts& order);
  void extend(std::size_t node, const worker::ExtendStream& order);
  void set_rate(std::size_t node, const worker::SetRate& order);
  void next_piece(ConnectionId id);
  void piece_arrives(ConnectionId id, const wire::FrameHeader& header, std::vector<std::byte> payload);
  Rate rate_of(const Stream& stream, const Connection& connection) const;
  void deliver(ConnectionId id, bool forth, const wire::FrameHeader& header, std::vector<std::byte> payload);
  void arrive(ConnectionId id, bool forth, const wire::FrameHeader& header,
              const std::vector<std::byte>& payload);
  // `at_once`: each end notices for itself.
  void break_connection(ConnectionId id, const std::string& why, std::optional<std::size_t> tell_not,
                        bool at_once = false);
  // IP multicast.
  void obey(std::size_t node, const worker::GroupOrder& order);
  void joined(std::size_t node, const worker::PeerJoined& order);
  void group_rate(std::size_t node, Rate rate);
  void go_on_with(std::size_t node, TransferId transfer);
  void tell_of_slow(std::size_t node, TransferId transfer, std::uint64_t stream, Duration after);
  void meet_fate(std::size_t node, TransferId transfer, const Part& part);
  void miss_if_it_stopped(std::size_t from, std::size_t to, TransferId transfer, std::uint64_t stream);
  void multicast_passes(std::size_t from, TransferId transfer, std::uint64_t stream);
  void hand_over(std::size_t from, TransferId transfer, std::uint64_t stream, Bytes came);
  void multicast_unheard(std::size_t from, std::size_t to, TransferId transfer, std::uint64_t stream);
  void group_complete(std::size_t node, TransferId transfer);
  std::optional<std::size_t> receiver_of(std::size_t from, TransferId transfer) const;
  bool is_sending(std::size_t node, TransferId transfer, std::uint64_t stream) const;
  bool is_member(std::size_t node, TransferId transfer, std::uint64_t stream) const;
  std::optional<ConnectionId> connection_of(std::size_t node, worker::LinkId link) const;
  bool cut_off(const Connection& connection) const;
  std::size_t connections_with(std::size_t node) const;

  TwinSettings settings_;
  EventQueue queue_;
  Rng rng_;
  std::optional<manager::DurableManager> manager_;  // nothing: it has crashed
  std::vector<manager::Input> stored_;
  std::uint64_t epoch_ = 1;
  bool dies_in_mid_sentence_ = false;  // of what follows next, something is not carried out
  bool began_ = false;                 // the training
  std::optional<Duration> next_commit_takes_;
  Instant manager_free_at_;                      // from its disk
  std::deque<EventQueue::Event> to_manage_;      // until then
  Duration manager_ahead_;                       // of its clock, from virtual time
  std::map<std::uint64_t, Instant> crashed_at_;  // by epoch
  bool crashed_in_commit_ = false;               // the last time: what was to follow was not said
  Instant manager_gone_at_;
  Instant manager_tick_at_ = Instant::never();
  std::uint64_t streams_made_ = 0;
  std::map<manager::StreamId, std::size_t> node_of_stream_;
  std::map<manager::SessionId, std::size_t> node_of_session_;
  std::map<manager::SessionId, WorkerId> talk_of_session_;
  std::map<WorkerId, std::size_t> node_of_id_;
  std::vector<Node> nodes_;
  std::set<WorkerId> at_start_;  // processes (talk_of()) that the training began with, perhaps dead by then
  std::vector<std::pair<WorkerId, std::unique_ptr<worker::WorkerCore>>>
      dead_cores_;                                               // what they held is written off
  Rng fates_{0};                                                 // of who was lost
  std::map<std::pair<std::size_t, std::size_t>, Instant> cuts_;  // from, to: nothing passes until then
  std::map<ConnectionId, Connection> connections_;
  ConnectionId connections_made_ = 0;
  std::map<ConnectionId, Stream> streams_;
  std::map<std::size_t, Group> groups_;                                   // by sender
  std::map<std::pair<std::size_t, TransferId>, Membership> memberships_;  // by receiver
  Checkers checkers_;
  OnlineCheckers online_checkers_;
  MassAccount mass_account_;
  Conversations conversations_;
  LeakWatch leaks_;
  std::optional<Instant> last_progress_;
  ArenaResult result_;
};

}  // namespace selmcast::arena
