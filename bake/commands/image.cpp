#include "bake/job/image.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bake/base/file.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/output.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/job/already_baked.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::cli {
namespace {

struct ImageOptions {
  std::filesystem::path recipe;
  std::filesystem::path output;
  bool force = false;
  bool if_needed = false;
  std::filesystem::path key;
};

void show(const std::filesystem::path& image, const Json& manifest, Context& context) {
  if (context.json) {
    context.print(manifest);
    return;
  }
  const auto text = [&manifest](const char* pointer) {
    return manifest.at(Json::json_pointer(pointer)).get<std::string>();
  };
  context.out << fmt::format("{}\n  driver    {} for {} {}, kernel {}\n  manifest  {}\n  sha256    {}\n",
                             image.string(), text("/driver/ofed"), text("/os/id"), text("/os/version"),
                             text("/kernel/release"), sidecar_of(image, Sidecar::manifest).string(),
                             text("/product/sha256"));
}

void bake_one(const ImageOptions& options, Context& context) {
  const auto recipe = recipe::load(options.recipe);
  const auto output = options.output.empty() ? recipe::default_output(recipe, "") : options.output;
  const auto private_pem = options.key.empty() ? std::string() : read_text(options.key, std::size_t{64} << 10U);
  RealEnvironment environment(context);
  require_vhd_name(output);
  if (options.if_needed) {
    const auto found = job::already_baked(recipe, output, environment.get(), private_pem);
    if (found.manifest) {
      context.progress().step(fmt::format("nothing to do: {} is the image of the recipe", output.filename().string()));
      return show(output, *found.manifest, context);
    }
    context.progress().step("to bake: " + found.reason);
  }
  show(output, job::bake_image(recipe, output, options.force, environment.get(), private_pem).manifest, context);
}

}  // namespace

void add_image(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("image", "bake an image from a recipe");
  auto options = std::make_shared<ImageOptions>();
  command->add_option("recipe", options->recipe, "the recipe (schema bake/v1)")->required();
  command->add_option("-o,--output", options->output,
                      "the VHD to write (default: NAME.vhd here; NAME-baked.vhd if that is the base)");
  command->add_flag("--force", options->force, "replace an existing output");
  command->add_flag("--if-needed", options->if_needed, "do nothing when the output is the image of the recipe");
  command->add_option("--sign-key", options->key,
                      "sign the provenance with this private key ('bake key new' makes one)");
  command->callback([options, &context] { bake_one(*options, context); });
}

}  // namespace bake::cli
