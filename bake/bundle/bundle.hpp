#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bake/guest/module_elf.hpp"

namespace bake::bundle {

enum class PackageFormat { rpm, deb };

/// One package file of a bundle, described by its index or, without an index, by its own header.
struct BundlePackage {
  std::string name;
  std::string version;  ///< [epoch:]version[-release]
  std::string arch;
  std::string file;  ///< path in the bundle below its top directory: "RPMS/libibverbs-….rpm"
  std::uint64_t size = 0;
  std::uint64_t installed_size = 0;         ///< bytes, 0 when the index does not say
  std::string sha256;                       ///< of the file in the payload; computed, never copied from the index
  std::vector<guest::ModuleFacts> modules;  ///< of packages with .ko files, otherwise empty
  std::string built_kernel;                 ///< directory below lib/modules in the payload, empty for other packages
  bool dkms_source = false;                 ///< has /usr/src/<x>/dkms.conf
  /// The modules that DKMS builds of its sources, as dkms.conf names them ("nvme-core"); empty when it does not say.
  std::vector<std::string> dkms_modules = {};
};

/// A directory of packages inside a bundle that a package manager can use as one repository.
struct Repository {
  std::string flavour;    ///< "mlnx-libs", "upstream-libs", or "flat"
  std::string directory;  ///< below the top directory: "DEBS/UPSTREAM_LIBS", "RPMS"
  bool indexed = false;   ///< has repodata/repomd.xml or Packages
  std::vector<BundlePackage> packages;
  std::string index_sha256 = {};  ///< digest_of_index() of the texts that the store keeps for the solver
};

/// The index of one repository, for the solver. Debs: the Packages file, which the signed Release vouches for. Rpms: a
/// primary.xml made from the packages' headers, because no signature covers the bundle's own one.
struct IndexTexts {
  std::string packages;        ///< Packages (deb) or primary.xml (rpm)
  std::string filelists = {};  ///< filelists.xml (rpm), or empty
};

/// Returns the digest of both texts, for Repository::index_sha256.
std::string digest_of_index(const IndexTexts& texts);

/// The checks of a bundle when it was added.
struct Trust {
  std::string archive_sha256;  ///< of the archive, or of the tree if the bundle was a directory (tree_digest.hpp)
  bool from_directory = false;
  std::string pin;     ///< source of the pin of that digest: "command line", "recipe", "matrix", or "" (none)
  std::string signer;  ///< fingerprint of the key of the user's key ring that signed, or ""
  std::vector<std::string> weak;        ///< weak algorithms: "DSA/SHA1", "index digests: MD5"
  std::vector<std::string> overridden;  ///< checks that --insecure-… flags switched off
};

/// Which release of DOCA-Host a bundle is. The DOCA version alone does not say it: builds for other machines have the
/// same version and another build, and other packages.
struct DocaRelease {
  std::string family;  ///< "D1" deb, "D2" rpm with built modules, "D3" rpm with DKMS sources, "E" modules of one kernel
  std::string version;  ///< "3.2.3"; of family E from the name of a directory, may be empty
  std::string build;    ///< "019000"; of family E may be empty
  std::string release;  ///< the OFED release line: "25.10"
  std::string ofed;     ///< as much of the OFED release as the packages state: "25.10-3.1.8.0", "25.10-3.1.8"
  std::string kernel;   ///< of family E: the kernel release for which it was built

  friend bool operator==(const DocaRelease&, const DocaRelease&) = default;
};

/// A bundle in the store. `store` paths: payload() is an ISO 9660 image whose root is the bundle's top directory.
struct Bundle {
  /// The top directory "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel8.2-x86_64", or the package
  /// "doca-host-3.2.2-035000_25.10_rhel9.x86_64".
  std::string name;
  std::string version;   ///< "5.5-1.0.3.2", "doca-3.2.2-035000"
  std::string distro;    ///< "rhel8.2", "ubuntu20.04", "rhel9" for each minor release
  std::string arch;      ///< "x86_64"
  std::string layout;    ///< "flat", "split" or "doca"
  bool rebuilt = false;  ///< an "-ext" bundle made by mlnx_add_kernel_support.sh
  PackageFormat format = PackageFormat::rpm;
  std::vector<Repository> repositories;
  Trust trust;
  std::string payload_sha256;
  std::uint64_t payload_size = 0;
  std::filesystem::path directory;       ///< where the store keeps it
  std::optional<DocaRelease> doca = {};  ///< of a bundle that came as a DOCA-Host package

  [[nodiscard]] std::filesystem::path payload() const { return directory / "payload.iso"; }
  [[nodiscard]] const std::string& id() const { return trust.archive_sha256; }
};

/// Packages of the base operating system that minimal images lack (tcl, libnl3, dkms, kernel headers…), added by the
/// user as one payload with an index made from the packages' own headers.
struct Extras {
  std::string id;      ///< digest over names and digests of its packages
  std::string name;    ///< the user's name for it
  std::string distro;  ///< "rhel7.7"; empty: for every release
  std::string signer;  ///< fingerprints of the named keys that signed every rpm; empty: signatures were not checked
  std::vector<std::string> weak;  ///< weak algorithms of those signatures
  PackageFormat format = PackageFormat::rpm;
  Repository repository;
  std::string payload_sha256;
  std::uint64_t payload_size = 0;
  std::filesystem::path directory;  ///< where the store keeps it

  [[nodiscard]] std::filesystem::path payload() const { return directory / "payload.iso"; }
};

}  // namespace bake::bundle
