#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <memory>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/built_modules.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/output.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/job/export_modules.hpp"
#include "bake/job/inspect.hpp"
#include "bake/store/built_modules.hpp"
#include "bake/store/checksum_file.hpp"
#include "bake/verify/check.hpp"

namespace bake::cli {
namespace {

using bundle::BuiltModules;
namespace fs = std::filesystem;

struct ModulesArguments {
  fs::path subject, output;
  std::string pin, id;
  bool force = false;
};

std::string row_of(const BuiltModules& modules) {
  std::uint64_t size = 0;
  for (const auto& archive : modules.archives) size += archive.size;
  return fmt::format("{}  {} ({})  {} packages  {}\n", modules.id.substr(0, 12), modules.name, modules.distro,
                     modules.sources.size(), human_size(size));
}

Json json_of(const BuiltModules& modules) {
  auto json = bundle::to_json(modules);
  json["sha256"] = modules.id;
  return json;
}

void show(const BuiltModules& modules, Context& context) {
  if (context.json) return context.print(json_of(modules));
  context.out << row_of(modules);
}

/// Verifies the image, also against the manifest next to it: modules of a damaged image must serve no other.
void require_good(const fs::path& image, job::Environment& environment) {
  const auto manifest = sidecar_of(image, Sidecar::manifest);
  const auto verdict =
      job::verify_image(image, fs::exists(manifest) ? std::optional(manifest) : std::nullopt, environment, "", false);
  verify::require(verdict.checks, image.filename().string());
}

void export_from(const ModulesArguments& arguments, Context& context) {
  RealEnvironment environment(context);
  require_free_name(arguments.output, arguments.force);  // before the slow work
  require_good(arguments.subject, environment.get());
  const auto modules = job::export_modules(arguments.subject, arguments.output, arguments.force, environment.get());
  show(modules, context);
  if (!context.json)
    context.out << fmt::format("then, where they are needed:\n  bake modules add {} --sha256 {}{}\n",
                               shell_quote(arguments.output.string()), modules.id, store_option(context));
}

void add(const ModulesArguments& arguments, Context& context) {
  auto pin = arguments.pin;
  if (!pin.empty() && !is_sha256(pin)) {
    if (!fs::is_regular_file(pin))
      throw Error(ErrorKind::usage,
                  fmt::format("reading --sha256 '{}': neither 64 hexadecimal digits nor a file", pin));
    pin = store::digest_in_checksum_file(pin, {arguments.subject.filename().string()});
  }
  show(store::add_modules(store::Store(context.store), arguments.subject, pin, context.progress()), context);
}

void list(Context& context) {
  context.require_store();
  const auto all = store::all_modules(store::Store(context.store));
  if (context.json) {
    auto array = Json::array();
    for (const auto& modules : all) array.push_back(json_of(modules));
    return context.print({{"modules", array}});
  }
  if (all.empty()) context.out << fmt::format("the store '{}' has no compiled modules\n", context.store.string());
  for (const auto& modules : all) context.out << row_of(modules);
}

void remove(const ModulesArguments& arguments, Context& context) {
  context.require_store();
  const auto name = store::remove_modules(store::Store(context.store), arguments.id);
  if (context.json) return context.print({{"removed", name}});
  context.out << fmt::format("removed {}\n", name);
}

}  // namespace

void add_modules(CLI::App& app, Context& context) {
  auto* modules = app.add_subcommand("modules", "take compiled modules from one image to others");
  modules->require_subcommand(1);
  const auto arguments = std::make_shared<ModulesArguments>();
  auto* exporting = modules->add_subcommand("export", "write the compiled modules of a finished image to a file");
  exporting->add_option("image", arguments->subject, "a finished image")->required();
  exporting->add_option("-o,--output", arguments->output, "the file to write")->required();
  exporting->add_flag("--force", arguments->force, "replace an existing file");
  exporting->callback([arguments, &context] { export_from(*arguments, context); });
  auto* adding = modules->add_subcommand("add", "check a file of 'modules export' and keep it in the store");
  adding->add_option("file", arguments->subject, "a file that 'bake modules export' wrote")->required();
  adding->add_option("--sha256", arguments->pin,
                     "required: the digest that 'modules export' printed, or a file that sha256sum wrote");
  adding->callback([arguments, &context] { add(*arguments, context); });
  modules->add_subcommand("list", "list the compiled modules in the store")->callback([&context] { list(context); });
  auto* removing = modules->add_subcommand("remove", "remove compiled modules from the store");
  removing->add_option("id", arguments->id, "the beginning of the id")->required();
  removing->callback([arguments, &context] { remove(*arguments, context); });
}

}  // namespace bake::cli
