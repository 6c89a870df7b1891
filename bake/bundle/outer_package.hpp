#pragma once

#include <filesystem>
#include <string>

#include "bake/archive/archive.hpp"
#include "bake/archive/entry_policy.hpp"
#include "bake/archive/iso_writer.hpp"
#include "bake/base/progress.hpp"
#include "bake/bundle/doca_name.hpp"
#include "bake/bundle/tree.hpp"

namespace bake::bundle {

/// DOCA-Host comes as a .deb or .rpm that contains a whole repository. bake reads it as a stream on the host and never
/// installs it. The payload image has the repository, the files that name it and their keys below the paths at which
/// they would be installed, and one record of what the package says about itself: `control_record` for a deb,
/// `header_record` for an rpm.

/// The control file of a deb, as dpkg-deb -R names it.
inline constexpr const char* control_record = "DEBIAN/control";
/// The bytes of an rpm in front of its payload.
inline constexpr const char* header_record = "RPM/header";

/// Returns whether `file` is a .deb or .rpm whose header names an outer package. Throws Error{untrusted} for a damaged
/// one.
bool has_outer_package(const std::filesystem::path& file);

/// Streams the outer package `file` into a new payload image at `payload`. Throws Error{untrusted} for hostile, damaged
/// or truncated content, and for a file name that contradicts the header, and what identify_outer() throws.
StagedBundle stage_outer_package(const std::filesystem::path& file, const std::filesystem::path& payload,
                                 const archive::EntryLimits& limits, Progress& progress);

/// Returns the record in the payload image of an outer package. Throws Error{untrusted} when it is missing or damaged.
OuterHeader outer_header_of(const BundleTree& tree);

/// Copies the data of the current entry to the file that `writer` began.
void copy_entry(archive::ArchiveReader& reader, archive::EntryPolicy& policy, archive::IsoWriter& writer);

}  // namespace bake::bundle
