// Every bound and constant of the protocol in one place; docs/multicast.md says how they were chosen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "selmcast/base/units.h"

namespace selmcast::mcast {

// ---- receiver

// A status while something comes ...
inline constexpr Duration kStatusInterval = Duration::milliseconds(5);
// ... but only after so many times its own size has come, so that it costs the other direction little, or this time.
inline constexpr std::int64_t kStatusShare = 64;
inline constexpr Duration kStatusIntervalMax = Duration::milliseconds(25);
// A poll is answered at once, but not more often than this.
inline constexpr Duration kPollAnswerInterval = Duration::milliseconds(1);
// A sign of life while nothing comes.
inline constexpr Duration kStatusIdle = Duration::milliseconds(200);

// ---- both

// Without a word from the other side for so long it is given up: within 2 s of its death.
inline constexpr Duration kSilenceMax = Duration::milliseconds(1500);

// ---- sender

// A transmission counts as lost when one that was made so much later has been heard: networks reorder.
inline constexpr std::uint32_t kReorderMax = 32;
// The wait for what else is lost, so that a repair serves several receivers.
inline constexpr Duration kMergeWait = Duration::milliseconds(10);
inline constexpr Duration kPollInterval = Duration::milliseconds(10);
// What the schedule may lag behind and make up for at once ...
inline constexpr Duration kCatchUp = Duration::milliseconds(20);
// ... and what it makes up for at so many times the rate.
inline constexpr Duration kBehindMax = Duration::seconds(1);
inline constexpr double kHaste = 1.25;
// Receivers that are not there yet are waited for, from the first that is.
inline constexpr Duration kStartPatience = Duration::milliseconds(100);
// Segments that wait for repair; more are reported again.
inline constexpr std::size_t kRepairsMax = 65'536;

// Who gets less than kSlowShare of what is sent in kSlowWindows windows in a row is slow ...
inline constexpr Duration kWindow = Duration::milliseconds(40);
inline constexpr std::uint32_t kWindowDatagrams = 64;
inline constexpr double kSlowShare = 0.85;
inline constexpr int kSlowWindows = 2;
// ... until it gets this share again.
inline constexpr double kFastShare = 0.95;
inline constexpr Duration kSlowRepeat = Duration::seconds(0.5);
// All are slow: what the fastest of them got, and a little less, so that queues drain; then slowly up again.
inline constexpr double kDrainShare = 0.98;
inline constexpr double kRaise = 0.02;  // the first time, then twice, three times as much, ...
inline constexpr Duration kRaiseInterval = Duration::milliseconds(80);
// What is handed over is paced at so much of what the receiver was seen to get: far above it TCP would fill its queue.
inline constexpr double kHandOverShare = 1.1;
// Nothing new has reached a receiver for so long while there was something to hear.
inline constexpr Duration kUnreachedAfter = Duration::milliseconds(400);

}  // namespace selmcast::mcast
