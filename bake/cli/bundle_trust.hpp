#pragma once

#include "bake/cli/context.hpp"

namespace bake::cli {

/// `bake bundle trust`: the keys whose signatures vouch for bundles.
void add_bundle_trust(CLI::App& bundle, Context& context);

}  // namespace bake::cli
