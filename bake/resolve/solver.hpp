#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bake/resolve/closure.hpp"
#include "bake/resolve/installed.hpp"

/// The question that closure.cpp asks libsolv. This header does not include libsolv; pool.hpp does.
namespace bake::resolve {

/// One repository: the texts of its index and its package files.
struct SolverSource {
  std::size_t payload = 0;
  bool kernel_bundle = false;
  std::string_view packages_text;
  std::string_view filelists_text;
  /// The file of each package that the repository has, by solver_key(); other packages of the index are ignored.
  std::map<std::string, std::string> files;
};

/// Returns name, version without a zero epoch, and architecture, which together identify a package in an index.
std::string solver_key(const std::string& name, const std::string& evr, const std::string& arch);

struct SolverWanted {
  std::string name;
  std::string version;        ///< empty: the newest version in the first source that has the name
  bool distribution = false;  ///< of the distribution: a name that is unknown is missing, not a typing error
};

struct SolverRequest {
  bool deb = false;
  std::string arch;  ///< by the package manager's name: x86_64 or amd64
  const Installed* installed = nullptr;
  std::vector<SolverSource> sources;  ///< the first is preferred; only its packages may replace newer installed ones
  std::vector<SolverWanted> wanted;
  std::vector<std::string> never;
  std::vector<std::string> remove;  ///< names of packages that the recipe removes, if they are installed
  /// Installed packages that take the version of the first source when something is wanted.
  std::function<bool(const std::string&)> follows;
  /// Installed packages that are removed when something is wanted and the first source does not have them: always
  /// (must_go), or unless another package needs them (should_go).
  std::function<bool(const std::string&)> must_go, should_go;
  /// Installed packages that may be removed, in addition to those that a package of the first source conflicts with.
  std::function<bool(const std::string&)> removable;
  /// No installed package is removed.
  bool keeps_all = false;
  /// Installed packages that are never removed, even if another package conflicts with them.
  std::function<bool(const std::string&)> is_protected;
};

/// Returns the changes that the request needs, or all problems.
Closure run_solver(const SolverRequest& request);

}  // namespace bake::resolve
