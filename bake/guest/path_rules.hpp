#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::guest {

/// dpkg's path-exclude and path-include options, in the order in which dpkg reads them (dpkg(1)).
struct PathRule {
  bool exclude = true;
  std::string pattern;  ///< fnmatch(3); '*' matches '/' too

  friend bool operator==(const PathRule&, const PathRule&) = default;
};
using PathRules = std::vector<PathRule>;

/// Returns the rules in one configuration file of dpkg; ignores other options.
PathRules parse_path_rules(std::string_view text);

/// Returns the rules of the guest's /etc/dpkg/dpkg.cfg.d/* and dpkg.cfg. Ubuntu's minimal images exclude manuals with
/// such rules.
PathRules dpkg_path_rules(Guest& guest);

/// Returns true when dpkg does not unpack `path`: the last matching rule excludes it.
bool is_excluded(const PathRules& rules, const std::string& path);

}  // namespace bake::guest
