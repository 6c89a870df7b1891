#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>

#include "bake/archive/archive.hpp"
#include "bake/assets/assets.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/output.hpp"

namespace bake::cli {
namespace {

struct PackOptions {
  std::filesystem::path output = "InfiniBandDriverLinux.zip";
  bool force = false;
};

void pack(const PackOptions& options, Context& context) {
  require_parent_directory(options.output);
  if (std::filesystem::exists(options.output) && !options.force)
    throw Error(ErrorKind::usage, fmt::format("writing handler package '{}': it exists", options.output.string()),
                "--force replaces it");
  archive::write_zip(options.output, {{"HandlerManifest.json", std::string(assets::handler_manifest()), 0644},
                                      {"ib-firstboot", std::string(assets::firstboot()), 0755}});
  const auto digest = digest_of_file(options.output);
  if (context.json)
    context.print({{"package", options.output.string()}, {"sha256", digest}});
  else
    context.out << fmt::format("{}  sha256 {}\n", options.output.string(), digest);
}

}  // namespace

void add_handler(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("handler", "ib-firstboot as a VM extension, for sites that sideload extensions");
  command->require_subcommand(1);
  auto* pack_command = command->add_subcommand("pack", "write the extension package, a zip the Azure Linux agent runs");
  auto options = std::make_shared<PackOptions>();
  pack_command->add_option("-o,--output", options->output, "the zip to write")->capture_default_str();
  pack_command->add_flag("--force", options->force, "replace an existing file");
  pack_command->callback([options, &context] { pack(*options, context); });
}

}  // namespace bake::cli
