#include "selmcast/arena/twin.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/base/overloaded.h"
#include "selmcast/worker/limits.h"

namespace selmcast::arena {
namespace {

// The most that faults may hold everybody up. A manager is away for 5 s at most, three times, and dies again as it
// comes back; a worker that is lost meanwhile is missed for 12 s, a delivery for 10 s or five times its prediction.
constexpr Duration kPauseMax = Duration::seconds(50);
// Never early; and a sum that is rounded must not make them so.
constexpr Duration kTimersAreLate = Duration::seconds(1e-9);

}  // namespace

Twin::Twin(const TwinSettings& settings)
    : settings_(settings),
      rng_(settings.seed),
      manager_(std::in_place, settings.manager, Instant()),
      checkers_(settings.manager.rounds.max_age, settings.mixing, settings.payload),
      online_checkers_(
          {.max_age = settings.manager.rounds.max_age,
           .staleness = settings.manager.online ? settings.manager.online->staleness : std::nullopt,
           .overlap = settings.manager.online && settings.manager.online->overlap,
           .mixing = settings.mixing,
           .payload = settings.payload}),
      mass_account_(settings.manager.workers),
      leaks_(0, false, false) {
  fates_ = rng_.fork(3);
  const std::size_t late = settings.faults.joins ? fates_.below(4) : 0;
  nodes_.resize(settings.manager.workers + late);
  leaks_ = LeakWatch(nodes_.size(), online(), online() && settings_.manager.online->overlap);
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    Node& node = nodes_[k];
    node.rng = rng_.fork(100 + k);
    node.parameters.resize(settings.parameters);
    node.uplink = Rate::megabits_per_second(node.rng.uniform(2, 20));
    node.downlink = Rate::megabits_per_second(node.rng.uniform(1, 10));
    if (online() && node.rng.below(4) == 0) node.slowness = node.rng.uniform(2, 10);
    node.id = WorkerId(static_cast<std::uint32_t>(k));  // in the order of names
    const bool comes_late = k >= settings.manager.workers;
    node.unreachable = settings.faults.unreachable && comes_late && rng_.fork(4000 + k).below(4) == 0;
    if (k < settings.manager.workers) boot(k);
  }
  plan_faults(rng_.fork(1));
  schedule_manager_tick();
}

void Twin::tell(const std::string& line) {
  char time[32];
  std::snprintf(time, sizeof time, "%10.6f  ", queue_.now().in_seconds());
  result_.story.push_back(time + line);
}

Duration Twin::delay(Rng& rng) {
  // Mostly a local network, now and then a hiccup that lets other connections overtake.
  return rng.below(50) == 0 ? Duration::milliseconds(rng.uniform(20, 300))
                            : Duration::milliseconds(rng.uniform(0.1, 2));
}

void Twin::run(Instant until) {
  while (queue_.now() < until && queue_.step()) {
  }
  result_.virtual_time = queue_.now() - Instant();
}

ArenaResult Twin::result() const {
  ArenaResult result = result_;
  result.most_held = leaks_.most();
  result.workers = settings_.manager.workers;
  result.late = static_cast<std::uint32_t>(nodes_.size()) - result.workers;
  result.overlap = online() && settings_.manager.online->overlap;
  result.violations = checkers_.violations();
  result.violations.insert(result.violations.end(), online_checkers_.violations().begin(),
                           online_checkers_.violations().end());
  for (const auto* more : {&mass_account_.violations(), &conversations_.violations(), &leaks_.violations()})
    result.violations.insert(result.violations.end(), more->begin(), more->end());
  const auto lost = [this](const Node& node) {
    const bool came_late = node.life > 1 || &node >= &nodes_[settings_.manager.workers];
    return !node.alive || node.silent || node.cut_off || ((came_late || node.broke) && may_have_ended(node));
  };
  // Who is lost before the training starts is waited for in vain: then all that is promised is that everybody
  // hears it.
  const bool finished = manager_ && manager_->finished();
  const bool in_vain = finished && !manager_->started() && std::ranges::any_of(nodes_, lost);
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    const Node& node = nodes_[k];
    if (lost(node)) continue;
    ++result.survivors;
    result.rounds_done += node.rounds_done;
    if (node.rounds_done == settings_.rounds || ((in_vain || node.gave_up) && node.over)) continue;
    result.stuck.push_back("no progress: w" + std::to_string(k) + " did " + std::to_string(node.rounds_done) +
                           " of " + std::to_string(settings_.rounds) + " rounds" +
                           (node.over ? " (" + *node.over + ")" : ""));
  }
  if (!finished) result.stuck.push_back("no progress: the manager did not finish");
  if (result.longest_pause > kPauseMax) {
    result.stuck.push_back("nobody went on for " + to_string(result.longest_pause));
  }
  return result;
}

