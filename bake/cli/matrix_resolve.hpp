#pragma once

#include <CLI/CLI.hpp>

#include "bake/cli/context.hpp"

namespace bake::cli {

/// Adds `resolve` to the command `matrix`.
void add_matrix_resolve(CLI::App& matrix, Context& context);

}  // namespace bake::cli
