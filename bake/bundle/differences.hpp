#pragma once

#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"

namespace bake::bundle {

/// Compares what the store keeps about a bundle with what its payload says: name, version, distribution, layout,
/// repositories, packages, modules and indexes, but not the trust and the payload's digest. Returns a problem for each
/// part that differs.
std::vector<Problem> differences(const Bundle& stored, const Bundle& derived);

/// Compares the recorded signer and weak algorithms of a bundle with those of a new check of the signatures. No
/// recorded signer is not a problem, but a recorded one that the check did not find is.
std::vector<Problem> differences(const Trust& stored, const Trust& derived);

}  // namespace bake::bundle
