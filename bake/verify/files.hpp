#pragma once

#include <nlohmann/json.hpp>

#include "bake/guest/guest.hpp"
#include "bake/plan/plan.hpp"
#include "bake/verify/check.hpp"

namespace bake::verify {

/// Returns the state of the finished image for the manifest next to it: `list`, path → mode, owner and digest
/// (guest::Guest::fingerprints) of every file of the injected packages and of bake, and of all files below `trees`:
/// /etc, /boot and the modules that are not the kernel's own; and `rest`, one digest over the names, types, modes,
/// owners, sizes and link targets of all files (guest::Guest::tree_digest). Call it last: files that change later
/// differ.
nlohmann::ordered_json record_files(guest::Guest& guest, const plan::Plan& plan);

/// Returns the state now of a finished image that another program changed: of the files that `record` lists and of all
/// files below its trees. Call it first: programs of the guest may change files. Throws Error{config} when `record` is
/// damaged.
nlohmann::ordered_json record_files_again(guest::Guest& guest, const nlohmann::json& record);

/// Compares the image with the record in `manifest`, the file next to the image, and names the files that differ, are
/// missing or are new. The manifest of an older bake has no `rest`. No program of the guest runs. Throws Error{config}
/// when the record is damaged.
Check verify_files(guest::Guest& guest, const nlohmann::json& manifest);

}  // namespace bake::verify
