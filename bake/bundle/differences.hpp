#pragma once

#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"

namespace bake::bundle {

/// Compares what the store keeps about a bundle with what its payload says: name, version, distribution, layout,
/// repositories, packages, modules and indexes, but not the trust and the payload's digest. Returns a problem for each
/// part that differs.
std::vector<Problem> differences(const Bundle& stored, const Bundle& derived);

/// Compares the recorded signer and weak algorithms of an rpm bundle with those of a new check of the signatures.
/// Returns no problem if either names no signer. (A deb bundle may have signatures of several keys; which one counts
/// depends on the key ring.)
std::vector<Problem> differences(const Trust& stored, const Trust& derived);

}  // namespace bake::bundle
