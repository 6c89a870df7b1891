#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bake::cli {

/// What the manual page of a command says in addition to its help.
struct Manual {
  using Entries = std::vector<std::pair<std::string, std::string>>;

  std::string command;  ///< "image"; empty: bake itself
  std::string description;
  Entries files;                      ///< path and meaning
  Entries examples;                   ///< command line and meaning
  std::vector<std::string> see_also;  ///< "bake-plan(1)"
};

/// Returns the manual of a command; an empty one if there is none.
const Manual& manual_of(const std::string& command);

}  // namespace bake::cli
