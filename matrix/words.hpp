#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bake::matrix {

/// Returns id and version of a release as a person types it: "ubuntu 20.04", "Ubuntu-20.04", "ubuntu20.04",
/// "centos:7.7", "RHEL 8.2", "el8.2", "alma9.4". A code name ("focal") has no version. The matrix says whether the
/// release exists.
std::pair<std::string, std::string> release_words(std::string_view text);

/// Returns whether this is the id of a distribution alone: a release also needs a version.
bool is_distribution(std::string_view id);

/// Returns a driver release as a person types it: "5.5-1.0.3.2", "MLNX_OFED 5.5-1.0.3.2",
/// "MLNX_OFED_LINUX-5.5-1.0.3.2" → "5.5-1.0.3.2"; "DOCA-OFED 3.2.3-019000" → "doca-3.2.3-019000"; the beginning of one
/// ("5.5", "MLNX_OFED 5.5") stays. Empty if it is neither.
std::optional<std::string> driver_words(std::string_view text);

/// Returns whether this is a whole release ("5.5-1.0.3.2", "doca-3.2.3-019000"), not only its beginning.
bool is_whole_release(std::string_view text);

/// Returns whether the name of a VM size says that it has no InfiniBand: a family for general purposes, or one with
/// GPUs without the letter r. Source: learn.microsoft.com/azure/virtual-machines/vm-naming-conventions ("R - RDMA
/// capable") and .../sizes/overview (the families).
bool names_size_without_infiniband(std::string_view name);

}  // namespace bake::matrix