// ---- manager
// -----------------------------------------------------------------------------------------------

void Twin::schedule_manager_tick() {
  if (!manager_) return;
  leaks_.manager(*manager_);
  const Instant due = manager_->deadline() - manager_ahead_ + kTimersAreLate;
  if (due == Instant::never() || due >= manager_tick_at_) return;
  manager_tick_at_ = std::max(due, queue_.now());
  queue_.at(manager_tick_at_, [this] {
    when_manager_is_free([this] {
      manager_tick_at_ = Instant::never();
      if (manager_) carry_out(manager_->tick(manager_time()));
    });
  });
}

void Twin::carry_out(const manager::Effects& effects, std::optional<std::size_t> node) {
  const bool dies = !effects.empty() && std::exchange(dies_in_mid_sentence_, false);
  const std::size_t last = dies ? rng_.below(effects.size() + 1) : effects.size();
  bool stored = true;  // what is observed follows from it
  for (std::size_t k = 0; k < effects.size(); ++k) {
    std::visit(Overloaded{
                   [&](const manager::Store& it) {
                     stored = k < last;
                     if (stored) store(it.input, node);
                   },
                   [&](const manager::Write& said) {
                     if (k < last) to_worker(said);
                   },
                   [&](const manager::EndStream& end) {
                     if (k < last) end_stream(end.stream, "the manager ended the session");
                   },
                   [&](const manager::Observed& observed) {
                     if (stored) observe(observed.output);
                   },
               },
               effects[k]);
  }
  if (dies) crash_manager();
  schedule_manager_tick();
}

void Twin::store(const manager::Input& input, std::optional<std::size_t> node) {
  stored_.push_back(input);
  if (next_commit_takes_) {
    tell("the manager's disk takes " + to_string(*next_commit_takes_));
    manager_free_at_ = queue_.now() + *std::exchange(next_commit_takes_, std::nullopt);
  }
  if (const auto* opened = std::get_if<manager::SessionOpened>(&input.what)) {
    node_of_session_[opened->session] = *node;
    talk_of_session_[opened->session] = talk_of(*node);
  }
  if (const auto* came = std::get_if<manager::MessageCame>(&input.what))
    conversations_.manager_heard(talk_of_session_.at(came->session), came->message);
}

void Twin::observe(const manager::Output& output) {
  std::visit(Overloaded{
                 [&](const manager::Send& send) {
                   const std::size_t node = node_of_session_.at(send.session);
                   if (const auto* welcome = std::get_if<wire::Welcome>(&send.message)) {
                     nodes_[node].id = welcome->id;
                     if (!welcome->catch_up) at_start_.insert(talk_of_session_.at(send.session));
                     node_of_id_[welcome->id] = node;
                   }
                   conversations_.manager_said(talk_of_session_.at(send.session), send.message);
                   if (online()) online_checkers_.told(id_of(node), send.message);
                 },
                 [&](const manager::Close&) {},
                 [&](const manager::Started& started) {
                   tell("training starts");
                   began_ = true;
                   online_checkers_.started(started);
                 },
                 [&](const manager::Came& came) {
                   tell(came.name + " is welcome as " + to_string(came.worker));
                   checkers_.came(came.worker);
                   online_checkers_.came(came.worker);
                 },
                 [&](const sync::CaughtUp& it) { online_checkers_.caught_up(it); },
                 [&](const manager::Replanned& plan) {
                   tell("plan " + std::to_string(plan.version.number) + " starts " +
                        std::to_string(plan.plan.started.size()) + " transfers, " +
                        std::to_string(plan.plan.new_rates.size()) + " new rates");
                   result_.new_rates += plan.plan.new_rates.size();
                   conversations_.planned(plan.version, epoch_);
                   online_checkers_.replanned(plan);
                 },
                 [&](const sync::MulticastEnded& ended) { multicast_ended(ended); },
                 [&](const sync::WentOn& went) {
                   tell(to_string(went.worker) + " goes on, " + std::to_string(went.lead) + " ahead");
                   result_.widest_lead = std::max(result_.widest_lead, went.lead);
                 },
                 [&](const sync::Learnt& learnt) {
                   tell("estimates (of the truth):" + shares_of(learnt.estimates));
                 },
                 [](const manager::Kept&) {},
                 [&](const manager::Planned& plan) {
                   tell("plan " + std::to_string(plan.version.number) + " with " +
                        std::to_string(plan.plan.transfers.size()) + " transfers" +
                        (plan.plan.soundings.empty()
                             ? ""
                             : " and " + std::to_string(plan.plan.soundings.size()) + " soundings"));
                   checkers_.planned(plan);
                   conversations_.planned(plan.version, epoch_);
                 },
                 [&](const manager::RoundOver& over) {
                   checkers_.round_over(over, manager_time());
                   result_.widest_gap = over.round.widest_gap;
                   for (const sync::Settled& sounding : over.round.soundings)
                     result_.soundings += sounding.committed;
                   for (const sync::Settled& settled : over.round.transfers) {
                     ++(settled.committed ? result_.deliveries : result_.cancelled);
                     if (settled.committed) continue;
                     tell("cancelled " + to_string(settled.transfer.sender) + " -> " +
                          to_string(settled.transfer.receiver) + ": " + settled.why);
                   }
                   tell("round " + std::to_string(over.round.round.value()) + " ends");
                 },
                 [&](const manager::Left& left) {
                   tell(to_string(left.worker) + " left: " + left.why);
                   checkers_.left(left.worker);
                   online_checkers_.left(left.worker);
                 },
                 [&](const sync::Doubted& it) { tell(to_string(it.worker) + " is doubted: " + it.why); },
                 [&](const manager::LeftEarly& early) { tell(early.name + " left early: " + early.why); },
                 [&](const manager::TurnedAway& away) { tell(away.name + " turned away: " + away.why); },
                 [](const manager::MulticastChosen&) {},
                 [&](const sync::TransferRerouted& rerouted) {
                   ++result_.rerouted;
                   checkers_.rerouted(rerouted);
                   tell(to_string(rerouted.transfer.sender) + " now sends to " +
                        to_string(rerouted.transfer.receiver) + " itself, not " + to_string(rerouted.before) +
                        ": " + rerouted.why);
                 },
                 [&](const manager::Finished& end) {
                   tell("manager finished" + (end.error ? ": " + end.error->message : ""));
                   for (const Node& node : nodes_) {
                     if (node.has_stream) end_stream(node.stream, "connection refused");
                   }
                 },
             },
             output);
}

