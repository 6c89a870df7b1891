#include "bake/job/image.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bake/base/file.hpp"
#include "bake/cli/context.hpp"
#include "bake/cli/real_environment.hpp"

namespace bake::cli {
namespace {

struct ImageOptions {
  std::filesystem::path recipe;
  std::filesystem::path output;
  bool force = false;
  std::filesystem::path key;
};

void bake_one(const ImageOptions& options, Context& context) {
  const auto recipe = recipe::load(options.recipe);
  const auto output = options.output.empty() ? std::filesystem::path(recipe.name + ".vhd") : options.output;
  const auto private_pem = options.key.empty() ? std::string() : read_text(options.key, std::size_t{64} << 10U);
  RealEnvironment environment(context);
  const auto baked = job::bake_image(recipe, output, options.force, environment.get(), private_pem);
  if (context.json) {
    context.print(baked.manifest);
    return;
  }
  const auto& product = baked.manifest["product"];
  context.out << fmt::format("{}\n  driver    {} for {} {}, kernel {}\n  manifest  {}\n  sha256    {}\n",
                             baked.image.string(), baked.plan.ofed, baked.plan.os.id, baked.plan.os.version,
                             baked.plan.kernel(), baked.manifest_file.string(), product["sha256"].get<std::string>());
}

}  // namespace

void add_image(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("image", "bake an image from a recipe");
  auto options = std::make_shared<ImageOptions>();
  command->add_option("recipe", options->recipe, "the recipe (schema bake/v1)")->required();
  command->add_option("-o,--output", options->output, "the VHD to write (default: NAME.vhd here)");
  command->add_flag("--force", options->force, "replace an output that is there");
  command->add_option("--sign-key", options->key,
                      "sign the provenance with this private key ('bake key new' makes one)");
  command->callback([options, &context] { bake_one(*options, context); });
}

}  // namespace bake::cli
