// Rounds, pulses and estimator in the loop with a fluid network of six workers, whose links change: how soon is it
// known?
//
// The network of `selmcast bench bandwidth` (docs/bandwidth.md), the real RoundMachine with planner exact; below it
// every 5 ms the links are shared out anew, max-min fairly but for weights that differ, none above the pace of its
// schedule (net/pace_schedule.h), and no faster than half as much again in each step, as TCP's window grows. Receivers'
// marks are misread by up to `jitter` both ways. SELMCAST_FIGURES=seeds for more than one of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/plan/planner.h"
#include "selmcast/sync/round_machine.h"

namespace selmcast::sync::pulse_learning {
namespace {

constexpr std::size_t kWorkers = 6, kLinks = 12, kRounds = 60;
constexpr double kStep = 0.005;
constexpr std::array<double, kLinks> kMbps = {200, 100, 100, 100, 50,  200,
                                              100, 50,  50,  200, 100, 25};  // up, down
struct Change {
  std::size_t round, link;
  double mbps;
};
constexpr std::array<Change, 7> kChanges = {
    {{15, 6, 50}, {15, 3, 50}, {15, 7, 100}, {30, 8, 30}, {30, 11, 50}, {30, 4, 100}, {45, 9, 100}}};

struct Flow {
  Transfer transfer;
  std::size_t up, down;
  double starts, weight;
  double got = 0, rate = 0, ends = -1;
  std::vector<double> marks = {};

  double bits() const { return transfer.bytes.in_bits(); }
  Rate told(double since) const {
    const auto later =
        std::ranges::upper_bound(transfer.steps, Duration::seconds(since), {}, &PaceStep::after);
    return later == transfer.steps.begin() ? transfer.paced : std::prev(later)->rate;
  }
  double due(double since) const {
    if (transfer.steps.empty()) return transfer.paced.bps() * since;
    double sum = 0;
    for (std::size_t k = 0; k < transfer.steps.size(); ++k) {
      const double from = transfer.steps[k].after.in_seconds();
      const double to = k + 1 < transfer.steps.size() ? transfer.steps[k + 1].after.in_seconds() : since;
      sum += transfer.steps[k].rate.bps() * std::max(0.0, std::min(to, since) - from);
    }
    return sum;
  }
  double pace(double now) const {
    const double now_told = told(now - starts).bps(), all = due(now - starts);
    if (all >= bits() + now_told * 0.06) return 1e12;
    const double behind = std::min(all, bits()) - got;
    return behind <= now_told * 0.06 ? now_told : now_told * std::min(1.5, 1 + behind / (now_told * 0.5));
  }
};

class Network {
 public:
  explicit Network(std::uint64_t seed) : rng_(seed) {
    for (const double mbps : kMbps) capacity_.push_back(mbps * 1e6);
  }
  std::vector<double>& capacity() { return capacity_; }
  Rng& rng() { return rng_; }

  void deliver(std::vector<Flow>& flows) {
    std::vector<double> weights(flows.size());
    const auto runs = [](const Flow& f, double now) { return f.ends < 0 && f.starts <= now; };
    std::size_t step = 0;
    for (double now = 0; std::ranges::any_of(flows, [](const Flow& f) { return f.ends < 0; });
         now += kStep, ++step) {
      std::vector<std::size_t> open;
      for (std::size_t k = 0; k < flows.size(); ++k) {
        if (step % 10 == 0) weights[k] = flows[k].weight * std::pow(2, rng_.uniform(-0.5, 0.5));
        if (runs(flows[k], now)) open.push_back(k);
      }
      share(flows, weights, std::move(open), now);
      for (Flow& f : flows) {
        if (runs(f, now)) advance(f, now);
      }
    }
  }

 private:
  void share(std::vector<Flow>& flows, const std::vector<double>& weights, std::vector<std::size_t> open,
             double now) {
    std::vector<double> left = capacity_;
    while (!open.empty()) {
      std::vector<double> sums(kLinks);
      for (const std::size_t k : open) sums[flows[k].up] += weights[k], sums[flows[k].down] += weights[k];
      const auto level = [&](std::size_t k) {
        const Flow& f = flows[k];
        const double most = std::min(f.pace(now), std::max(f.rate * 1.5, 1e6));
        return std::min({most / weights[k], left[f.up] / sums[f.up], left[f.down] / sums[f.down]});
      };
      const auto lowest = std::ranges::min_element(open, {}, level);
      Flow& f = flows[*lowest];
      f.rate = std::max(1.0, level(*lowest) * weights[*lowest]);
      left[f.up] -= f.rate;
      left[f.down] -= f.rate;
      open.erase(lowest);
    }
  }
  static void advance(Flow& f, double now) {
    const double before = f.got;
    f.got += f.rate * kStep;
    const auto when = [&](double bits) { return now + std::clamp((bits - before) / f.rate, 0.0, kStep); };
    while (f.marks.size() + 1 < kProgressParts) {
      const double next = f.bits() * static_cast<double>(f.marks.size() + 1) / kProgressParts;
      if (next > f.got) break;
      f.marks.push_back(when(next));
    }
    if (f.got >= f.bits()) f.ends = when(f.bits());
  }

