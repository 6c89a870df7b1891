#include "bake/job/resign.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bake/base/file.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/job/sign.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::cli {
namespace {

struct ResignOptions {
  std::filesystem::path image;
  std::filesystem::path key;
};

void resign(const ResignOptions& options, Context& context) {
  const auto private_pem = options.key.empty() ? std::string() : read_text(options.key, std::size_t{64} << 10U);
  RealEnvironment environment(context);
  const auto result = job::resign_image(options.image, private_pem, environment.get());
  if (!result.changed) {
    context.progress().step(
        fmt::format("nothing to describe: {} is the image of its manifest", options.image.filename().string()));
    if (!private_pem.empty()) job::sign_image(options.image, private_pem, environment.get());
  }
  if (context.json) return context.print(result.manifest);
  const auto sha256 = result.manifest.at("product").at("sha256").get<std::string>();
  context.out << fmt::format(
      "{}\n  {:<9} {}\n  manifest  {}\n  sha256    {}\n", options.image.string(),
      result.changed ? "resigned" : "unchanged",
      result.changed ? verify::resigned_summary(result.manifest) : "it is the image of its manifest",
      sidecar_of(options.image, Sidecar::manifest).string(), sha256);
}

}  // namespace

void add_resign(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("resign", "describe an image again after another program changed it, with the changes");
  auto options = std::make_shared<ResignOptions>();
  command->add_option("image", options->image, "a VHD that bake made, with its manifest next to it")->required();
  command->add_option("--sign-key", options->key,
                      "sign the new provenance with this private key ('bake key new' makes one)");
  command->callback([options, &context] { resign(*options, context); });
}

}  // namespace bake::cli
