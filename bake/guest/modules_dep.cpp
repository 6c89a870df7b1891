#include "bake/guest/modules_dep.hpp"

#include "bake/base/text.hpp"
#include "bake/guest/module_elf.hpp"

namespace bake::guest {

void each_module(std::string_view modules_dep, const std::function<void(const ModuleDependencies&)>& visit) {
  for (const auto line : each_line(modules_dep))
    if (const auto colon = line.find(':'); colon != std::string_view::npos)
      visit({line.substr(0, colon), split_words(line.substr(colon + 1))});
}

std::map<std::string, std::string> resolve_modules(std::string_view modules_dep, const std::string& directory) {
  std::map<std::string, std::string> resolved;
  for (const auto line : each_line(modules_dep)) {
    const std::string path(line.substr(0, line.find(':')));
    if (is_module_path(path)) resolved.try_emplace(module_name_of(path), directory + path);
  }
  return resolved;
}

std::string module_name_of(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return replace_all(std::string(name.substr(0, name.find('.'))), "-", "_");
}

}  // namespace bake::guest
