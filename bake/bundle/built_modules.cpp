#include "bake/bundle/built_modules.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::bundle {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~_-";

[[noreturn]] void refuse(const std::string& source, const std::string& why) {
  throw Error(ErrorKind::untrusted, fmt::format("reading built modules '{}': {}", source, why), "export them again",
              {{Remedy::Action::export_modules}});
}

/// Returns whether `text` is a name without a directory, as paths and commands of a guest need it.
bool is_plain(std::string_view text) {
  return !text.empty() && text.size() < 200 && text.front() != '.' && text.front() != '-' &&
         text.find_first_not_of(plain) == std::string_view::npos;
}

/// "mlnx-ofed-kernel/25.10": two plain names.
bool is_module(std::string_view text) {
  const auto slash = text.find('/');
  return slash != std::string_view::npos && is_plain(text.substr(0, slash)) && is_plain(text.substr(slash + 1));
}

void check(const BuiltModules& modules, const std::string& source) {
  const auto shown = [](const std::string& text) { return printable(text.substr(0, 100)); };
  if (!is_plain(modules.kernel)) refuse(source, fmt::format("'{}' is not a kernel release", shown(modules.kernel)));
  if (modules.sources.empty()) refuse(source, "it names no sources");
  for (const auto& package : modules.sources)
    if (!is_sha256(package.sha256))
      refuse(source, fmt::format("the digest of {} is not a sha256", shown(package.name)));
  if (modules.archives.empty() || modules.archives.size() > max_module_archives)
    refuse(source,
           fmt::format("it names {} archives; there must be 1 to {}", modules.archives.size(), max_module_archives));
  std::set<std::string> names;
  std::uint64_t size = 0;
  std::size_t trees_of_modules = 0;
  for (const auto& archive : modules.archives) {
    size += archive.size;
    trees_of_modules += archive.module.empty() ? 0 : 1;
    if (!names.insert(archive.file).second) refuse(source, fmt::format("it names '{}' twice", shown(archive.file)));
    if (!is_module_archive(archive.file) || (!archive.module.empty() && !is_module(archive.module)))
      refuse(source, fmt::format("'{}' is not a plain name", shown(archive.file + " " + archive.module)));
    if (archive.size > max_module_archive || !is_sha256(archive.sha256))
      refuse(source, fmt::format("the size or the digest of '{}' is not valid", archive.file));
  }
  if (trees_of_modules < modules.sources.size()) refuse(source, "it has no archive for some of the sources");
  if (size > max_modules_size) refuse(source, fmt::format("it has more than {} bytes", max_modules_size));
}

}  // namespace

bool is_module_archive(std::string_view name) {
  return is_plain(name) && (name == module_tree || name.ends_with(".dkms.tar.gz"));
}

bool BuiltModules::has_all(const std::vector<std::string>& packages) const {
  return std::all_of(packages.begin(), packages.end(), [&](const std::string& sha256) {
    return std::any_of(sources.begin(), sources.end(), [&](const auto& source) { return source.sha256 == sha256; });
  });
}

Json to_json(const BuiltModules& modules, bool stored) {
  Json json{{"schema", modules_schema},     {"name", modules.name},     {"kernel", modules.kernel},
            {"vermagic", modules.vermagic}, {"arch", modules.arch},     {"distro", modules.distro},
            {"ofed", modules.ofed},         {"sources", Json::array()}, {"archives", Json::array()}};
  for (const auto& package : modules.sources)
    json["sources"].push_back({{"name", package.name}, {"version", package.version}, {"sha256", package.sha256}});
  for (const auto& archive : modules.archives)
    json["archives"].push_back(
        {{"module", archive.module}, {"file", archive.file}, {"sha256", archive.sha256}, {"size", archive.size}});
  if (stored) {
    json["id"] = modules.id;
    json["pin"] = modules.pin;
    json["payload"] = {{"sha256", modules.payload_sha256}, {"size", modules.payload_size}};
  }
  return json;
}

BuiltModules built_modules_from(std::string_view text, const std::string& source) {
  BuiltModules modules;
  try {
    const auto json = nlohmann::json::parse(text);
    if (json.at("schema") != modules_schema)
      refuse(source, fmt::format("this bake reads the schema {}", modules_schema));
    json.at("name").get_to(modules.name);
    json.at("kernel").get_to(modules.kernel);
    json.at("vermagic").get_to(modules.vermagic);
    json.at("arch").get_to(modules.arch);
    json.at("distro").get_to(modules.distro);
    json.at("ofed").get_to(modules.ofed);
    for (const auto& each : json.at("sources"))
      modules.sources.push_back({each.at("name"), each.at("version"), each.at("sha256")});
    for (const auto& each : json.at("archives"))
      modules.archives.push_back({each.at("module"), each.at("file"), each.at("sha256"), each.at("size")});
    modules.id = json.value("id", "");
    modules.pin = json.value("pin", "");
    if (json.contains("payload")) {
      json.at("payload").at("sha256").get_to(modules.payload_sha256);
      json.at("payload").at("size").get_to(modules.payload_size);
    }
  } catch (const nlohmann::json::exception& error) {
    refuse(source, fmt::format("{} is not valid: {}", modules_entry, printable(error.what())));
  }
  check(modules, source);
  return modules;
}

}  // namespace bake::bundle
