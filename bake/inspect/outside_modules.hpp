#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// The bytes that all of them together may have, unpacked. A bundle has less than 100 MiB.
inline constexpr std::uint64_t max_outside_modules = std::uint64_t{2} << 30U;

/// A file of a kernel module that did not come with the kernel.
struct OutsideModule {
  std::string path;      ///< of the file itself, not through a link: "/usr/lib/modules/K/extra/mlx5_core.ko"
  bool of_base = false;  ///< a package owns it that the bake did not install

  friend bool operator==(const OutsideModule&, const OutsideModule&) = default;
};

/// Returns the modules of `kernel` that did not come with it, sorted: those outside kernel/ of its directory, the
/// targets of its weak-updates links, those of the packages `installed` (packages of the kernel among them do not
/// count), and files in its directory that no package owns. Throws Error{failed} if the guest cannot list them,
/// and Error{untrusted} for a name that is not printable.
std::vector<OutsideModule> find_outside_modules(Guest& guest, Family family, const std::string& kernel,
                                                const std::vector<std::string>& installed);

/// Returns path → mode, owner and digest (Guest::fingerprints) of the outside modules that a base has before a bake.
std::map<std::string, std::string> base_modules(Guest& guest, Family family, const std::string& kernel);

/// Returns the content of a module, unpacked by the suffix of its name. Throws Error{failed} if it is missing, and
/// Error{untrusted} if it is damaged or larger than max_module.
std::string read_unpacked_module(Guest& guest, const std::string& path);

}  // namespace bake::guest
