#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bake::guest {

/// The size limit in bytes of one of depmod's indexes. modules.alias of EL8 has 1.2 MB.
inline constexpr std::size_t max_module_index = std::size_t{16} << 20U;

/// One line of depmod's modules.dep: "path: needed needed".
struct ModuleDependencies {
  std::string_view path;            ///< counts from the directory of modules.dep
  std::vector<std::string> needed;  ///< paths of the modules that it needs, also those that these need (depmod(8))
};

/// Calls `visit` for each line of a modules.dep that has a colon, one after the other: the file is hostile input, and
/// its words need more memory than its text.
void each_module(std::string_view modules_dep, const std::function<void(const ModuleDependencies&)>& visit);

/// Returns module name → path for each line of a modules.dep; `directory` is the one that its paths count from:
/// "lib/modules/K/".
std::map<std::string, std::string> resolve_modules(std::string_view modules_dep, const std::string& directory);

/// "lib/modules/K/extra/mlx5_core.ko.xz" → "mlx5_core"; modprobe treats dashes as underscores.
std::string module_name_of(std::string_view path);

}  // namespace bake::guest
