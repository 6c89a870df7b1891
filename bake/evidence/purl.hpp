#pragma once

#include <string>

namespace bake::evidence {

/// The distribution of an image, for the addresses of its packages.
struct Distribution {
  std::string type;  ///< "rpm" or "deb"
  std::string id;    ///< "centos"
  std::string version;
};

/// Returns the package URL (package-url/purl-spec) of an installed package, with its qualifiers in the order of their
/// names: "pkg:rpm/centos/libibverbs@55mlnx37-1?arch=x86_64&distro=centos-7.7&epoch=1". `version` is
/// [epoch:]version[-release]. An epoch is a qualifier for rpm, and part of the version for deb.
std::string purl_of(const Distribution& distribution, const std::string& name, const std::string& version,
                    const std::string& arch);

}  // namespace bake::evidence
