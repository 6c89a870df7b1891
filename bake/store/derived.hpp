#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/progress.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/bundle/trust.hpp"
#include "bake/signature/openpgp.hpp"
#include "bake/store/store.hpp"

namespace bake::store {

/// The bytes that a file of the store may have, apart from payloads.
inline constexpr std::size_t max_stored_file = std::size_t{256} << 20U;

/// Returns where the store keeps the index of one of the bundle's repositories.
std::filesystem::path index_directory(const bundle::Bundle& bundle, const std::string& flavour);

/// Returns whether the record says that `flag` switched a check off.
bool was_overridden(const bundle::Trust& record, std::string_view flag);

/// Derives from the payload of a stored bundle what the store keeps about it, in the way in which it was added (with or
/// without its indexes), and judges it by `policy`. Each part of bundle.json and of the stored indexes that differs is
/// a problem of the result, as is a damaged payload. `pin` says what pins the archive if the record does not.
/// `archive_compared`: the archive is there, and the payload is what is in it. Does not compare the recorded trust.
Verification derive_again(const bundle::Bundle& bundle, const signature::KeyRing& ring, bundle::TrustPolicy policy,
                          const std::string& pin, Progress& progress, bool archive_compared = false);

/// Returns a problem for each check that the record of a bundle says was switched off when it was added, unless
/// `policy` switches it off too: the record is not a reason to skip a check.
std::vector<Problem> recorded_overrides(const bundle::Trust& record, const bundle::TrustPolicy& policy);

}  // namespace bake::store
