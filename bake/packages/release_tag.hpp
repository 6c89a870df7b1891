#pragma once

#include <string>
#include <string_view>

namespace bake::bundle {

/// Returns the word of `version` (the version of a package, or a kernel release) that names another release of a
/// distribution than `distro` ("rhel8.2", "ubuntu20.04"); empty if none does. Known words: ".rhel8u2" and ".el8" (the
/// vendor's spec files and the %{dist} macro of EL), ".fc35", ".sles15sp3", "~u20.04" and "ubuntu20.04". A word without
/// a minor release agrees with each of them. Bundles for other distributions are not compared.
std::string contradicting_release(std::string_view version, std::string_view distro);

}  // namespace bake::bundle