  std::vector<double> capacity_;
  Rng rng_;
};

struct Story {
  int known_in_three =
      0;  // of kChanges: within 5 % after three rounds at most, and for five at least from then on
  std::vector<double> errors;  // of all links, from eight rounds after a change on
  double seconds = 0;          // of all rounds
};

Story play(std::uint64_t seed, bool pulses, double jitter) {
  Network network(seed);
  RoundSettings settings;
  settings.planner = plan::find_planner("exact");
  settings.min_receivers = MinReceivers::count(2);
  settings.seed = seed;
  settings.pulses = pulses;
  RoundMachine machine(settings);
  Instant now;
  const auto rate = [](double bps) { return Rate::bits_per_second(bps); };
  for (std::uint32_t i = 0; i < kWorkers; ++i) {
    machine.join(WorkerId(i),
                 {to_string(WorkerId(i)), rate(network.capacity()[i]), rate(network.capacity()[kWorkers + i]),
                  Bytes(8'000'000)},
                 now);
  }
  Story story;
  std::vector<std::array<double, kLinks>> errors;
  for (std::size_t round = 0; round < kRounds; ++round) {
    std::vector<Flow> flows;
    for (std::uint32_t i = 0; i < kWorkers; ++i) {
      const auto actions = machine.ready(WorkerId(i), Round(round), now);
      for (const Action& action : *actions) {
        const auto* planned = std::get_if<RoundPlanned>(&action);
        if (planned == nullptr) continue;
        for (const Transfer& t : planned->transfers)
          flows.push_back({t, t.sender.value(), kWorkers + t.receiver.value(),
                           network.rng().uniform(0, 0.005), std::pow(2, network.rng().uniform(-1, 1))});
      }
    }
    network.deliver(flows);
    std::ranges::sort(flows, {}, &Flow::ends);
    std::array<double, kLinks> error{};
    for (const Flow& f : flows) {
      TrainingMachine::Delivery delivery{f.transfer.id, f.transfer.bytes, Duration::seconds(f.starts),
                                         Duration::seconds(f.ends)};
      double least = f.starts;
      for (const double mark : f.marks) {
        least =
            std::clamp(mark + jitter * (network.rng().uniform(-0.5, 0.5) + network.rng().uniform(-0.5, 0.5)),
                       least, f.ends);
        delivery.progress.push_back(Duration::seconds(least));
      }
      const auto actions =
          machine.delivered(f.transfer.receiver, delivery, now + Duration::seconds(f.ends + 0.001));
      for (const Action& action : *actions) {
        const auto* ended = std::get_if<RoundEnded>(&action);
        if (ended == nullptr) continue;
        for (const Estimate& e : ended->estimates) {
          const std::size_t i = e.worker.value();
          error[i] = e.uplink.bps() / network.capacity()[i] - 1;
          error[kWorkers + i] = e.downlink.bps() / network.capacity()[kWorkers + i] - 1;
        }
      }
    }
    now = now + Duration::seconds(flows.back().ends);
    story.seconds += flows.back().ends;
    errors.push_back(error);
    if (round > 15 && round % 15 >= 8) {
      for (const double e : error) story.errors.push_back(std::abs(e));
    }
    for (const Change& change : kChanges)
      if (change.round == round + 1) network.capacity()[change.link] = change.mbps * 1e6;
  }
  for (const Change& change : kChanges) {
    const auto is_known_from = [&](std::size_t first) {  // and until the next change
      for (std::size_t r = first; r < change.round + 15; ++r)
        if (std::abs(errors[r][change.link]) > 0.05) return false;
      return true;
    };
    story.known_in_three +=
        is_known_from(change.round + 2) ? 1 : 0;  // errors[round + 2] is after three rounds
  }
  return story;
}

struct Figures {
  double known = 0, median = 0, most = 0, seconds = 0;
};

Figures figures_of(int seeds, bool pulses, double jitter) {
  Figures sum;
  std::vector<double> errors;
  for (int seed = 1; seed <= seeds; ++seed) {
    const Story story = play(static_cast<std::uint64_t>(seed), pulses, jitter);
    sum.known += story.known_in_three / static_cast<double>(seeds);
    sum.seconds += story.seconds / static_cast<double>(seeds) / kRounds;
    errors.insert(errors.end(), story.errors.begin(), story.errors.end());
  }
  std::ranges::sort(errors);
  sum.median = errors[errors.size() / 2];
  sum.most = errors[errors.size() * 95 / 100];
  std::printf(
      "%s, jitter %.0f ms: %.2f of 7 changes known within 3 rounds; later errors: median %.1f, 95th "
      "percentile "
      "%.1f %%; a round takes %.2f s\n",
      pulses ? "pulses" : "bursts", jitter * 1000, sum.known, sum.median * 100, sum.most * 100, sum.seconds);
  return sum;
}

TEST(PulseLearning, FiguresOfChangesAndWhatTheyCost) {
  const char* text = std::getenv("SELMCAST_FIGURES");
  const int seeds = text != nullptr ? std::max(1, std::atoi(text)) : 1;
  const Figures without = figures_of(seeds, false, 0);
  const Figures with = figures_of(seeds, true, 0);
  const Figures jittered = figures_of(seeds, true, 0.012);
  EXPECT_GE(with.known, 4);
  EXPECT_GE(with.known, without.known + 1);
  EXPECT_GE(jittered.known, 2);
  EXPECT_LE(with.most, 0.3);
  EXPECT_LE(jittered.most, 0.15);
  EXPECT_LE(with.seconds, without.seconds * 1.1);
}

}  // namespace
}  // namespace selmcast::sync::pulse_learning
