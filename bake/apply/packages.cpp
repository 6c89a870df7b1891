#include "bake/apply/packages.hpp"

#include <algorithm>
#include <iterator>

#include "bake/apply/payloads.hpp"

namespace bake::apply {

using resolve::PackageChange;

std::vector<std::string> package_files(const Changes& changes) {
  std::vector<std::string> files;
  for (const auto& change : changes)
    if (change.action != PackageChange::Action::remove)
      files.push_back(payload_mount(change.payload) + "/" + change.file);
  return files;
}

Changes only_extras(const Changes& changes, bool extras) {
  Changes some;
  std::copy_if(changes.begin(), changes.end(), std::back_inserter(some),
               [&](const auto& change) { return change.is_extra() == extras; });
  return some;
}

std::vector<std::string> removed_packages(const Changes& changes) {
  std::vector<std::string> names;
  for (const auto& change : changes)
    if (change.action == PackageChange::Action::remove) names.push_back(change.name);
  return names;
}

}  // namespace bake::apply
