#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/signature/signing.hpp"
#include "bake/transfer/pack.hpp"
#include "bake/transfer/unpack.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_key = 65536;

struct ExportOptions {
  transfer::PackRequest request;
  fs::path key;
};

void export_archive(ExportOptions& options, Context& context) {
  if (!options.key.empty()) options.request.private_pem = read_text(options.key, max_key);
  RealEnvironment environment(context);
  const auto packed = transfer::pack(options.request, environment.get());
  const auto signer = options.request.private_pem.empty()
                          ? ""
                          : signature::key_fingerprint(signature::public_half(options.request.private_pem));
  if (context.json)
    return context.print({{"archive", options.request.output.string()},
                          {"size", packed.size},
                          {"sha256", packed.sha256},
                          {"signer", signer},
                          {"recipes", packed.index.recipes},
                          {"bundles", packed.index.bundles},
                          {"extras", packed.index.extras},
                          {"files", packed.index.files.size()}});
  context.out << fmt::format("{}  {}\n  recipes  {}\n  bundles  {}\n  signed   {}\n  sha256   {}\n",
                             options.request.output.string(), human_size(packed.size), join(packed.index.recipes, ", "),
                             join(packed.index.bundles, ", "), signer.empty() ? "no: import it with --sha256" : signer,
                             packed.sha256);
}

struct ImportOptions {
  transfer::UnpackRequest request;
  fs::path trust;
};

/// Returns "carry" for "carry.tar.zst".
fs::path default_target(const fs::path& archive) {
  const auto name = archive.filename().string();
  return name.substr(0, name.find('.', 1));
}

std::string_view word(store::ImportedObject::Kind kind) {
  switch (kind) {
    case store::ImportedObject::Kind::bundle:
      return "bundle";
    case store::ImportedObject::Kind::extras:
      return "extras";
    case store::ImportedObject::Kind::key:
      return "key";
  }
  return "";
}

void print(Context& context, const ImportOptions& options, const transfer::Unpacked& unpacked, bool store_named) {
  const auto& to = options.request.to;
  if (context.json) {
    auto objects = Json::array();
    for (const auto& object : unpacked.objects)
      objects.push_back({{"kind", word(object.kind)}, {"name", object.name}, {"new", object.is_new}});
    auto recipes = Json::array();
    for (const auto& recipe : unpacked.recipes) recipes.push_back(recipe.string());
    auto overlays = Json::array();
    for (const auto& overlay : unpacked.index.overlays) overlays.push_back((to / overlay).string());
    return context.print({{"to", to.string()},
                          {"signer", unpacked.signer},
                          {"objects", objects},
                          {"recipes", recipes},
                          {"overlays", overlays}});
  }
  for (const auto& object : unpacked.objects)
    context.out << fmt::format("{:8} {}{}\n", word(object.kind), object.name,
                               object.is_new ? "" : "  (already in the store)");
  std::string needed;
  if (store_named) needed += " --store " + shell_quote(options.request.store.string());
  for (const auto& overlay : unpacked.index.overlays) needed += " --matrix " + shell_quote((to / overlay).string());
  for (const auto& recipe : unpacked.recipes)
    context.out << fmt::format("recipe   {}  next: bake plan {}{}\n", recipe.string(), shell_quote(recipe.string()),
                               needed);
}

void import_archive(ImportOptions& options, Context& context, bool store_named) {
  auto& request = options.request;
  if (!request.sha256.empty() && !is_sha256(request.sha256))
    throw Error(ErrorKind::usage, fmt::format("reading --sha256 '{}': not 64 hexadecimal digits", request.sha256));
  if (!options.trust.empty()) request.public_pem = read_text(options.trust, max_key);
  if (request.to.empty()) request.to = default_target(request.archive);
  request.store = context.store;
  print(context, options, transfer::unpack(request, context.progress()), store_named);
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("export", "pack recipes with all that they need, to carry them across an air gap");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("--recipe", options->request.recipes, "a recipe (schema bake/v1); may be repeated")->required();
  command->add_option("-o,--out", options->request.output, "the archive to write: carry.tar.zst")->required();
  command->add_option("--key", options->key, "sign with this private key ('bake key new' makes one)");
  command->add_flag("--force", options->request.force, "replace an existing archive");
  command->callback([options, &context] { export_archive(*options, context); });
}

void add_import(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("import", "verify and import an archive of 'bake export'");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("archive", options->request.archive, "the archive")->required();
  command->add_option("--trust", options->trust, "the public key that must have signed it");
  command->add_option("--sha256", options->request.sha256, "the archive must have this sha256");
  command->add_option("--to", options->request.to,
                      "new directory for recipes, bases and matrix rows (default: the archive's name)");
  const auto* store = app.get_option("--store");
  command->callback([options, store, &context] { import_archive(*options, context, store->count() > 0); });
}

}  // namespace bake::cli