// What is believed of the links, as a share of what they carry: "w0 0.98/1.02".
std::string Twin::shares_of(const std::vector<sync::Estimate>& estimates) const {
  std::string text;
  for (const sync::Estimate& estimate : estimates) {
    const Node& node = nodes_[node_of_id_.at(estimate.worker)];
    char shares[48];
    std::snprintf(shares, sizeof shares, " w%u %.2f/%.2f", estimate.worker.value(),
                  estimate.uplink / node.uplink, estimate.downlink / node.downlink);
    text += shares;
  }
  return text;
}

void Twin::multicast_ended(const sync::MulticastEnded& ended) {
  online_checkers_.multicast_ended(ended, manager_time());
  result_.widest_gap = ended.promises.widest_gap;
  for (const sync::Settled& settled : ended.transfers) {
    ++(settled.committed ? result_.deliveries : settled.dropped ? result_.dropped : result_.cancelled);
    if (settled.committed) continue;
    tell((settled.dropped ? "dropped " : "cancelled ") + to_string(settled.transfer.sender) + " -> " +
         to_string(settled.transfer.receiver) + ": " + settled.why);
  }
  tell(to_string(ended.worker) + " has completed round " + std::to_string(ended.round.value()));
}

// ---- workers
// -----------------------------------------------------------------------------------------------

void Twin::schedule_tick(std::size_t k) {
  const Instant due =
      std::min(nodes_[k].core->deadline(), nodes_[k].link.deadline()) - nodes_[k].ahead + kTimersAreLate;
  if (!nodes_[k].alive || due == Instant::never() || due >= nodes_[k].tick_at) return;
  nodes_[k].tick_at = std::max(due, queue_.now());
  at(k, nodes_[k].tick_at, [this, k, life = nodes_[k].life] {
    if (nodes_[k].life != life) return;  // of a process that is no more
    nodes_[k].tick_at = Instant::never();
    if (!nodes_[k].alive) return;
    carry_out(k, nodes_[k].link.tick(time_of(k)));
    carry_out(k, nodes_[k].core->tick(time_of(k)));
  });
}

