// What the commands of `selmcast` return to the shell (the same for all of them).
#pragma once

namespace selmcast::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;  // nothing wrong with the input: no space, no connection, our own fault
inline constexpr int kExitUsage = 2;   // wrong flags or input
inline constexpr int kExitInfeasible = 3;  // no plan meets the constraints
inline constexpr int kExitStuck = 4;       // arena: no promise was broken, but somebody did not get on

}  // namespace selmcast::cli
