#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/job/inspect.hpp"
#include "bake/signature/signing.hpp"

namespace bake::cli {
namespace {

struct VerifyOptions {
  std::filesystem::path image;
  std::filesystem::path manifest;
  std::filesystem::path key;
  bool strict = false;
  bool again = false;
};

/// Returns the manifest to compare the image with: the given one, else the sidecar file if it exists.
std::optional<std::filesystem::path> manifest_of(const VerifyOptions& options) {
  if (!options.manifest.empty()) return options.manifest;
  const auto sidecar = sidecar_of(options.image, Sidecar::manifest);
  return std::filesystem::exists(sidecar) ? std::optional(sidecar) : std::nullopt;
}

void verify(const VerifyOptions& options, Context& context) {
  RealEnvironment environment(context);
  const auto public_pem = options.key.empty() ? std::string() : read_text(options.key, std::size_t{64} << 10U);
  if (!public_pem.empty()) signature::key_fingerprint(public_pem);  // throws now when it is not a key
  auto verdict = job::verify_image(options.image, manifest_of(options), environment.get(), public_pem, options.again);
  for (auto& check : verdict.checks)
    if (check.rule == "signature" && check.failed() && !options.key.empty())
      check.evidence += fmt::format(" (the key is '{}')", options.key.string());
  if (options.strict) verify::make_strict(verdict.checks);
  if (context.json) {
    Json document{{"image", options.image.string()},
                  {"ok", verify::is_good(verdict.checks)},
                  {"ofed", verdict.ofed},
                  {"kernel", verdict.kernel},
                  {"checks", verify::to_json(verdict.checks)}};
    if (!verdict.earlier.empty()) document["verified_at"] = verdict.earlier;
    context.print(document);
    context.document_printed = true;
  } else {
    for (const auto& check : verdict.checks)
      context.out << fmt::format("{:<7}  {:<17} {}{}\n", verify::word_for(check), check.rule, printable(check.evidence),
                                 check.remedy.empty() ? "" : " (" + check.remedy + ")");
    context.out << verify::summary_of(verdict.checks) << "\n";
    if (!verdict.earlier.empty())
      context.out << fmt::format("The checks were made at {}; no file changed since. --again makes them again.\n",
                                 verdict.earlier);
  }
  verify::require(verdict.checks, options.image.string());
}

}  // namespace

void add_verify(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("verify", "verify a finished image");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("image", options->image, "a VHD that bake made")->required();
  command->add_option("--manifest", options->manifest, "its manifest (default: IMAGE.manifest.json when it is there)");
  command->add_option("--key", options->key, "the public key that must have signed its provenance");
  command->add_flag("--strict", options->strict, "fail also for advice: the rules of Azure's image validators");
  command->add_flag("--again", options->again, "make every check, also when an earlier run found the same files good");
  command->callback([options, &context] { verify(*options, context); });
}

}  // namespace bake::cli