void Twin::carry_out(std::size_t k, const worker::WorkerActions& actions) {
  for (const worker::WorkerAction& action : actions) {
    std::visit(Overloaded{
                   [&](const worker::SendToManager& send) {
                     conversations_.worker_said(talk_of(k), send.message);
                     carry_out(k, nodes_[k].link.say(send.message, time_of(k)));
                   },
                   [&](const worker::Dial& order) { dial(k, order); },
                   [&](const worker::SendFrame& send) { send_frame(k, send.link, send.frame); },
                   [&](const worker::StartStream& order) { stream(k, order); },
                   [&](const worker::ExtendStream& order) { extend(k, order); },
                   [&](const worker::StreamParts& order) { stream_parts(k, order); },
                   [&](const worker::GroupOrder& order) { obey(k, order); },
                   [&](const worker::SetRate& order) { set_rate(k, order); },
                   [&](const worker::AbortLink& order) {
                     if (const auto id = connection_of(k, order.link))
                       break_connection(*id, "aborted by the peer", k);
                   },
                   [&](const worker::Joined& joined) { joined.late ? catch_up(k) : compute(k); },
                   [&](const worker::Synchronized& done) { synchronized(k, done.report); },
                   [&](const worker::Over& over) {
                     nodes_[k].over = over.error.message;
                     nodes_[k].gave_up = !began_;
                     if (nodes_[k].rounds_done < settings_.rounds) perhaps_again(k);
                   },
               },
               action);
  }
  schedule_tick(k);
}

void Twin::carry_out(std::size_t k, const worker::ManagerLink::Actions& actions) {
  using Link = worker::ManagerLink;
  for (const Link::Action& action : actions) {
    std::visit(Overloaded{
                   [&](const Link::Dial&) { open_stream(k); },
                   [&](const Link::Write& said) { to_manager(k, said); },
                   [&](const Link::Hand& hand_over) { hand(k, hand_over.message); },
                   [&](const Link::HangUp&) { nodes_[k].has_stream = false; },
                   [&](const Link::Lost& lost) { carry_out(k, nodes_[k].core->manager_lost(lost.error)); },
               },
               action);
  }
  schedule_tick(k);
}

void Twin::hand(std::size_t k, const wire::ToWorker& message) {
  const bool hears = !nodes_[k].core->is_over();
  if (hears) conversations_.worker_heard(talk_of(k), message);
  if (online() && hears) online_checkers_.heard(id_of(k), message);
  const worker::WorkerActions actions = nodes_[k].core->from_manager(message, time_of(k));
  acted(k);
  if (hears) mass_account_.heard(k, message, mass_books());
  carry_out(k, actions);
}

void Twin::compute(std::size_t k) {
  Node& node = nodes_[k];
  const Duration takes = Duration::milliseconds(node.rng.uniform(5, 60) * node.slowness);
  at(k, queue_.now() + takes, [this, k, life = node.life] {
    if (nodes_[k].alive && nodes_[k].life == life && !nodes_[k].core->is_over()) synchronize(k);
  });
}

// The next round, or the last multicast.
void Twin::synchronize(std::size_t k) {
  Node& it = nodes_[k];
  it.draining = it.rounds_done == settings_.rounds;
  if (!it.draining) {
    for (float& parameter : it.parameters) parameter = static_cast<float>(it.rng.uniform(-1, 1));
  }
  if (online() && it.draining) {
    online_checkers_.drain_called(id_of(k), it.parameters);
  } else if (online()) {
    online_checkers_.synchronize_called(id_of(k), it.parameters);
  } else {
    checkers_.synchronize_called(id_of(k), Round(it.rounds_done), it.parameters);
  }
  const auto actions = it.draining ? it.core->drain(it.parameters, time_of(k))
                                   : it.core->synchronize(it.parameters, time_of(k));
  SELMCAST_CHECK(actions.has_value(), "the twin calls as it should");
  acted(k);
  carry_out(k, *actions);
}

void Twin::acted(std::size_t k) {
  if (online()) online_checkers_.acted(id_of(k), nodes_[k].parameters, nodes_[k].core->mixer().own_weight());
}

void Twin::synchronized(std::size_t k, const worker::SyncReport& report) {
  Node& node = nodes_[k];
  const std::size_t buffers = node.core->buffers_in_use();
  if (!node.draining)
    leaks_.worker(k, node.core->held(), connections_with(k) + node.untold);  // drained: not mixed
  progressed();
  if (node.fresh) return caught_up(k, report);
  if (online()) online_checkers_.synchronized(id_of(k), report, buffers);
  if (node.draining) return carry_out(k, node.core->leave("done"));
  if (!online()) checkers_.synchronized(id_of(k), report, node.parameters, buffers);
  ++node.rounds_done;
  compute(k);
}

void Twin::progressed() {
  const Duration pause = last_progress_ ? queue_.now() - *last_progress_ : Duration();
  last_progress_ = queue_.now();
  result_.longest_pause = std::max(result_.longest_pause, pause);
}

}  // namespace selmcast::arena
