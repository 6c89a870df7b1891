// Makes stand-ins for the packages of DOCA-Host: a .deb or .rpm with a whole repository in it. No genuine one was seen,
// so they follow the names and paths of public logs, and tests spoil every part of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/bundles.hpp"

namespace bake::testing {

/// The parts of an outer package, ready to be spoilt by a test before they are put together.
struct DocaParts {
  bool deb = true;
  std::string name = "doca-host";
  std::string version;  ///< of an rpm without its release
  std::string release;  ///< of an rpm
  std::string arch;
  std::string directory;                     ///< of the repository, below the root: "usr/share/doca-host-…/repo"
  std::map<std::string, std::string> files;  ///< below the root
  std::vector<Member> more;                  ///< entries as they are, after all others
  Compression compression = Compression::xz;

  /// The name of the bundle, and with a suffix that of the file.
  [[nodiscard]] std::string stem() const;
  [[nodiscard]] std::string file_name() const { return stem() + (deb ? ".deb" : ".rpm"); }
  [[nodiscard]] std::string bytes() const;
};

/// Family D1: 3.2.3-019000 for ubuntu24.04, DKMS sources; index and InRelease and Release.gpg by vendor().
DocaParts doca_deb();
/// Family D2: 3.1.0-091000 for rhel9.6, kmod packages that vendor() signed, and doca-extra without a signature.
DocaParts doca_rpm_with_kmods();
/// Family D3: 3.2.2-035000 for rhel9, DKMS sources; no member is signed.
DocaParts doca_rpm_with_dkms();
/// Family E for 5.14.0-503.26.1.el9_5.x86_64, and for 6.8.0-63-generic.
DocaParts doca_kernel_rpm();
DocaParts doca_kernel_deb();

/// Packages of the repository, made from the .debs at or below its directory. `suite` is a directory below it, or "".
void index_pool(DocaParts& parts, const std::string& suite = "");
/// Release, Release.gpg and InRelease next to the index.
void sign_pool(DocaParts& parts, const Gpg& signer, const std::string& suite = "");
/// repodata of the repository, made from the .rpms below its directory.
void index_packages(DocaParts& parts);

}  // namespace bake::testing
