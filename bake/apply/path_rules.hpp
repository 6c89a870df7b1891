#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::apply {

/// dpkg's path-exclude and path-include options, in the order in which dpkg reads them (dpkg(1)).
struct PathRule {
  bool exclude = true;
  std::string pattern;  ///< fnmatch(3); '*' matches '/' too

  friend bool operator==(const PathRule&, const PathRule&) = default;
};
using PathRules = std::vector<PathRule>;

/// The rules in one configuration file of dpkg; other options are passed over.
PathRules parse_path_rules(std::string_view text);

/// The rules of the guest's /etc/dpkg/dpkg.cfg.d/* and dpkg.cfg. Ubuntu's minimal images leave out manuals this way.
PathRules dpkg_path_rules(guest::Guest& guest);

/// True when dpkg does not unpack `path`: the last rule that matches says so.
bool leaves_out(const PathRules& rules, const std::string& path);

}  // namespace bake::apply
