#include "bake/job/export_modules.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>

#include "bake/archive/archive.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"
#include "bake/disk/output.hpp"
#include "bake/disk/source.hpp"
#include "bake/guest/shell.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using bundle::BuiltModules;

constexpr const char* work = "/var/tmp/.bake-modules";

Error refusal(const fs::path& image, const std::string& why, std::string hint = {}, std::vector<Remedy> remedies = {}) {
  return {ErrorKind::incompatible, fmt::format("exporting the modules of '{}': {}", image.string(), why),
          std::move(hint), std::move(remedies)};
}

/// Returns the bundle of the image, which the store must have.
bundle::Bundle bundle_of(const fs::path& image, const nlohmann::json& manifest, const Environment& environment) {
  const auto& driver = manifest.at("driver");
  if (manifest.at("fit").at("verdict") != "needs build" || !driver.contains("bundle"))
    throw refusal(image, fmt::format("no module was compiled in it ({})", manifest.at("fit").value("verdict", "")));
  const auto id = driver.at("bundle").at("sha256").get<std::string>();
  const auto name = driver.at("bundle").at("name").get<std::string>();
  for (auto& bundle : environment.store.list())
    if (bundle.id() == id) return std::move(bundle);
  throw refusal(image, fmt::format("the store lacks its bundle '{}', whose packages name the sources", name),
                "add the bundle of the image to the store");
}

/// Returns the packages with sources that the image got from the bundle.
std::vector<bundle::SourcePackage> sources_of(const nlohmann::json& manifest, const bundle::Bundle& bundle) {
  std::vector<bundle::SourcePackage> sources;
  for (const auto& change : manifest.at("changes"))
    for (const auto& repository : bundle.repositories)
      for (const auto& package : repository.packages)
        if (package.dkms_source && package.file == change.value("file", ""))
          sources.push_back({package.name, package.version, package.sha256});
  return sources;
}

/// Has the guest's dkms pack each tree, and prints a line "module NAME/VERSION FILE" for each. A build may also leave
/// files in the vendor's source tree, which later builds against the driver need (Module.symvers).
std::string pack_script(const std::vector<bundle::SourcePackage>& sources, guest::Family family,
                        const std::string& kernel) {
  std::vector<std::string> names;
  for (const auto& source : sources) names.push_back(source.name);
  return fmt::format(
      "set -e\n"
      "kernel={0}\n"
      "rm -rf {3}\n"
      "mkdir -p {3}\n"
      "for package in {1}; do\n"
      "  for conf in $({2} $package | grep '^/usr/src/.*/dkms.conf$'); do\n"
      "    name=$(sed -n 's/^PACKAGE_NAME=//p' $conf | tr -d '\"' | head -n 1)\n"
      "    version=$(sed -n 's/^PACKAGE_VERSION=//p' $conf | tr -d '\"' | head -n 1)\n"
      "    dkms status -m $name -v $version -k $kernel | grep -q installed ||\n"
      "      {{ echo \"$name/$version is not installed for $kernel\"; exit 1; }}\n"
      "    dkms mktarball -m $name -v $version -k $kernel --binaries-only --archive {3}/$name-$version.dkms.tar.gz "
      ">&2\n"
      "    echo \"module $name/$version $name-$version.dkms.tar.gz\"\n"
      "  done\n"
      "done\n"
      "cd /\n"
      "trees=$(ls -d usr/src/ofa_kernel/*/$kernel usr/src/ofa_kernel/$kernel usr/src/ofa_kernel-*/*/$kernel "
      "usr/src/ofa_kernel/default 2>/dev/null || :)\n"
      "[ -z \"$trees\" ] || {{ tar -czf {3}/{4} $trees; echo 'tree {4}'; }}\n",
      shell_quote(kernel), guest::quoted(names), family == guest::Family::rpm ? "rpm -ql" : "dpkg-query -L", work,
      bundle::module_tree);
}

