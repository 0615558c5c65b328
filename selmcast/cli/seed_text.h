// What a command says of a --seed that is none. The same for all commands.
#pragma once

#include <string>

namespace selmcast::cli {

// Empty if the text is a whole number of 64 bits, else what is wrong with it. CLI11 alone reads -1 as 2^64 - 1 and
// cuts what is too large.
std::string not_a_seed(const std::string& text);

}  // namespace selmcast::cli
