#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/plan/plan.hpp"

namespace bake::plan {

/// A package of the distribution that a plan lacks.
struct FetchPackage {
  std::string name;     ///< a package, or a file or capability that a package provides
  std::string version;  ///< as the package manager writes it; empty: any
  std::string arch;     ///< of the guest, in the words of its package manager; the package may be for all of them
  std::string why;

  friend bool operator==(const FetchPackage&, const FetchPackage&) = default;
};

/// What a machine with a network has to download for the guests of one release.
struct FetchList {
  guest::OsRelease os;
  guest::Family family = guest::Family::rpm;
  std::string distro;                  ///< "rhel7.7", as bundles name the release; empty: not known
  std::vector<std::string> kernels;    ///< the kernels of the recipes, sorted
  std::vector<FetchPackage> packages;  ///< sorted by name, each once

  /// The directory for the packages, in the commands: "extras-rhel7.7".
  [[nodiscard]] std::string directory() const;
};

/// Returns what the plan of `inputs` lacks: the dependencies that nothing provides, and what a build of the modules
/// needs (dkms, gcc, make, headers of the kernel). Pure.
FetchList fetch_list(const Inputs& inputs);

/// Returns one list for each release, in the order of the first list of each: with the kernels and packages of all
/// lists of the release, each once. A package without a version is left out if another list names a version.
std::vector<FetchList> merged(const std::vector<FetchList>& lists);

/// Returns the command lines that download the packages, with all their dependencies, into directory(). Empty for a
/// list without packages. They are for a machine with the release of the list. apt gets an empty status file, and dnf
/// --alldeps, so that packages of that machine make no difference; yumdownloader has no such option and leaves out what
/// is installed (apt-get(8); dnf-plugins-core, download; yum-utils, yumdownloader.py).
std::vector<std::string> download_commands(const FetchList& list);

/// Returns {os, kernels, packages: [{name, version, arch, why}], commands}.
nlohmann::ordered_json to_json(const FetchList& list);

/// Returns the list for a person: the packages with their reasons, and the commands.
std::string to_text(const FetchList& list);

}  // namespace bake::plan