/// Reads the lines of pack_script(), and the archives that they name. The guest is hostile input: it may name anything.
std::vector<std::pair<bundle::ModuleArchive, std::string>> read_archives(const std::string& output,
                                                                         guest::Guest& guest) {
  std::vector<std::pair<bundle::ModuleArchive, std::string>> archives;
  std::uint64_t size = 0;
  for (const auto line : each_line(output)) {
    const auto words = split_words(line);
    const bool module = words.size() == 3 && words[0] == "module";
    if (!module && !(words.size() == 2 && words[0] == "tree")) continue;
    if (archives.size() == bundle::max_module_archives || !bundle::is_module_archive(words.back()))
      throw Error(ErrorKind::failed,
                  fmt::format("packing the modules with dkms: the guest names '{}'", printable(words.back())),
                  fmt::format("a build has at most {} archives with plain names", bundle::max_module_archives));
    auto bytes = guest.read(fmt::format("{}/{}", work, words.back()), bundle::max_module_archive).value_or("");
    size += bytes.size();
    if (size > bundle::max_modules_size)
      throw Error(ErrorKind::failed,
                  fmt::format("packing the modules with dkms: they have more than {} bytes", bundle::max_modules_size));
    bundle::ModuleArchive archive{module ? words[1] : "", words.back(), digest_of(bytes), bytes.size()};
    archives.emplace_back(std::move(archive), std::move(bytes));
  }
  return archives;
}

}  // namespace

BuiltModules export_modules(const fs::path& image, const fs::path& output, bool force, Environment& environment) try {
  require_free_name(output, force);  // before the slow work
  const auto source = open_source(image);
  const TemporaryDirectory scratch;
  auto session = open_scratch(source, scratch.path(), {}, environment);
  environment.progress.step("inspect");
  const auto facts = session->inspect();
  if (!facts.baked_manifest)
    throw refusal(image, fmt::format("it has no {}: bake did not make it", guest::manifest_path));
  const auto manifest = verify::read_manifest(*facts.baked_manifest, guest::manifest_path);
  const auto bundle = bundle_of(image, manifest, environment);
  BuiltModules modules;
  modules.kernel = manifest.at("kernel").at("release");
  modules.arch = facts.arch;
  if (const auto* kernel = facts.kernel(modules.kernel)) modules.vermagic = kernel->vermagic;
  modules.ofed = manifest.at("driver").at("ofed");
  modules.name = fmt::format("{} for {}", modules.ofed, modules.kernel);
  if (const auto* os = environment.matrix.find_os(facts.os.id, facts.os.version)) modules.distro = os->distro;
  modules.sources = sources_of(manifest, bundle);
  if (modules.sources.empty()) throw refusal(image, "its bundle has no sources of modules");
  environment.progress.step("pack the modules");
  const auto archives = read_archives(guest::run(session->guest(), "packing the modules with dkms",
                                                 pack_script(modules.sources, facts.family, modules.kernel)),
                                      session->guest());
  for (const auto& [archive, bytes] : archives) modules.archives.push_back(archive);
  const auto description = bundle::to_json(modules).dump(1) + "\n";
  bundle::built_modules_from(description, output.filename().string());  // fails now, not when it is added

  OutputFile file(output, force, {image});
  archive::TarWriter tar(file.path(), output_time());
  tar.add_file(std::string(bundle::modules_entry), description.size());
  tar.write(std::as_bytes(std::span(description)));
  for (const auto& [archive, bytes] : archives) {
    tar.add_file(archive.file, bytes.size());
    tar.write(std::as_bytes(std::span(bytes)));
  }
  tar.finish();
  modules.id = digest_of_file(file.path());
  file.publish();
  return modules;
} catch (const nlohmann::json::exception& error) {
  throw Error(
      ErrorKind::config,
      fmt::format("exporting the modules of '{}': reading its manifest: {}", image.string(), printable(error.what())),
      "another version of bake wrote the manifest");
}

}  // namespace bake::job
