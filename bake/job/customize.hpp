#pragma once

#include "bake/plan/customize.hpp"
#include "bake/recipe/recipe.hpp"

namespace bake::job {

/// Reads the files of `customize` from this machine: digests of files and scripts, directories with all their files,
/// keys. Throws Error{config} listing every problem: a file that is missing or cannot be read, a link or a special
/// file, two files for one path, a file of keys with a private key or without a key.
plan::Customization read_customization(const recipe::Recipe& recipe);

}  // namespace bake::job
