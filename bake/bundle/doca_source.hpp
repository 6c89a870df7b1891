#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bake/bundle/bundle.hpp"

namespace bake::bundle {

/// The repository that one entry of a .list or .repo file names. Paths are the places in an installed system without
/// the leading slash: relative to the root of the payload.
struct SourceEntry {
  std::string file;                    ///< the file that has the entry: "etc/apt/sources.list.d/doca.list"
  std::string directory;               ///< "usr/share/doca-host-3.2.3-…/repo"
  std::string index_directory;         ///< the same, or a directory below it that the suite of a .list names
  std::vector<std::string> keys = {};  ///< key files that it names with signed-by or gpgkey
  bool declares_trust = false;         ///< trusted=yes, or gpgcheck=0: asks for no signature. bake ignores it.

  friend bool operator==(const SourceEntry&, const SourceEntry&) = default;
};

/// Reads a file of sources.list.d in its one-line form (sources.list(5)); entries for sources (deb-src) do not count.
/// Throws Error{untrusted} for a repository outside of the package, and Error{config} for one that is not flat: the
/// suite must end with '/'. Messages name `bundle`.
std::vector<SourceEntry> parse_sources_list(std::string_view text, const std::string& file, const std::string& bundle);

/// Reads a file of yum.repos.d (dnf.conf(5)); sections with enabled=0 do not count. Throws as parse_sources_list().
std::vector<SourceEntry> parse_repo_file(std::string_view text, const std::string& file, const std::string& bundle);

/// Returns the directories below `paths` in which the packages of this product have a repository:
/// usr/share/doca-host-…/repo, or with `kernel_repository` usr/share/doca-host-…/Modules/<kernel>.
std::set<std::string> repository_directories(const std::set<std::string>& paths, bool kernel_repository);

/// Returns the one repository among `entries`, each of which must be in the package. Without entries, it is the one
/// directory that repository_directories() finds. Throws Error{untrusted} for an entry that names a directory that the
/// package does not have, and Error{config} if there is not exactly one.
SourceEntry choose_repository(const std::vector<SourceEntry>& entries, const std::set<std::string>& paths,
                              bool kernel_repository, const std::string& bundle);

}  // namespace bake::bundle
