#include "bake/guest/path_rules.hpp"

#include <fnmatch.h>

#include "bake/base/text.hpp"

namespace bake::guest {

PathRules parse_path_rules(std::string_view text) {
  PathRules rules;
  for (const auto line : each_line(text)) {
    auto option = trim(line);
    while (option.starts_with('-')) option.remove_prefix(1);
    for (const std::string_view name : {"path-exclude", "path-include"}) {
      if (!option.starts_with(name)) continue;
      auto value = trim(option.substr(name.size()));
      if (value.starts_with('=')) value = trim(value.substr(1));
      if (value.size() > 1 && value.front() == value.back() && (value.front() == '"' || value.front() == '\''))
        value = value.substr(1, value.size() - 2);
      if (!value.empty()) rules.push_back({name == "path-exclude", std::string(value)});
    }
  }
  return rules;
}

PathRules dpkg_path_rules(Guest& guest) {
  constexpr const char* directory = "/etc/dpkg/dpkg.cfg.d";
  constexpr std::size_t max_rules = 1000;  // every missing file is compared with each; a minimal image has twenty
  PathRules rules;
  const auto add = [&](const std::string& file) {
    for (auto& rule : parse_path_rules(guest.read(file).value_or("")))
      if (rules.size() < max_rules) rules.push_back(std::move(rule));
  };
  for (const auto& name : guest.list(directory)) add(std::string(directory) + "/" + name);
  add("/etc/dpkg/dpkg.cfg");
  return rules;
}

bool is_excluded(const PathRules& rules, const std::string& path) {
  bool excluded = false;
  for (const auto& rule : rules)
    if (::fnmatch(rule.pattern.c_str(), path.c_str(), 0) == 0) excluded = rule.exclude;
  return excluded;
}

}  // namespace bake::guest
