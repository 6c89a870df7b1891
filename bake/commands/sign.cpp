#include "bake/job/sign.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bake/base/file.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"

namespace bake::cli {
namespace {

struct SignOptions {
  std::filesystem::path image;
  std::filesystem::path key;
};

void sign(const SignOptions& options, Context& context) {
  const auto private_pem = read_text(options.key, std::size_t{64} << 10U);
  RealEnvironment environment(context);
  const auto made = job::sign_image(options.image, private_pem, environment.get());
  if (context.json)
    return context.print({{"image", options.image.string()},
                          {"sha256", made.sha256},
                          {"signature", made.signature.string()},
                          {"key", made.key}});
  context.out << fmt::format("{}\n  signature  {}\n  key        {}\n  sha256     {}\n", options.image.string(),
                             made.signature.string(), made.key, made.sha256);
}

}  // namespace

void add_sign(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("sign", "sign the provenance of a finished image");
  auto options = std::make_shared<SignOptions>();
  command->add_option("image", options->image, "a VHD that bake made, with its documents next to it")->required();
  command->add_option("--sign-key,--key", options->key, "the private key ('bake key new' makes one)")->required();
  command->callback([options, &context] { sign(*options, context); });
}

}  // namespace bake::cli
