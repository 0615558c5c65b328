// One visitor for a std::variant out of a lambda for each alternative: std::visit(Overloaded{...}, variant).
#pragma once

namespace selmcast {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace selmcast
