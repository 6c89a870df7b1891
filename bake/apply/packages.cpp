#include "bake/apply/packages.hpp"

#include "bake/apply/apply.hpp"

namespace bake::apply {

using resolve::PackageChange;

std::vector<std::string> package_files(const plan::Plan& plan) {
  std::vector<std::string> files;
  for (const auto& change : plan.changes)
    if (change.action != PackageChange::Action::remove)
      files.push_back(payload_mount(change.payload) + "/" + change.file);
  return files;
}

std::vector<std::string> removed_packages(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const auto& change : plan.changes)
    if (change.action == PackageChange::Action::remove) names.push_back(change.name);
  return names;
}

}  // namespace bake::apply
