#include <CLI/CLI.hpp>

#include "bake/cli/context.hpp"

namespace bake::cli {

void add_vhd(CLI::App& app, Context& /*context*/) {
  app.add_subcommand("vhd", "VHD containers: info, check, wrap, unwrap");
}

}  // namespace bake::cli
